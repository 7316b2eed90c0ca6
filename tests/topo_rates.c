/* Rates: the kernel's files of NICs, the catalogue of links, and how much memory a copy takes. */
#include "core/error.h"
#include "core/text.h"
#include "topo/catalogue.h"
#include "topo/memory.h"
#include "topo/nic_rate.h"
#include "topo/pcie_rate.h"

#include <math.h>
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

/* A small /sys. Folders stand before what they hold. */
static const struct entry {
    const char *path, *content; /* NULL: a folder */
} entries[] = {
    { "class", NULL }, { "class/infiniband", NULL }, { "class/net", NULL },
    { "class/infiniband/mlx5_0", NULL }, { "class/infiniband/mlx5_0/ports", NULL },
    { "class/infiniband/mlx5_0/ports/1", NULL },
    { "class/infiniband/mlx5_0/ports/1/rate", "100 Gb/sec (4X EDR)\n" }, { "class/infiniband/mlx5_0/ports/1/state", "1: DOWN\n" },
    { "class/infiniband/mlx5_0/ports/2", NULL },
    { "class/infiniband/mlx5_0/ports/2/rate", "400 Gb/sec (4X NDR)\n" }, { "class/infiniband/mlx5_0/ports/2/state", "4: ACTIVE\n" },
    { "class/infiniband/mlx5_1", NULL }, { "class/infiniband/mlx5_1/ports", NULL },
    { "class/infiniband/mlx5_1/ports/1", NULL },
    { "class/infiniband/mlx5_1/ports/1/rate", "2.5 Gb/sec (1X SDR)\n" }, { "class/infiniband/mlx5_1/ports/1/state", "1: DOWN\n" },
    { "class/net/eth0", NULL }, { "class/net/eth0/speed", "25000\n" },
    { "class/net/eth1", NULL }, { "class/net/eth1/speed", "-1\n" },
    { "class/net/eth2", NULL }, { "class/net/eth2/speed", "" },
    { "bus", NULL }, { "bus/pci", NULL }, { "bus/pci/devices", NULL },
    { "bus/pci/devices/0000:01:00.0", NULL }, { "bus/pci/devices/0000:01:00.0/max_link_speed", "16.0 GT/s PCIe\n" },
    { "bus/pci/devices/0000:01:00.0/current_link_width", "8\n" },
    { "bus/pci/devices/0000:02:00.0", NULL }, { "bus/pci/devices/0000:02:00.0/max_link_speed", "Unknown\n" },
    { "bus/pci/devices/0000:02:00.0/current_link_width", "0\n" },
};

static char root[] = "/tmp/topo_sys_XXXXXX";

static void make_entry(const struct entry *e)
{
    char *path = rb_format("%s/%s", root, e->path);
    if (e->content == NULL) {
        assert_int_equal(mkdir(path, 0700), 0);
    } else {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(e->content, f);
        fclose(f);
    }
    free(path);
}

static int make_root(void **state)
{
    (void)state;
    if (mkdtemp(root) == NULL)
        return 1;
    for (size_t i = 0; i < RB_LEN(entries); i++)
        make_entry(&entries[i]);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    for (size_t i = RB_LEN(entries); i-- > 0;) {
        char *path = rb_format("%s/%s", root, entries[i].path);
        remove(path);
        free(path);
    }
    return rmdir(root);
}

static void test_nic_rates(void **state)
{
    (void)state;
    assert_true(nic_rate_rdma(root, "mlx5_0") == 50); /* the port that is up */
    assert_true(nic_rate_rdma(root, "mlx5_1") == 0);  /* none is */
    assert_true(nic_rate_rdma(root, "mlx5_9") == 0);
    assert_true(nic_rate_net(root, "eth0") == 3.125);
    assert_true(nic_rate_net(root, "eth1") == 0);
    assert_true(nic_rate_net(root, "eth2") == 0);
    assert_true(nic_rate_net(root, "eth9") == 0);
}

/* Per lane and direction; 16 lanes: 4, 8, 15.75, 31.5, 63 and 121 GB/s. */
static void test_pcie_rates(void **state)
{
    (void)state;
    const struct { double GTps, GBps; } rows[] = {
        { 2.5, 4 }, { 5, 8 }, { 8, 15.7538 }, { 16, 31.5077 }, { 32, 63.0154 }, { 64, 121 }, { 0, 0 },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++)
        assert_true(fabs(pcie_GBps(rows[i].GTps, 16) - rows[i].GBps) < 1e-4);
    assert_true(fabs(pcie_rate(root, "0000:01:00.0") - 15.7538) < 1e-4);
    assert_true(pcie_rate(root, "0000:02:00.0") == 0);
    assert_true(pcie_rate(root, "0000:03:00.0") == 0);
}

static void test_gpus(void **state)
{
    (void)state;
    const struct { const char *model, *word; } rows[] = {
        { "NVIDIA H800", "H800" }, { "h800 sxm", "H800" }, { "GH100 [H100 SXM5 80GB]", "H100" }, { "NVIDIA H20-3e", "H20" },
        { "NVIDIA H200", "H200" }, { "NVIDIA GB200", "GB200" }, { "NVIDIA B200", "B200" }, { "Tesla V100-SXM2-16GB", "V100" },
        { "NVIDIA GeForce RTX 4090", "RTX 4090" }, { "4090", "RTX 4090" }, { "A100", "A100" }, { "NVIDIA A10", "A10" },
        { "A10G", NULL }, { "H8000", NULL }, { "", NULL }, { "AH100", NULL },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        const struct gpu_links *g = catalogue_gpu(rows[i].model);
        if (rows[i].word == NULL)
            assert_null(g);
        else
            assert_string_equal(g->word, rows[i].word);
    }
    assert_string_equal(catalogue_gpu_nearest("H80O"), "H800");
    assert_null(catalogue_gpu_nearest("something else"));
}

/* The datasheets' totals: both directions of all links. */
static void test_totals(void **state)
{
    (void)state;
    const struct { const char *model; double both_ways_GBps; } rows[] = {
        { "V100", 300 }, { "A100", 600 }, { "A800", 400 }, { "H100", 900 }, { "H800", 400 }, { "H20", 900 }, { "B200", 1800 },
        { "RTX 3090", 112.5 }, { "A40", 112.5 },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        const struct gpu_links *g = catalogue_gpu(rows[i].model);
        assert_true(fabs(2 * g->nvlink_GBps * g->nvlinks_max - rows[i].both_ways_GBps) < 1e-9);
        assert_true(g->nvlink_effective > 0 && g->nvlink_effective < g->nvlink_GBps);
    }
}

static void test_nic_models(void **state)
{
    (void)state;
    assert_true(catalogue_nic("MT2910 Family [ConnectX-7]") == 50);
    assert_true(catalogue_nic("MT28908 Family [ConnectX-6]") == 25);
    assert_true(catalogue_nic("MT2892 Family [ConnectX-6 Dx]") == 0);
    assert_true(catalogue_nic("I350 Gigabit Network Connection") == 0);
}

static void test_copy_bytes(void **state)
{
    (void)state;
    const size_t mib = (size_t)1 << 20, gib = (size_t)1 << 30;
    assert_int_equal(memory_copy_bytes(0, 1, 64 * gib), 32 * mib);
    assert_int_equal(memory_copy_bytes(64 * mib, 2, 64 * gib), 64 * mib);
    assert_int_equal(memory_copy_bytes(1024 * mib, 1, 64 * gib), 128 * mib);
    assert_int_equal(memory_copy_bytes(64 * mib, 8, gib), 32 * mib);
    assert_int_equal(memory_copy_bytes(64 * mib, 8, 256 * mib), 8 * mib); /* little is free */
    assert_int_equal(memory_copy_bytes(64 * mib, 8, 0), mib);
}

static void test_memory_bandwidth(void **state)
{
    (void)state;
    double GBps = 0;
    assert_int_equal(memory_bandwidth_measure(&GBps), RB_OK);
    assert_true(GBps > 0.01 && GBps < 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nic_rates),  cmocka_unit_test(test_gpus),       cmocka_unit_test(test_totals),
        cmocka_unit_test(test_nic_models), cmocka_unit_test(test_copy_bytes), cmocka_unit_test(test_memory_bandwidth), cmocka_unit_test(test_pcie_rates),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
