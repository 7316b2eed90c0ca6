/* Recorded matrices of nvidia-smi topo -m. */
#include "topo/topology.h"

#include "core/error.h"
#include "tests/topology_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_devices(void **state)
{
    (void)state;
    const struct { const char *file; size_t gpus, nics, nodes; const char *summary; } rows[] = {
        { MACHINES "smi_v100_cube_mesh.txt", 8, 0, 0, "8 GPUs (NV1 to NV2)" },
        { MACHINES "smi_a100_nvswitch.txt", 8, 0, 2, "2 NUMA nodes, 8 GPUs (NV12)" },
        { MACHINES "smi_h100_nvswitch.txt", 8, 0, 2, "2 NUMA nodes, 8 GPUs (NV18)" },
        { MACHINES "smi_a800_four_nics.txt", 8, 4, 2, "2 NUMA nodes, 8 GPUs (NV8), 4 NICs" },
        { MACHINES "smi_h20_no_nic_rows.txt", 8, 8, 2, "2 NUMA nodes, 8 GPUs (NV18), 8 NICs" },
        { MACHINES "smi_b200_eight_nics.txt", 8, 8, 2, "2 NUMA nodes, 8 GPUs (NV18), 8 NICs" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct topology *t = load(rows[i].file);
        char *summary = topology_summary(t);
        assert_string_equal(topology_source(t), "nvidia-smi topo -m");
        assert_int_equal(topology_count(t, TOPO_GPU), rows[i].gpus);
        assert_int_equal(topology_count(t, TOPO_NIC), rows[i].nics);
        assert_int_equal(topology_count(t, TOPO_NUMA), rows[i].nodes);
        assert_string_equal(summary, rows[i].summary);
        free(summary);
        topology_free(t);
    }
}

static void test_classes(void **state)
{
    (void)state;
    const struct { const char *file, *a, *b, *word; double GBps, effective; } rows[] = {
        { MACHINES "smi_v100_cube_mesh.txt", "GPU0", "GPU3", "NV2", 50, 40 },
        { MACHINES "smi_v100_cube_mesh.txt", "GPU2", "GPU4", "NV1", 25, 20 },
        { MACHINES "smi_v100_cube_mesh.txt", "GPU0", "GPU7", "SYS", 15.75, 0 },
        { MACHINES "smi_a100_nvswitch.txt", "GPU0", "GPU7", "NV12", 300, 240 },
        { MACHINES "smi_h100_nvswitch.txt", "GPU0", "GPU7", "NV18", 450, 370.8 },
        { MACHINES "smi_a800_four_nics.txt", "GPU1", "NIC0", "PIX", 31.5, 0 },
        { MACHINES "smi_a800_four_nics.txt", "GPU1", "GPU2", "NV8", 200, 160 },
        { MACHINES "smi_a800_four_nics.txt", "NIC2", "NIC3", "PIX", 0, 0 },
        { MACHINES "smi_h20_no_nic_rows.txt", "NIC7", "GPU0", "PIX", 63, 0 }, /* said in GPU0's row alone */
        { MACHINES "smi_h20_no_nic_rows.txt", "NIC0", "NIC1", "?", 0, 0 },
        { MACHINES "smi_b200_eight_nics.txt", "GPU0", "GPU1", "NV18", 900, 721.8 },
        { MACHINES "smi_b200_eight_nics.txt", "GPU4", "NIC0", "SYS", 63, 0 },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct topology *t = load(rows[i].file);
        char word[PATH_WORD];
        const int a = named(t, rows[i].a), b = named(t, rows[i].b);
        const struct topology_path p = topology_path(t, a, b);
        assert_string_equal(topology_path_word(t, a, b, word), rows[i].word);
        assert_string_equal(topology_path_word(t, b, a, word), rows[i].word);
        if (rows[i].GBps > 0) {
            assert_true(fabs(p.ceiling.GBps - rows[i].GBps) < 1e-6);
            assert_int_equal(p.ceiling.origin, CEILING_CATALOGUE);
        } else {
            assert_int_equal(p.ceiling.origin, CEILING_UNKNOWN);
        }
        if (rows[i].effective > 0)
            assert_true(fabs(p.effective_GBps - rows[i].effective) < 1e-6);
        topology_free(t);
    }
}

static void test_affinity_and_names(void **state)
{
    (void)state;
    struct topology *t = load(MACHINES "smi_a800_four_nics.txt");
    const struct topology_device *gpu = topology_device(t, (size_t)named(t, "GPU5"));
    assert_string_equal(gpu->cpus, "32-63,96-127");
    assert_string_equal(topology_device(t, (size_t)gpu->numa)->name, "node 1");
    assert_string_equal(gpu->detail, "NVIDIA A800 (HGX, 8)");
    assert_string_equal(topology_device(t, (size_t)named(t, "NIC2"))->detail, "mlx5_2");
    topology_free(t);
}

/* Every hop of the hybrid cube mesh can be a double link: two NVLinks, found by hand. */
static void test_cube_mesh_ring(void **state)
{
    (void)state;
    static const char *const want[] = { "GPU0", "GPU3", "GPU2", "GPU1", "GPU7", "GPU4", "GPU5", "GPU6" };
    struct topology *t = load(MACHINES "smi_v100_cube_mesh.txt");
    struct topology_ring ring;
    topology_ring(t, &ring);
    assert_int_equal(ring.n, 8);
    assert_true(ring.ceiling.GBps == 50);
    for (size_t k = 0; k < 8; k++)
        assert_string_equal(topology_device(t, (size_t)ring.order[k])->name, want[k]);
    topology_ring_free(&ring);
    topology_free(t);
}

/* Writes a text to a temporary file and loads it. */
static struct topology *load_text(const char *text)
{
    char path[] = "/tmp/topo_smi_XXXXXX";
    const int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    struct topology *t = NULL;
    const int rc = topology_load(&t, path);
    remove(path);
    assert_int_equal(rc, RB_OK);
    return t;
}

static void test_forms(void **state)
{
    (void)state;
    const char *const one = "\tGPU0\tCPU Affinity\tNUMA Affinity\nGPU0\t X \tN/A\tN/A\n";
    const char *const old = "        GPU0    GPU1    mlx5_0  CPU Affinity\r\nGPU0     X      SOC     PHB     0-13\r\n"
                            "GPU1    SOC      X      PIX     14-27\r\nmlx5_0  PHB     PIX      X \r\n";
    struct topology *t = load_text(one);
    assert_int_equal(topology_count(t, TOPO_GPU), 1);
    assert_string_equal(topology_device(t, 0)->cpus, "");
    topology_free(t);
    t = load_text(old);
    char word[PATH_WORD];
    assert_string_equal(topology_path_word(t, 0, 1, word), "SYS"); /* SOC is its old name */
    assert_string_equal(topology_path_word(t, 1, named(t, "mlx5_0"), word), "PIX");
    topology_free(t);
}

/* Without a model the links are assumed to be of the most common kind; naming one makes them catalogue figures. */
static void test_model_is_assumed_then_named(void **state)
{
    (void)state;
    struct topology *t = load_text("\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \tNV8\t0-3\nGPU1\tNV8\t X \t0-3\n");
    struct topology_path p = topology_path(t, 0, 1);
    assert_true(p.ceiling.GBps == 200);
    assert_int_equal(p.ceiling.origin, CEILING_ASSUMED);
    assert_int_equal(topology_device(t, 0)->uplink.origin, CEILING_UNKNOWN);
    assert_int_equal(topology_set_gpu(t, "H800"), RB_OK);
    p = topology_path(t, 0, 1);
    assert_int_equal(p.ceiling.origin, CEILING_CATALOGUE);
    assert_true(fabs(p.effective_GBps - 8 * 20.6) < 1e-9);
    assert_int_equal(topology_device(t, 0)->uplink.origin, CEILING_CATALOGUE);
    topology_free(t);
    t = load_text("\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \tNV18\t0-3\nGPU1\tNV18\t X \t0-3\n");
    assert_true(fabs(topology_path(t, 0, 1).effective_GBps - 18 * 20.6) < 1e-9); /* so many links: the fourth generation */
    topology_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices),        cmocka_unit_test(test_classes), cmocka_unit_test(test_affinity_and_names),
        cmocka_unit_test(test_cube_mesh_ring), cmocka_unit_test(test_forms),   cmocka_unit_test(test_model_is_assumed_then_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
