/* Machines from hwloc's XML: devices, classes, ceilings, rings; and this machine. */
#include "topo/topology.h"

#include "core/error.h"
#include "tests/capture.h"
#include "tests/topology_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct machine {
    const char *file;
    size_t packages, nodes, cores, gpus, nics;
    const char *summary;
} machines[] = {
    { MACHINES "one_socket.xml", 1, 1, 8, 1, 1, "1 package, 1 NUMA node, 8 cores, 1 GPU, 1 NIC" },
    { MACHINES "two_sockets.xml", 2, 4, 32, 4, 1, "2 packages, 4 NUMA nodes, 32 cores, 4 GPUs, 1 NIC" },
    { MACHINES "eight_gpus.xml", 2, 2, 96, 8, 8, "2 packages, 2 NUMA nodes, 96 cores, 8 GPUs (NV8), 8 NICs" },
    { MACHINES "switch_cascade.xml", 1, 1, 32, 4, 1, "1 package, 1 NUMA node, 32 cores, 4 GPUs (NV12), 1 NIC" },
    { MACHINES "laptop.xml", 1, 1, 6, 2, 1, "1 package, 1 NUMA node, 6 cores, 2 GPUs, 1 NIC" },
};

static void test_devices(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(machines); i++) {
        const struct machine *m = &machines[i];
        struct topology *t = load(m->file);
        char *summary = topology_summary(t);
        assert_int_equal(topology_count(t, TOPO_PACKAGE), m->packages);
        assert_int_equal(topology_count(t, TOPO_NUMA), m->nodes);
        assert_int_equal(topology_count(t, TOPO_CORE), m->cores);
        assert_int_equal(topology_count(t, TOPO_GPU), m->gpus);
        assert_int_equal(topology_count(t, TOPO_NIC), m->nics);
        assert_string_equal(summary, m->summary);
        assert_string_equal(topology_source(t), "hwloc XML");
        assert_string_equal(topology_file(t), m->file);
        assert_false(topology_is_live(t));
        free(summary);
        topology_free(t);
    }
}

static const struct pair {
    const char *file, *a, *b, *word;
    double GBps; /* 0: unknown */
    enum ceiling_origin origin;
} pairs[] = {
    { MACHINES "one_socket.xml", "GPU0", "NIC0", "PHB", 15.753846, CEILING_QUERIED },
    { MACHINES "one_socket.xml", "GPU0", "core 3", "PHB", 31.507692, CEILING_QUERIED },
    { MACHINES "one_socket.xml", "core 0", "core 7", "L3", 0, CEILING_UNKNOWN },
    { MACHINES "one_socket.xml", "core 2", "core 2", "X", 0, CEILING_UNKNOWN },
    { MACHINES "two_sockets.xml", "GPU0", "GPU1", "PHB", 31.507692, CEILING_QUERIED },
    { MACHINES "two_sockets.xml", "GPU0", "GPU2", "NODE", 31.507692, CEILING_QUERIED },
    { MACHINES "two_sockets.xml", "GPU2", "GPU3", "SYS", 31.507692, CEILING_QUERIED },
    { MACHINES "two_sockets.xml", "GPU3", "NIC0", "SYS", 31.507692, CEILING_QUERIED },
    { MACHINES "two_sockets.xml", "GPU3", "L3 4", "PHB", 31.507692, CEILING_QUERIED },
    { MACHINES "two_sockets.xml", "GPU3", "L3 6", "SYS", 31.507692, CEILING_QUERIED },
    { MACHINES "two_sockets.xml", "L3 0", "L3 1", "NODE", 0, CEILING_UNKNOWN },
    { MACHINES "two_sockets.xml", "L3 0", "L3 2", "PKG", 0, CEILING_UNKNOWN },
    { MACHINES "two_sockets.xml", "L3 3", "L3 4", "SYS", 0, CEILING_UNKNOWN },
    { MACHINES "two_sockets.xml", "core 4", "core 7", "L3", 0, CEILING_UNKNOWN },
    { MACHINES "eight_gpus.xml", "GPU0", "GPU7", "NV8", 200, CEILING_QUERIED },
    { MACHINES "eight_gpus.xml", "GPU0", "NIC1", "PIX", 63.015385, CEILING_QUERIED },
    { MACHINES "eight_gpus.xml", "GPU0", "NIC2", "NODE", 63.015385, CEILING_QUERIED },
    { MACHINES "eight_gpus.xml", "NIC3", "NIC4", "SYS", 63.015385, CEILING_QUERIED },
    { MACHINES "switch_cascade.xml", "GPU0", "GPU1", "NV12", 300, CEILING_QUERIED },
    { MACHINES "switch_cascade.xml", "GPU1", "GPU2", "PXB", 31.507692, CEILING_QUERIED },
    { MACHINES "switch_cascade.xml", "GPU2", "GPU3", "NODE", 15.753846, CEILING_QUERIED },
    { MACHINES "switch_cascade.xml", "GPU3", "NIC0", "PHB", 7.876923, CEILING_QUERIED },
    { MACHINES "switch_cascade.xml", "L3 0", "L3 3", "NODE", 0, CEILING_UNKNOWN },
    { MACHINES "two_memories.xml", "GPU0", "GPU1", "NODE", 63.015385, CEILING_QUERIED },
    { MACHINES "two_memories.xml", "GPU0", "core 3", "PHB", 63.015385, CEILING_QUERIED },
    { MACHINES "two_memories.xml", "GPU0", "core 4", "SYS", 63.015385, CEILING_QUERIED },
    { MACHINES "two_memories.xml", "core 3", "core 4", "SYS", 0, CEILING_UNKNOWN },
    { MACHINES "laptop.xml", "GPU0", "GPU1", "PHB", 7.876923, CEILING_QUERIED },
    { MACHINES "laptop.xml", "GPU0", "core 5", "PHB", 0, CEILING_UNKNOWN },
};

static void check_pair(const struct topology *t, const struct pair *p, int a, int b)
{
    char word[PATH_WORD];
    const struct topology_path path = topology_path(t, a, b);
    if (strcmp(topology_path_word(t, a, b, word), p->word) != 0)
        fail_msg("%s: %s to %s is %s, not %s", p->file, p->a, p->b, word, p->word);
    if (path.ceiling.origin != p->origin || (p->GBps > 0 && !(fabs(path.ceiling.GBps - p->GBps) < 1e-3)))
        fail_msg("%s: %s to %s: %g GB/s (%s), not %g", p->file, p->a, p->b, path.ceiling.GBps,
                 ceiling_origin_name(path.ceiling.origin), p->GBps);
}

static void test_classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(pairs); i++) {
        struct topology *t = load(pairs[i].file);
        const int a = named(t, pairs[i].a), b = named(t, pairs[i].b);
        check_pair(t, &pairs[i], a, b);
        check_pair(t, &pairs[i], b, a);
        topology_free(t);
    }
}

static void test_ends(void **state)
{
    (void)state;
    const struct { const char *file; size_t ends; const char *last; } rows[] = {
        { MACHINES "one_socket.xml", 1 + 1 + 8, "core 7" },
        { MACHINES "two_sockets.xml", 4 + 1 + 8, "L3 7" },
        { MACHINES "eight_gpus.xml", 8 + 8 + 2, "L3 1" },
        { MACHINES "laptop.xml", 2 + 1 + 6, "core 5" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct topology *t = load(rows[i].file);
        const size_t n = topology_end_count(t);
        assert_int_equal(n, rows[i].ends);
        assert_string_equal(topology_device(t, (size_t)topology_end(t, n - 1))->name, rows[i].last);
        topology_free(t);
    }
}

static void test_nvlink(void **state)
{
    (void)state;
    struct topology *t = load(MACHINES "eight_gpus.xml");
    assert_int_equal(topology_nvlink_count(t), 8);
    const struct topology_nvlink *l = topology_nvlink(t, 0);
    assert_int_equal(l->count, 8);
    assert_int_equal(topology_device(t, (size_t)l->b)->kind, TOPO_NVSWITCH);
    const struct topology_path p = topology_path(t, named(t, "GPU2"), named(t, "GPU5"));
    assert_int_equal(p.nvlinks, 8);
    assert_true(fabs(p.effective_GBps - 8 * 20.6) < 1e-9);
    topology_free(t);
}

static void test_facts(void **state)
{
    (void)state;
    struct topology *t = load(MACHINES "switch_cascade.xml");
    const struct topology_device *nic = topology_device(t, (size_t)named(t, "NIC0"));
    assert_true(nic->rate.GBps == 50);
    assert_int_equal(nic->rate.origin, CEILING_CATALOGUE);
    assert_int_equal(topology_device(t, (size_t)nic->parent)->kind, TOPO_BRIDGE);
    const struct topology_device *cache = topology_device(t, (size_t)named(t, "L3 1"));
    assert_int_equal(cache->cores, 8);
    assert_int_equal(cache->bytes, 32 << 20);
    assert_string_equal(cache->cpus, "8-15");
    const struct topology_device *node = topology_device(t, (size_t)named(t, "node 0"));
    assert_true(node->bytes == 549755813888u);
    const struct topology_device *gpu = topology_device(t, (size_t)named(t, "GPU0"));
    assert_string_equal(gpu->detail, "NVIDIA A100 80GB PCIe");
    assert_string_equal(gpu->bus, "0000:06:00.0");
    assert_int_equal(gpu->numa, named(t, "node 0"));
    assert_int_equal(gpu->package, named(t, "package 0"));
    topology_free(t);
}

static void check_ring(const char *file, const char *order, const char *slowest)
{
    struct topology *t = load(file);
    struct topology_ring ring;
    char text[512] = "", word[PATH_WORD];
    topology_ring(t, &ring);
    for (size_t k = 0; k < ring.n; k++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", k > 0 ? " " : "", topology_device(t, (size_t)ring.order[k])->name);
    assert_string_equal(text, order);
    topology_path_word(t, ring.order[ring.slowest], ring.order[(ring.slowest + 1) % ring.n], word);
    assert_string_equal(word, slowest);
    topology_ring_free(&ring);
    topology_free(t);
}

static void test_rings(void **state)
{
    (void)state;
    check_ring(MACHINES "eight_gpus.xml", "GPU0 GPU1 GPU2 GPU3 GPU4 GPU5 GPU6 GPU7", "NV8");
    check_ring(MACHINES "two_sockets.xml", "GPU0 GPU1 GPU2 GPU3", "SYS");
    check_ring(MACHINES "switch_cascade.xml", "GPU0 GPU1 GPU2 GPU3", "NODE");
    check_ring(MACHINES "one_socket.xml", "core 0 core 1 core 2 core 3 core 4 core 5 core 6 core 7", "L3");
}

static void test_memory_is_the_ceiling_of_cores(void **state)
{
    (void)state;
    struct topology *t = load(MACHINES "laptop.xml");
    topology_set_memory_bandwidth(t, 12.5, CEILING_MEASURED);
    const struct topology_path p = topology_path(t, named(t, "core 0"), named(t, "core 1"));
    assert_true(p.ceiling.GBps == 12.5);
    assert_int_equal(p.ceiling.origin, CEILING_MEASURED);
    topology_set_memory_bandwidth(t, NAN, CEILING_MEASURED);
    assert_int_equal(topology_memory_bandwidth(t).origin, CEILING_UNKNOWN);
    topology_free(t);
}

/* What every machine has: whatever runs the tests, too. */
static void test_this_machine(void **state)
{
    (void)state;
    struct topology *t = load(NULL);
    assert_string_equal(topology_source(t), "this machine");
    assert_null(topology_file(t));
    assert_true(topology_count(t, TOPO_CORE) > 0);
    assert_true(topology_count(t, TOPO_NUMA) > 0);
    assert_true(topology_end_count(t) > 0);
    json_t *o = topology_json(t);
    assert_non_null(o);
    assert_int_equal(json_array_size(json_object_get(o, "devices")), topology_device_count(t));
    json_decref(o);
    topology_free(t);
}

static void test_gpu_model(void **state)
{
    (void)state;
    struct capture c;
    struct topology *t = load(MACHINES "two_sockets.xml");
    capture_begin(&c);
    const int rc = topology_set_gpu(t, "H8000");
    capture_end(&c);
    assert_int_equal(rc, RB_EUSAGE);
    assert_non_null(strstr(c.text, "did you mean H800?"));
    assert_int_equal(topology_set_gpu(t, "NVIDIA H100 80GB HBM3"), RB_OK);
    const struct topology_device *gpu = topology_device(t, (size_t)named(t, "GPU0"));
    assert_string_equal(gpu->detail, "NVIDIA H100 80GB HBM3");
    assert_int_equal(gpu->uplink.origin, CEILING_QUERIED); /* what was queried stays */
    topology_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_nvlink),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_rings),
        cmocka_unit_test(test_memory_is_the_ceiling_of_cores),
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_gpu_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
