/* Clusters by name and by file; the files that cannot be, each refused in one line. */
#include "scale/cluster.h"

#include "core/error.h"
#include "tests/capture.h"
#include "tests/scale_data.h"
#include "tests/temporary_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static int open_all(void **state)
{
    return make_file(state) != 0 || open_data(state) != 0;
}

static int close_all(void **state)
{
    return close_data(state) != 0 || remove_file(state) != 0;
}

static void load(struct cluster *c, const char *name)
{
    assert_int_equal(cluster_load(c, name, &catalogue, &links), RB_OK);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_shapes(void **state)
{
    (void)state;
    struct cluster c;
    load(&c, "8xH800");
    assert_int_equal(cluster_gpus(&c), 8);
    assert_string_equal(c.link_name, "NVLink4");
    assert_true(c.link_nominal_Bps == 200e9 && c.link_Bps < 200e9 && c.link_Bps > 140e9);
    load(&c, "128x8xH100");
    assert_int_equal(cluster_gpus(&c), 1024);
    assert_int_equal(c.rails, 8);
    assert_true(c.nic_nominal_Bps == 50e9 && c.nic_Bps == 48.5e9);
    load(&c, "2xH100");
    assert_int_equal(c.rails, 2);
    load(&c, "4x4090");
    assert_int_equal(c.scaleup, SCALEUP_HOST);
    load(&c, "4xA100 PCIe 80GB"); /* a bridge joins two: four talk over PCIe */
    assert_int_equal(c.scaleup, SCALEUP_PCIE);
}

static void test_presets(void **state)
{
    (void)state;
    static const struct { const char *name; int gpus; } rows[] = {
        { "8x4090", 8 }, { "8xA100", 8 }, { "8xV100", 8 }, { "8xH200", 8 }, { "8xB200", 8 }, { "8xH100", 8 }, { "8xH800", 8 }, { "desktop-4090-1G", 256 }, { "desktop-4090-200G", 256 },
        { "2048x4090", 2048 }, { "3072xA100", 3072 }, { "NVL72", 72 }, { "pod-H100", 1024 }, { "torus-H100", 512 },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct cluster c;
        load(&c, rows[i].name);
        assert_int_equal(cluster_gpus(&c), rows[i].gpus);
    }
}

static void test_file(void **state)
{
    (void)state;
    struct cluster c;
    write_file("# three nodes, two switches\ngpu = H100\nper_node = 4\nnodes = 3\nnic = ConnectX-7 NDR IB\nrails = 4\nfabric = links\n"
               "link node0 left 200\nlink node1 left 200\nlink left right 100\nlink node2 right 200\nlink_GBps = 300\nnic_us = 5\n");
    load(&c, path);
    assert_int_equal(cluster_gpus(&c), 12);
    assert_int_equal(c.ncables, 4);
    assert_true(c.link_Bps == 300e9 && c.nic_latency.bulk_hop_s > 4.9e-6 && c.nic_latency.bulk_hop_s < 5.1e-6);
    cluster_free(&c);
}

/* Nothing but GPUs and nodes: what the name with the same figures is. */
static void test_usual_card(void **state)
{
    (void)state;
    struct cluster c, named;
    load(&named, "2x8xH100");
    write_file("gpu = H100\nper_node = 8\nnodes = 2\n");
    load(&c, path);
    assert_string_equal(c.nic_name, named.nic_name);
    assert_true(c.rails == 8 && c.fabric == named.fabric && c.nodes_per_leaf == named.nodes_per_leaf && c.nic_Bps == named.nic_Bps);
    write_file("nodes = 3\ngpu = H100\nper_node = 4\nfabric = fat_tree\n");
    load(&c, path);
    assert_true(c.rails == 4 && c.fabric == FABRIC_FAT_TREE);
    write_file("gpu = H100\nper_node = 8\nnodes = 2\nrails = 2\nnic = 10GbE TCP\n");
    load(&c, path);
    assert_true(c.rails == 2 && c.fabric == FABRIC_FAT_TREE && c.nic_nominal_Bps < 2e9);
}

/* More GPUs than NVLink joins need a rate of one's own, and that link is not called PCIe. */
static void test_own_link(void **state)
{
    (void)state;
    struct cluster c;
    write_file("gpu = H100\nper_node = 1024\nlink_GBps = 100\n");
    load(&c, path);
    assert_int_equal(c.scaleup, SCALEUP_LINK);
    assert_string_equal(c.link_name, "own link");
    assert_true(c.link_Bps == 100e9 && c.link_nominal_Bps == 100e9);
    write_file("gpu = H800\nper_node = 8\nnodes = 4\nnic_GBps = 20\n");
    load(&c, path);
    assert_string_equal(c.nic_name, "own card");
    assert_true(c.nic_Bps == 20e9 && c.nic_nominal_Bps == 20e9 && c.rails == 1);
    write_file("gpu = RTX 4090\nper_node = 4\nlink_GBps = 20\n");
    load(&c, path);
    assert_string_equal(c.link_name, "PCIe4 host");
    assert_true(c.link_Bps == 20e9 && c.link_nominal_Bps == 31.5e9);
}

#define HEAD "gpu = H100\nper_node = 8\nnodes = 2\nnic = ConnectX-7 NDR IB\n"

static void test_bad_files(void **state)
{
    (void)state;
    static const struct { const char *text, *part; } rows[] = {
        { "", "empty or binary" },
        { "nodes = 2\n", "no GPU is named" },
        { "gpu = H1000\n", ":1: GPU 'H1000'" },
        { HEAD "gpu = H100\n", ":5: gpu is there twice; line 1 has it as well" },
        { "gpu = H100\nnic = ConnectX-70\n", ":2: --nic 'ConnectX-70'" },
        { HEAD "fabric = links\nlink node0 s 100\nlink node1 s 100\nlink node0 node1 100\n", ":8: link node0 - node1 closes a loop" },
        { HEAD "fabric = links\nlink node0 s 100\n", "node1 cannot be reached from node0: a link is missing" },
        { HEAD "fabric = links\nlink node0 s 0\n", ":6: link node0 - s has a rate of 0 GB/s; it must be from 1e-06 to 1e+06" },
        { HEAD "fabric = links\nlink node0 s -1\n", "it must be from 1e-06" },
        { HEAD "fabric = links\nlink node0 node7 100\n", "nodes are node0 to node1" },
        { HEAD "fabric = links\nlink node0 s inf\n", "a rate of inf GB/s; it must be from 1e-06" },
        { HEAD "fabric = links\nlink node0 twenty-four-characters-xx 9\n", ":6: link end 'twenty-four-characters-xx' is longer than 23" },
        { HEAD "link node0 s 100\n", ":5: link node0 - s needs fabric = links, not fat_tree" },
        { HEAD "fabric = links\nlink node0\n", "is not two ends and GB/s" },
        { HEAD "link_GBps = 0\n", ":5: link_GBps = '0' must be a number from 1e-06 to 1e+06" },
        { HEAD "nic_GBps = nan\n", "must be a number from 1e-06 to 1e+06" },
        { HEAD "nic_GBps = 1e300\n", ":5: nic_GBps = '1e300' must be a number from 1e-06 to 1e+06" },
        { HEAD "nic_GBps = 1e-300\n", ":5: nic_GBps = '1e-300' must be a number from 1e-06" },
        { HEAD "link_GBps = inf\n", "link_GBps = 'inf' must be a number from 1e-06 to 1e+06" },
        { HEAD "reduce_GBps = 1e-300\n", "must be a number from 1e-06 to 1e+06, or 0 (free)" },
        { HEAD "rails = 0\n", ":5: rails = '0' must be a whole number from 1 to 65536" },
        { HEAD "oversubscription = 0.5\n", ":5: oversubscription = '0.5' must be a number from 1 to 1000" },
        { HEAD "fabric = torus\noversubscription = 2\n", "oversubscription is of leaf switches' uplinks (fat_tree, rail); fabric = torus has none" },
        { "gpu = H100\nnodes = 1000000\n", ":2: nodes = '1000000' must be a whole number from 1 to 65536" },
        { "gpu = H100\nnodes = 20000\nper_node = 8\n", "more than the 65536 GPUs" },
        { "gpu = L40S\nnodes = 2\n", "2 nodes need a card" },
        { "gpu = H100\nper_node = 1024\n", "NVLink4 joins 8 H100 SXM 80GB, not 1024; take 128 nodes of 8" },
        { HEAD "oversubscripton = 2\n", "did you mean oversubscription" },
        { HEAD "fabric = fattree\n", ":5: fabric 'fattree' is not known; did you mean fat_tree?" },
        { HEAD "fabric = torus\ntorus = 3x3\n", "a torus of 3x3x1 has 9 nodes, not 2" },
        { HEAD "slow_node = 5 0.5\n", "slow node 5: there are 0 to 1" },
        { HEAD "slow_gpu = 0 0\n", "it must be from 0.001 to 1" },
        { HEAD "slow_node = 0 1.5\n", ":5: a share of 1.5 is not that of a slow part; it must be from 0.001 to 1" },
        { HEAD "what is this\n", ":5: 'what is this' is neither KEY = VALUE" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct capture out;
        struct cluster c;
        write_file(rows[i].text);
        capture_begin(&out);
        const int rc = cluster_load(&c, path, &catalogue, &links);
        capture_end(&out);
        if (rc != RB_EUSAGE || capture_lines(&out) != 1 || strstr(out.text, rows[i].part) == NULL)
            fail_msg("wanted one line with '%s', got %d and: %s", rows[i].part, rc, out.text);
    }
}

static void test_bad_names(void **state)
{
    (void)state;
    static const struct { const char *name, *part; } rows[] = {
        { "8xH8000", "H8000" }, { "0x8xH100", "0 is not a count" }, { "99999x8xH100", "is not a count" }, { "pod-H10", "did you mean pod-H100" },
        { "16xH100", "NVLink4 joins 8 H100 SXM 80GB, not 16; take 2 nodes of 8 (like 2x8xH100 SXM 80GB)" }, { "9xH100", "nodes of at most 8" },
        { "2x16xH800", "joins 8 H800 SXM 80GB, not 16; take 4 nodes of 8" }, { "96xGB200", "NVLink5 joins 72 GB200" },
        { "99999999999999999999x8xH100", "99999999999999999999 is not a count of 1 to 65536" }, { "2xNVL72", "NVL72 is a whole cluster, take it alone" },
        { "nothing", "neither a preset" }, { "/tmp", "no cluster file: a directory" }, { "./missing.cluster", "missing.cluster" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct capture out;
        struct cluster c;
        capture_begin(&out);
        const int rc = cluster_load(&c, rows[i].name, &catalogue, &links);
        capture_end(&out);
        if (rc != RB_EUSAGE || capture_lines(&out) != 1 || strstr(out.text, rows[i].part) == NULL)
            fail_msg("%s: wanted one line with '%s', got %d and: %s", rows[i].name, rows[i].part, rc, out.text);
    }
}

/* Waited for, it would never end. */
static void test_named_pipe(void **state)
{
    (void)state;
    struct capture out;
    struct cluster c;
    assert_int_equal(remove(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    capture_begin(&out);
    const int rc = cluster_load(&c, path, &catalogue, &links);
    capture_end(&out);
    assert_int_equal(remove(path), 0);
    write_file("");
    assert_int_equal(rc, RB_EUSAGE);
    assert_non_null(strstr(out.text, "a pipe or device, not a regular file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes), cmocka_unit_test(test_presets),   cmocka_unit_test(test_file),
        cmocka_unit_test(test_usual_card), cmocka_unit_test(test_own_link),
        cmocka_unit_test(test_bad_files), cmocka_unit_test(test_bad_names), cmocka_unit_test(test_named_pipe),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
