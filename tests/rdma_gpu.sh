#!/usr/bin/env bash
# Simulated GPUs on hosts that the ranks pretend to be on, over Soft-RoCE in a virtual machine: kernels, the proxy and a real verbs device.
# Every algorithm, GPU memory by nvidia-peermem as far as it can be had, packets counted by the port, a peer that is killed.
. scripts/tap.sh
. tests/vm/part.sh

ok "build" built "$programs/tests/gpu_verbs_device"
guest 400 env CMOCKA_MESSAGE_OUTPUT=TAP "$programs/tests/gpu_verbs_device"
is "the guest ends well" $? 0
relay "in the guest"
like "the port counts the packets of a ring between two GPUs" "$work/guest" '^rxe0:1: [0-9]+ packets sent, [0-9]+ needed'
like "a killed peer is named" "$work/guest" 'rank 0: rxe0:1 on vm1 to rank 1 \(rxe0:1 on vm1\): .*it died, or the link'
finish
