#!/usr/bin/env bash
# What can go wrong with a verbs device, in a virtual machine with Soft-RoCE: a dead peer, a wrong key, a link that is down or
# deleted, locked memory; and the transport under the address and undefined-behaviour sanitizers.
. scripts/tap.sh
. tests/vm/part.sh

ok "build" built "$programs/tests/collectives_verbs_faults"
guest 250 env CMOCKA_MESSAGE_OUTPUT=TAP "$programs/tests/collectives_verbs_faults"
is "the guest ends well" $? 0
relay "in the guest"

ok "build with sanitizers" built BUILD="$programs/asan" CC=gcc SAN=address,undefined "$programs/asan/tests/collectives_verbs_device"
guest 340 env RINGBENCH_TEST_ONLY='test_t*' CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=detect_stack_use_after_return=1 \
    LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0" "$programs/asan/tests/collectives_verbs_device"
is "the guest ends well with sanitizers" $? 0
relay "with sanitizers"
finish
