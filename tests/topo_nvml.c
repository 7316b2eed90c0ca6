/* Recorded answers of GPU drivers: what the graph, the ceilings, the ring and the notes make of them. */
#include "tests/nvml/driver.h"
#include "topo/nvml_notes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int gpu(const struct topology *t, int number)
{
    const int device = topology_driver_gpu(t, number);
    assert_true(device >= 0);
    return device;
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fmax(fabs(a), 1)))
        fail_msg("%g is not %g", a, b);
}

/* One pair of a machine; nominal_GBps is of the path, effective_GBps 0 without NVLinks. */
static const struct machine {
    const char *record;
    int gpus, a, b;
    const char *word;
    double nominal_GBps, effective_GBps, generation;
    enum peer_access access;
} machines[] = {
    { "h100_nvswitch", 8, 0, 7, "NV18", 450, 370.8, 4, PEER_DIRECT },
    { "h800_nvswitch", 8, 0, 7, "NV8", 200, 164.8, 4, PEER_DIRECT },
    { "a100_nvswitch", 8, 3, 4, "NV12", 300, 240, 3.1, PEER_DIRECT },
    { "a100_mesh", 4, 0, 3, "NV4", 100, 80, 3.1, PEER_DIRECT },
    { "a100_pcie_bridges", 4, 0, 1, "NV12", 300, 240, 3.1, PEER_DIRECT },
    { "a100_pcie_bridges", 4, 0, 2, "SYS", 16 * 16 * 128 / 130.0 / 8, 0, 0, PEER_DIRECT },
    { "a100_pcie_bridges", 4, 1, 3, "SYS", 8 * 16 * 128 / 130.0 / 8, 0, 0, PEER_DIRECT }, /* eight lanes */
    { "rtx3090_bridge", 2, 0, 1, "NV4", 4 * 14.062, 48, 3.1, PEER_DIRECT },
    { "rtx4090_no_peer", 8, 0, 3, "NODE", 16 * 16 * 128 / 130.0 / 8, 0, 0, PEER_NONE },
    { "rtx4090_no_peer", 8, 3, 4, "SYS", 16 * 16 * 128 / 130.0 / 8, 0, 0, PEER_NONE },
    { "v100_cube_mesh", 8, 0, 3, "NV2", 50, 40, 2, PEER_DIRECT },
    { "v100_cube_mesh", 8, 0, 2, "NV1", 25, 20, 2, PEER_DIRECT },
    { "v100_cube_mesh", 8, 0, 4, "SYS", 16 * 8 * 128 / 130.0 / 8, 0, 0, PEER_NONE },
    { "v100_dead_links", 8, 3, 2, "NV1", 25, 20, 2, PEER_DIRECT },  /* one of two is down */
    { "v100_dead_links", 8, 3, 5, "SYS", 16 * 8 * 128 / 130.0 / 8, 0, 0, PEER_DIRECT }, /* the only one is down */
    { "h20_vm", 8, 0, 7, "NV18", 450, 370.8, 4, PEER_DIRECT },
    { "h100_mig", 4, 2, 3, "NV18", 450, 370.8, 4, PEER_DIRECT },
    { "h100_mig", 4, 0, 2, "NODE", 32 * 16 * 128 / 130.0 / 8, 0, 0, PEER_NONE },
    { "h100_lost_gpu", 8, 0, 1, "NV18", 450, 370.8, 4, PEER_DIRECT },
    { "h100_lost_gpu", 8, 0, 2, "NV17", 425, 17 * 20.6, 4, PEER_DIRECT },
    { "h100_lost_gpu", 8, 6, 7, "NODE", 32 * 16 * 128 / 130.0 / 8, 0, 0, PEER_NONE }, /* links are up, access is refused */
    { "h200_nvl", 4, 1, 3, "NV6", 150, 123.6, 4, PEER_DIRECT },
    { "gb200_node", 4, 0, 3, "NV18", 900, 721.8, 5, PEER_DIRECT },
};

static void check_pair(const struct topology *t, const struct machine *m)
{
    char word[PATH_WORD];
    const int a = gpu(t, m->a), b = gpu(t, m->b);
    for (int way = 0; way < 2; way++) {
        const struct topology_path p = way == 0 ? topology_path(t, a, b) : topology_path(t, b, a);
        assert_string_equal(way == 0 ? topology_path_word(t, a, b, word) : topology_path_word(t, b, a, word), m->word);
        assert_near(p.ceiling.GBps, m->nominal_GBps);
        assert_int_equal(p.ceiling.origin, CEILING_QUERIED);
        if (m->effective_GBps > 0)
            assert_near(p.effective_GBps, m->effective_GBps);
        else
            assert_true(isnan(p.effective_GBps));
    }
    assert_int_equal(topology_peer(t, a, b), m->access);
}

static void check_generation(const struct topology *t, const struct machine *m)
{
    const int a = gpu(t, m->a);
    for (size_t i = 0; m->generation > 0 && i < topology_nvlink_count(t); i++)
        if (topology_nvlink(t, i)->a == a)
            assert_near(topology_nvlink(t, i)->generation, m->generation);
}

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(machines); i++) {
        struct topology *t = driver_load(machines[i].record);
        assert_non_null(t);
        assert_int_equal(topology_nvml(t)->count, machines[i].gpus);
        check_pair(t, &machines[i]);
        check_generation(t, &machines[i]);
        topology_free(t);
    }
}

struct notes {
    struct text all;
    int count;
};

static void keep(void *context, const char *note)
{
    struct notes *n = context;
    text_add(&n->all, "%s\n", note);
    n->count++;
}

/* Besides that its GPUs are not in the tree of the machine that runs the test. */
static const struct {
    const char *record, *note;
} noted[] = {
    { "h100_nvswitch", "PCIe of 8 GPUs is at a lower generation now" },
    { "a100_pcie_bridges", "GPU3: PCIe runs on 8 of 16 lanes" },
    { "rtx4090_no_peer", "28 of 28 pairs of GPUs have no peer access" },
    { "v100_dead_links", "GPU3: 4 of 6 NVLinks are up; down: 3, 5\n" },
    { "h20_vm", "where 144 NVLinks lead is hidden" },
    { "h100_mig", "GPU1 is in MIG mode" },
    { "h100_mig", "GPU3: MIG mode changes at the next reset" },
    { "h100_lost_gpu", "GPU2: 17 of 18 NVLinks are up; down: 4\n" },
    { "h100_lost_gpu", "GPU7: the NVSwitches are not ready for it; the fabric manager has not finished\n" },
    { "h100_lost_gpu", "GPU6: the fabric manager failed: unknown error (999)\n" },
    { "h100_lost_gpu", "6 pairs of GPUs have NVLinks but no peer access (not supported)" },
};

static void test_notes(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(noted); i++) {
        struct notes n = { { 0 }, 0 };
        struct topology *t = driver_load(noted[i].record);
        nvml_notes(t, keep, &n);
        if (strstr(n.all.chars, noted[i].note) == NULL)
            fail_msg("%s: '%s' is missing from:\n%s", noted[i].record, noted[i].note, n.all.chars);
        text_free(&n.all);
        topology_free(t);
    }
}

/* A machine without faults gets no note but the one on its place. */
static void test_nothing_to_note(void **state)
{
    (void)state;
    static const char *const records[] = { "h800_nvswitch", "a100_nvswitch", "a100_mesh", "gb200_node", "gh200" };
    for (size_t i = 0; i < RB_LEN(records); i++) {
        struct notes n = { { 0 }, 0 };
        struct topology *t = driver_load(records[i]);
        nvml_notes(t, keep, &n);
        if (n.count != 1 || strstr(n.all.chars, "not in the system's own list") == NULL)
            fail_msg("%s: %s", records[i], n.all.chars);
        text_free(&n.all);
        topology_free(t);
    }
}

static void test_facts(void **state)
{
    (void)state;
    struct topology *t = driver_load("h100_nvswitch");
    const struct nvml_report *r = topology_nvml(t);
    const struct nvml_gpu *g = &r->gpus[1];
    assert_string_equal(r->driver, "550.54.15");
    assert_string_equal(r->library, "12.550.54.15");
    assert_int_equal(r->cuda, 12040);
    assert_string_equal(g->name, "NVIDIA H100 80GB HBM3");
    assert_string_equal(g->uuid, "GPU-00000002-0000-4000-8000-000000000002");
    assert_string_equal(g->bus, "0000:2a:00.0");
    assert_int_equal(g->sm, 90);
    assert_true(g->bytes == (uint64_t)81559 << 20);
    assert_int_equal(g->sm_clock_MHz, 1980);
    assert_int_equal(g->memory_clock_MHz, 2619);
    assert_near(g->power_W, 700);
    assert_int_equal(g->best.generation, 5);
    assert_int_equal(g->now.generation, 1);
    assert_int_equal(g->mig, 0);
    assert_int_equal(g->nlinks, 18);
    assert_string_equal(g->links[13].bus, "0000:08:00.0");
    assert_int_equal(g->links[13].end, NVML_END_SWITCH);
    assert_near(g->links[13].raw_GBps, 26.562);
    topology_free(t);
}

/* The processor is nearer than PCIe tells. */
static void test_board_links(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        int links;
    } rows[] = { { "gh200", 10 }, { "gb200_node", 5 } };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct topology *t = driver_load(rows[i].record);
        const int device = gpu(t, 0), core = topology_find(t, TOPO_CORE, 0);
        assert_int_equal(topology_nvml(t)->gpus[0].c2c_links, rows[i].links);
        assert_near(topology_path(t, device, core).ceiling.GBps, rows[i].links * 44.712);
        assert_near(topology_path(t, core, device).ceiling.GBps, rows[i].links * 44.712);
        topology_free(t);
    }
}

static void test_fabric(void **state)
{
    (void)state;
    struct topology *t = driver_load("gb200_node");
    const struct nvml_gpu *g = &topology_nvml(t)->gpus[3];
    assert_int_equal(g->fabric, NVML_FABRIC_DONE);
    assert_int_equal(g->clique, 32766);
    assert_string_equal(g->cluster, "5b1e0c3a000040008000000000000001");
    topology_free(t);
    t = driver_load("a100_nvswitch"); /* an older driver */
    assert_int_equal(topology_nvml(t)->gpus[0].fabric, -1);
    topology_free(t);
}

static void test_switches(void **state)
{
    (void)state;
    static const struct {
        const char *record, *detail;
    } rows[] = { { "h100_nvswitch", "4 NVSwitches, as one" }, { "a100_nvswitch", "6 NVSwitches, as one" }, { "h20_vm", "all NVSwitches as one" } };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct topology *t = driver_load(rows[i].record);
        assert_int_equal(topology_count(t, TOPO_NVSWITCH), 1);
        assert_string_equal(topology_device(t, (size_t)topology_find(t, TOPO_NVSWITCH, 0))->detail, rows[i].detail);
        topology_free(t);
    }
}

static void test_instances(void **state)
{
    (void)state;
    struct topology *t = driver_load("h100_mig");
    const struct nvml_gpu *gpus = topology_nvml(t)->gpus;
    assert_int_equal(gpus[0].nmig, 2);
    assert_int_equal(gpus[1].nmig, 7);
    assert_int_equal(gpus[2].nmig, 0);
    assert_string_equal(gpus[0].instances[1].name, "NVIDIA H100 80GB HBM3 MIG 3g.40gb");
    assert_string_equal(gpus[1].instances[6].uuid, "MIG-00000016-0000-5000-8000-000000000000");
    assert_true(gpus[1].instances[0].bytes == 10468982784u);
    topology_free(t);
}

/* The ring takes two links where it can, and never crosses where there is none. */
static void test_ring(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        double GBps;
    } rows[] = { { "v100_cube_mesh", 50 }, { "v100_dead_links", 25 }, { "h800_nvswitch", 200 }, { "h200_nvl", 150 }, { "a100_mesh", 100 } };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct topology *t = driver_load(rows[i].record);
        struct topology_ring ring;
        topology_ring(t, &ring);
        assert_near(ring.ceiling.GBps, rows[i].GBps);
        for (size_t k = 0; k < ring.n; k++)
            assert_int_equal(topology_path(t, ring.order[k], ring.order[(k + 1) % ring.n]).class, PATH_NV);
        topology_ring_free(&ring);
        topology_free(t);
    }
}

/* Two ranks a GPU: they stay side by side, and GPUs are joined by two links each. */
static void test_ring_of_shared_gpus(void **state)
{
    (void)state;
    int devices[16], order[16], together = 0;
    struct topology *t = driver_load("v100_cube_mesh");
    for (int r = 0; r < 16; r++)
        devices[r] = gpu(t, r % 8);
    topology_ring_devices(t, devices, 16, order);
    for (int k = 0; k < 16; k++) {
        const int a = devices[order[k]], b = devices[order[(k + 1) % 16]];
        together += a == b;
        if (a != b)
            assert_int_equal(topology_path(t, a, b).nvlinks, 2);
    }
    assert_int_equal(together, 8);
    assert_int_equal(topology_find_gpu(t, "00000000:8A:00.0"), gpu(t, 7));
    assert_int_equal(topology_find_gpu(t, "0000:8b:00.0"), -1);
    topology_free(t);
}

/* Two pairs with bridges: each bridge is in the ring. */
static void test_ring_keeps_bridges(void **state)
{
    (void)state;
    struct topology *t = driver_load("a100_pcie_bridges");
    struct topology_ring ring;
    int bridges = 0;
    topology_ring(t, &ring);
    for (size_t k = 0; k < ring.n; k++)
        bridges += topology_path(t, ring.order[k], ring.order[(k + 1) % ring.n]).class == PATH_NV;
    assert_int_equal(bridges, 2);
    topology_ring_free(&ring);
    topology_free(t);
}

/* The library's number is not the version: 5 is NVLink 3.1. */
static void test_generations(void **state)
{
    (void)state;
    static const double want[] = { 0, 1, 2, 2.2, 3, 3.1, 4, 5, 6, 0 };
    for (int v = 0; v < (int)RB_LEN(want); v++)
        assert_near(nvml_link_generation(v), want[v]);
    assert_near(nvml_link_generation(-1), 0);
}

static void test_find(void **state)
{
    (void)state;
    struct topology *t = driver_load("h100_nvswitch");
    const struct nvml_report *r = topology_nvml(t);
    static const char *const names[] = { "0000:2a:00.0", "00000000:2A:00.0", "2a:00.0", "GPU-00000002-0000-4000-8000-000000000002",
                                         "00000002-0000-4000-8000-000000000002", "gpu-00000002-0000-4000-8000-000000000002" };
    for (size_t i = 0; i < RB_LEN(names); i++)
        assert_int_equal(nvml_find(r, names[i]), 1);
    assert_int_equal(nvml_find(r, "0001:2a:00.0"), -1);
    assert_int_equal(nvml_find(r, ""), -1);
    topology_free(t);
}

int main(void)
{
    unsetenv("CUDA_VISIBLE_DEVICES");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs), cmocka_unit_test(test_notes),  cmocka_unit_test(test_nothing_to_note),
        cmocka_unit_test(test_facts), cmocka_unit_test(test_instances), cmocka_unit_test(test_ring),
        cmocka_unit_test(test_board_links), cmocka_unit_test(test_fabric), cmocka_unit_test(test_switches),
        cmocka_unit_test(test_ring_of_shared_gpus),
        cmocka_unit_test(test_ring_keeps_bridges), cmocka_unit_test(test_generations), cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
