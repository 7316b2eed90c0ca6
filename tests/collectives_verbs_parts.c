/* The parts of the verbs transport that need no device: splitting, packets, the choice of a GID, counters, what is said without
 * the library. */
#include "collectives/transport/verbs.h"
#include "collectives/transport/verbs_counters.h"
#include "core/error.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_parts(void **state)
{
    (void)state;
    static const struct { uint64_t bytes; uint32_t largest, mtu, parts; uint64_t packets; } rows[] = {
        { 0, 1000, 256, 1, 1 },          { 1, 1000, 256, 1, 1 },        { 1000, 1000, 256, 1, 4 },     { 1001, 1000, 256, 2, 5 },
        { 2500, 1000, 256, 3, 10 },      { 1 << 20, 8 << 20, 4096, 1, 256 }, { (8 << 20) + 1, 8 << 20, 4096, 2, 2049 },
        { 128 << 10, UINT32_MAX, 4096, 1, 32 },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        assert_int_equal(verbs_parts(rows[i].bytes, rows[i].largest), rows[i].parts);
        assert_int_equal(verbs_packets_of(rows[i].bytes, rows[i].largest, rows[i].mtu), rows[i].packets);
    }
    assert_int_equal(verbs_mtu_bytes(IBV_MTU_256), 256);
    assert_int_equal(verbs_mtu_bytes(IBV_MTU_4096), 4096);
}

static void test_requests(void **state)
{
    (void)state;
    const struct verbs_request given = { VERBS_CREDIT, 65535, 15, 63, 0xffffff };
    const struct verbs_request got = verbs_unpack(verbs_pack(given));
    assert_int_equal(got.kind, given.kind);
    assert_int_equal(got.peer, given.peer);
    assert_int_equal(got.qp, given.qp);
    assert_int_equal(got.slot, given.slot);
    assert_int_equal(got.parts, given.parts);
}

static struct ibv_gid_entry entry(uint32_t index, uint32_t type, const uint8_t *raw)
{
    struct ibv_gid_entry e = { .gid_index = index, .gid_type = type };
    memcpy(e.gid.raw, raw, 16);
    return e;
}

static void test_gid(void **state)
{
    (void)state;
    static const uint8_t local[16] = { 0xfe, 0x80, [15] = 1 }, ipv6[16] = { 0x20, 0x01, [15] = 1 },
                         ipv4[16] = { [10] = 0xff, [11] = 0xff, 10, 9, 0, 1 }, none[16] = { 0 };
    const uint32_t v1 = IBV_GID_TYPE_ROCE_V1, v2 = IBV_GID_TYPE_ROCE_V2, ib = IBV_GID_TYPE_IB;
    const struct ibv_gid_entry usual[] = { entry(0, v1, local), entry(1, v2, local), entry(2, v1, ipv4), entry(3, v2, ipv4), entry(5, v2, ipv6) };
    assert_int_equal(verbs_gid_choose(usual, 5, true), 3);
    assert_int_equal(verbs_gid_choose(usual, 3, true), 1); /* version 2 before an IPv4 address of version 1 */
    assert_int_equal(verbs_gid_choose(usual, 1, true), 0);
    const struct ibv_gid_entry no_ipv4[] = { entry(1, v2, local), entry(5, v2, ipv6) };
    assert_int_equal(verbs_gid_choose(no_ipv4, 2, true), 1);
    const struct ibv_gid_entry empty[] = { entry(0, v2, none) };
    assert_int_equal(verbs_gid_choose(empty, 1, true), -1);
    assert_int_equal(verbs_gid_choose(empty, 0, true), -1);
    const struct ibv_gid_entry infiniband[] = { entry(0, ib, local), entry(1, ib, ipv6) };
    assert_int_equal(verbs_gid_choose(infiniband, 2, false), 0);
    assert_int_equal(verbs_gid_choose(usual, 5, false), -1); /* no Ethernet address on InfiniBand */
    assert_int_equal(verbs_gid_choose(infiniband, 2, true), -1);
    assert_string_equal(verbs_gid_kind(v2), "RoCE v2");
    assert_string_equal(verbs_gid_kind(v1), "RoCE v1");
    assert_string_equal(verbs_gid_kind(ib), "InfiniBand");
}

static void write_counter(const char *root, const char *folder, const char *name, const char *value)
{
    char *path = rb_format("%s/card0/ports/1/%s", root, folder);
    char *make = rb_format("mkdir -p %s", path);
    assert_int_equal(system(make), 0);
    char *file = rb_format("%s/%s", path, name);
    FILE *f = fopen(file, "we");
    assert_non_null(f);
    fprintf(f, "%s\n", value);
    fclose(f);
    free(path);
    free(make);
    free(file);
}

static void test_counters(void **state)
{
    (void)state;
    char root[] = "/tmp/rb-counters.XXXXXX";
    struct transport_card c = { .payload = 5 };
    assert_non_null(mkdtemp(root));
    verbs_counters_read(root, "card0", 1, &c);
    assert_false(c.counted);
    assert_int_equal(c.payload, 5);

    write_counter(root, "counters", "port_xmit_packets", "123456789012");
    write_counter(root, "counters", "port_rcv_packets", "17");
    write_counter(root, "hw_counters", "local_ack_timeout_err", "2");
    write_counter(root, "hw_counters", "packet_seq_err", "3");
    write_counter(root, "hw_counters", "lifespan", "0");
    verbs_counters_read(root, "card0", 1, &c);
    assert_true(c.counted && !c.counts_loops);
    assert_int_equal(c.sent, 123456789012);
    assert_int_equal(c.received, 17);
    assert_int_equal(c.retried, 5);

    write_counter(root, "hw_counters", "sent_pkts", "8");
    write_counter(root, "hw_counters", "rcvd_pkts", "junk");
    verbs_counters_read(root, "card0", 1, &c);
    assert_int_equal(c.received, 17); /* half a pair does not count */
    write_counter(root, "hw_counters", "rcvd_pkts", "9");
    verbs_counters_read(root, "card0", 1, &c);
    assert_true(c.counted && c.counts_loops);
    assert_int_equal(c.sent, 8);
    assert_int_equal(c.received, 9);
    char *gone = rb_format("rm -r %s", root);
    assert_int_equal(system(gone), 0);
    free(gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_parts), cmocka_unit_test(test_requests), cmocka_unit_test(test_gid),
                                        cmocka_unit_test(test_counters) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
