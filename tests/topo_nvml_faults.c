/* The GPU driver's library where it is missing, broken, old or odd; beside hwloc's tree; its record; and what the command prints. */
#include "tests/nvml/driver.h"
#include "tests/capture.h"
#include "topo/nvml_notes.h"
#include "topo/topo_command.h"

#include <dirent.h>
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MACHINES "tests/topologies/"

/* One line on stderr that has both parts, and exit code 6. */
static void assert_refused(const char *library, const char *record, const char *part)
{
    struct capture c;
    struct topology *t = NULL;
    setenv("RINGBENCH_NVML_RECORD", record, 1);
    capture_begin(&c);
    const int rc = topology_load_with(&t, NULL, library);
    capture_end(&c);
    assert_int_equal(rc, RB_EUSAGE);
    assert_null(t);
    assert_int_equal(capture_lines(&c), 1);
    if (strstr(c.text, part) == NULL || strstr(c.text, library) == NULL)
        fail_msg("'%s' is missing from: %s", part, c.text);
}

static void test_no_library(void **state)
{
    (void)state;
    char *library = driver_library(LIBRARY);
    assert_refused("/nowhere/libnvidia-ml.so.1", "", "cannot open shared object file");
    assert_refused("libm.so.6", "", "has no nvmlInit_v2");
    assert_refused(library, "/nowhere/record", "the driver is not loaded (9)");
    assert_refused(library, RECORDS "mismatch.txt", "different versions");
    free(library);
}

/* Without a wish for a certain one it is no error; where there are GPUs it is said once. */
static void test_no_driver_here(void **state)
{
    (void)state;
    void *there = dlopen("libnvidia-ml.so.1", RTLD_NOW);
    if (there != NULL) {
        dlclose(there);
        print_message("this machine has the driver's library\n");
        skip();
    }
    struct topology *t = NULL;
    unsetenv("RINGBENCH_NVML");
    assert_int_equal(topology_load(&t, NULL), RB_OK);
    assert_null(topology_nvml(t));
    assert_non_null(strstr(topology_nvml_why(t), "libnvidia-ml.so.1"));
    topology_free(t);
    struct capture c;
    setenv("HWLOC_XMLFILE", MACHINES "eight_gpus.xml", 1);
    setenv("HWLOC_THISSYSTEM", "1", 1);
    capture_begin(&c);
    const int rc = topology_load(&t, NULL);
    capture_end(&c);
    unsetenv("HWLOC_XMLFILE");
    unsetenv("HWLOC_THISSYSTEM");
    assert_int_equal(rc, RB_OK);
    assert_int_equal(capture_lines(&c), 1);
    assert_non_null(strstr(c.text, "not known: NVLinks, peer access"));
    assert_int_equal(topology_path(t, topology_find(t, TOPO_GPU, 0), topology_find(t, TOPO_GPU, 1)).nvlinks, 8); /* hwloc's */
    topology_free(t);
}

/* Neither fields nor P2P: speeds come from the catalogue, access is unknown, Hopper's links are. */
static void test_old_library(void **state)
{
    (void)state;
    struct topology *t = NULL;
    assert_int_equal(driver_load_with(&t, OLD_LIBRARY, RECORDS "v100_cube_mesh.txt"), RB_OK);
    const int a = topology_driver_gpu(t, 0), b = topology_driver_gpu(t, 3);
    const struct topology_path p = topology_path(t, a, b);
    assert_int_equal(p.class, PATH_NV);
    assert_int_equal(p.nvlinks, 2);
    assert_true(p.ceiling.GBps == 50);
    assert_int_equal(p.ceiling.origin, CEILING_CATALOGUE);
    assert_int_equal(topology_peer(t, a, b), PEER_UNKNOWN);
    topology_free(t);
    assert_int_equal(driver_load_with(&t, OLD_LIBRARY, RECORDS "h100_nvswitch.txt"), RB_OK);
    assert_int_equal(topology_nvlink_count(t), 0);
    assert_int_equal(topology_count(t, TOPO_GPU), 8);
    topology_free(t);
}

static void test_lost_gpu(void **state)
{
    (void)state;
    struct topology *t = driver_load("h100_lost_gpu");
    const struct nvml_report *r = topology_nvml(t);
    assert_int_equal(r->count, 8);
    assert_int_equal(topology_count(t, TOPO_GPU), 7);
    assert_non_null(strstr(r->gpus[5].trouble, "GPU is lost"));
    assert_int_equal(topology_driver_gpu(t, 5), -1);
    assert_string_equal(topology_device(t, (size_t)topology_driver_gpu(t, 6))->name, "GPU6");
    assert_string_equal(r->gpus[6].uuid, ""); /* an error of one fact */
    assert_true(r->gpus[6].bytes > 0);
    assert_int_equal(nvml_pair(r, 0, 5)->p2p[NVML_P2P_READ], NVML_P2P_UNKNOWN);
    topology_free(t);
}

/* A recorded machine has nothing to do with the driver here. */
static void test_not_mixed(void **state)
{
    (void)state;
    struct capture c;
    struct topology *t = NULL;
    char *library = driver_library(LIBRARY);
    setenv("RINGBENCH_NVML_RECORD", RECORDS "a100_nvswitch.txt", 1);
    setenv("RINGBENCH_NVML", library, 1);
    assert_int_equal(topology_load(&t, MACHINES "eight_gpus.xml"), RB_OK);
    assert_null(topology_nvml(t));
    assert_int_equal(topology_path(t, topology_find(t, TOPO_GPU, 0), topology_find(t, TOPO_GPU, 1)).nvlinks, 8);
    topology_free(t);
    unsetenv("RINGBENCH_NVML");
    t = NULL;
    capture_begin(&c);
    const int rc = topology_load_with(&t, MACHINES "eight_gpus.xml", library);
    capture_end(&c);
    assert_int_equal(rc, RB_EUSAGE);
    assert_int_equal(capture_lines(&c), 1);
    assert_non_null(strstr(c.text, "give one of them"));
    free(library);
}

static void test_environment(void **state)
{
    (void)state;
    struct topology *t = NULL;
    char *library = driver_library(LIBRARY);
    setenv("RINGBENCH_NVML_RECORD", RECORDS "rtx3090_bridge.txt", 1);
    setenv("RINGBENCH_NVML", library, 1);
    assert_int_equal(topology_load(&t, NULL), RB_OK);
    assert_int_equal(topology_nvml(t)->count, 2);
    topology_free(t);
    unsetenv("RINGBENCH_NVML");
    free(library);
}

static void keep(void *context, const char *note)
{
    text_add(context, "%s\n", note);
}

static void assert_class(const struct topology *t, int a, int b, const char *want)
{
    char word[PATH_WORD];
    assert_string_equal(topology_path_word(t, a, b, word), want);
}

/* hwloc's file as this machine: the driver's GPUs land on their places in the tree. */
static void test_in_tree(void **state)
{
    (void)state;
    struct text notes = { 0 };
    setenv("HWLOC_XMLFILE", MACHINES "eight_gpus.xml", 1);
    setenv("HWLOC_THISSYSTEM", "1", 1);
    struct topology *t = driver_load("h800_nvswitch");
    unsetenv("HWLOC_XMLFILE");
    unsetenv("HWLOC_THISSYSTEM");
    assert_non_null(t);
    assert_int_equal(topology_count(t, TOPO_GPU), 8);
    assert_int_equal(topology_count(t, TOPO_NVSWITCH), 1);
    for (int i = 0; i < 8; i++) {
        const struct topology_device *d = topology_device(t, (size_t)topology_driver_gpu(t, i));
        assert_int_equal(d->number, i);
        assert_int_equal(d->os_index, i);
        assert_true(d->parent >= 0);
        assert_true(d->bytes > 0);
    }
    assert_class(t, topology_driver_gpu(t, 0), topology_driver_gpu(t, 5), "NV8");
    assert_class(t, topology_driver_gpu(t, 0), topology_find(t, TOPO_NIC, 0), "PIX");
    assert_class(t, topology_driver_gpu(t, 0), topology_find(t, TOPO_NIC, 7), "SYS");
    assert_true(topology_path(t, topology_driver_gpu(t, 0), topology_driver_gpu(t, 5)).ceiling.GBps == 200);
    nvml_notes(t, keep, &notes);
    assert_null(notes.chars); /* nothing to note */
    topology_free(t);
}

/* Then hwloc's own NVLinks stay. */
static void test_old_library_in_tree(void **state)
{
    (void)state;
    struct topology *t = NULL;
    setenv("HWLOC_XMLFILE", MACHINES "eight_gpus.xml", 1);
    setenv("HWLOC_THISSYSTEM", "1", 1);
    assert_int_equal(driver_load_with(&t, OLD_LIBRARY, RECORDS "h800_nvswitch.txt"), RB_OK);
    unsetenv("HWLOC_XMLFILE");
    unsetenv("HWLOC_THISSYSTEM");
    assert_class(t, topology_driver_gpu(t, 0), topology_driver_gpu(t, 5), "NV8");
    topology_free(t);
}

static void test_other_machine(void **state)
{
    (void)state;
    char *library = driver_library(LIBRARY);
    setenv("HWLOC_XMLFILE", MACHINES "eight_gpus.xml", 1);
    setenv("HWLOC_THISSYSTEM", "0", 1);
    assert_refused(library, RECORDS "h800_nvswitch.txt", "HWLOC_XMLFILE describes another machine");
    unsetenv("HWLOC_XMLFILE");
    unsetenv("HWLOC_THISSYSTEM");
    free(library);
}

/* Writes a record; the caller removes the file and frees the path. */
static char *write_record(const char *text)
{
    char *path = rb_strdup("/tmp/topo_nvml_XXXXXX");
    const int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    return path;
}

/* The driver's numbers are the names; the integrated GPU comes behind. */
static void test_another_vendor(void **state)
{
    (void)state;
    struct topology *t = NULL;
    assert_int_equal(topology_load(&t, MACHINES "laptop.xml"), RB_OK);
    char *text = rb_format("gpus = 1\ngpu 0 name = NVIDIA RTX mobile\ngpu 0 sm = 89\ngpu 0 bus = %s\n",
                           topology_device(t, (size_t)topology_find(t, TOPO_GPU, 1))->bus);
    topology_free(t);
    char *record = write_record(text);
    setenv("HWLOC_XMLFILE", MACHINES "laptop.xml", 1);
    setenv("HWLOC_THISSYSTEM", "1", 1);
    assert_int_equal(driver_load_with(&t, LIBRARY, record), RB_OK);
    unsetenv("HWLOC_XMLFILE");
    unsetenv("HWLOC_THISSYSTEM");
    assert_int_equal(topology_count(t, TOPO_GPU), 2);
    assert_string_equal(topology_device(t, (size_t)topology_find(t, TOPO_GPU, 0))->name, "GPU1");
    assert_string_equal(topology_device(t, (size_t)topology_find(t, TOPO_GPU, 1))->name, "GPU0");
    assert_int_equal(topology_peer(t, topology_find(t, TOPO_GPU, 0), topology_find(t, TOPO_GPU, 1)), PEER_UNKNOWN);
    topology_free(t);
    remove(record);
    free(record);
    free(text);
}

/* A driver without GPUs; links whose other end is a GPU that this container does not have; links to a processor (POWER9). */
static void test_odd_answers(void **state)
{
    (void)state;
    struct topology *t = NULL;
    char *none = write_record("gpus = 0\n");
    assert_int_equal(driver_load_with(&t, LIBRARY, none), RB_OK);
    assert_int_equal(topology_count(t, TOPO_GPU), 0);
    topology_free(t);
    char *alone = write_record("gpus = 1\ngpu 0 sm = 86\ngpu 0 bus = 0000:17:00.0\ngpu 0 links = 4\ngpu 0 link * state = 1\n"
                               "gpu 0 link * type = 0\ngpu 0 link * remote = 0000:65:00.0\n");
    assert_int_equal(driver_load_with(&t, LIBRARY, alone), RB_OK);
    assert_int_equal(topology_nvlink_count(t), 0);
    assert_int_equal(nvml_links_up(&topology_nvml(t)->gpus[0]), 4);
    topology_free(t);
    char *power9 = write_record("gpus = 2\ngpu * sm = 70\ngpu * name = Tesla V100-SXM2-16GB\ngpu 0 bus = 0004:04:00.0\ngpu 1 bus = 0004:05:00.0\n"
                                "gpu * link * state = 1\ngpu * link * p2p = 1\ngpu * link 0-2 type = 1\ngpu * link 0-2 remote = 0005:00:00.0\n"
                                "gpu 0 link 3-5 remote = 0004:05:00.0\ngpu 1 link 3-5 remote = 0004:04:00.0\ngpu 1 link 5 p2p = 0\n");
    assert_int_equal(driver_load_with(&t, LIBRARY, power9), RB_OK);
    assert_int_equal(topology_nvlink_count(t), 1);
    assert_int_equal(topology_nvlink(t, 0)->count, 2); /* the worse of the two ends */
    topology_free(t);
    remove(none);
    remove(alone);
    remove(power9);
    free(power9);
    free(none);
    free(alone);
}

static json_t *answers(const char *record)
{
    struct topology *t = NULL;
    assert_int_equal(driver_load_with(&t, LIBRARY, record), RB_OK);
    json_t *o = nvml_json(topology_nvml(t));
    topology_free(t);
    return o;
}

static char *record_again(const char *record)
{
    struct topology *t = NULL;
    char *path = write_record("");
    FILE *f = fopen(path, "w");
    assert_int_equal(driver_load_with(&t, LIBRARY, record), RB_OK);
    nvml_record(topology_nvml(t), f);
    fclose(f);
    topology_free(t);
    return path;
}

/* Every record, read and written, reads as before. */
static void test_round_trip(void **state)
{
    (void)state;
    int seen = 0;
    DIR *folder = opendir(RECORDS);
    for (const struct dirent *e; (e = readdir(folder)) != NULL;) {
        if (!text_ends_with(e->d_name, ".txt") || strcmp(e->d_name, "mismatch.txt") == 0)
            continue;
        char *record = rb_format(RECORDS "%s", e->d_name), *again = record_again(record);
        json_t *a = answers(record), *b = answers(again);
        if (!json_equal(a, b))
            fail_msg("%s is not the same again", record);
        json_decref(a);
        json_decref(b);
        remove(again);
        free(again);
        free(record);
        seen++;
    }
    closedir(folder);
    assert_true(seen >= 12);
}

static void test_pcie_now(void **state)
{
    (void)state;
    char why[NVML_WHY], *library = driver_library(LIBRARY);
    struct nvml_pcie now = { 0, 0 };
    struct capture c;
    setenv("RINGBENCH_NVML_RECORD", RECORDS "h100_lost_gpu.txt", 1);
    struct nvml *n = nvml_open(library, why);
    assert_non_null(n);
    assert_int_equal(nvml_pcie_now(n, 3, &now), RB_OK);
    assert_int_equal(now.generation, 5);
    assert_int_equal(now.width, 16);
    assert_true(fabs(nvml_pcie_GBps(now) - 32 * 16 * 128 / 130.0 / 8) < 1e-9);
    assert_true(fabs(nvml_pcie_GBps((struct nvml_pcie){ 1, 16 }) - 4) < 1e-9);
    assert_true(nvml_pcie_GBps((struct nvml_pcie){ 0, 16 }) == 0);
    assert_true(nvml_pcie_GBps((struct nvml_pcie){ 9, 16 }) == 0);
    capture_begin(&c);
    assert_int_equal(nvml_pcie_now(n, 5, &now), RB_ECUDA);
    capture_end(&c);
    assert_int_equal(capture_lines(&c), 1);
    nvml_close(n);
    free(library);
}

/* Standard output of the command; the caller frees it. */
static struct text run(const char *record, const char *option, const char *value)
{
    struct text out = { 0 };
    char *library = driver_library(LIBRARY), path[] = "/tmp/topo_out_XXXXXX", name[] = "topo", nvml[] = "--nvml";
    char *more = rb_strdup(option), *last = rb_strdup(value);
    char *argv[] = { name, nvml, library, more, last, NULL };
    const int fd = mkstemp(path), was = dup(STDOUT_FILENO);
    setenv("RINGBENCH_NVML_RECORD", record, 1);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    const int rc = topo_command(5, argv);
    fflush(stdout);
    dup2(was, STDOUT_FILENO);
    close(fd);
    close(was);
    assert_int_equal(text_read_file(&out, path, 1 << 24), RB_OK);
    assert_int_equal(rc, RB_OK);
    remove(path);
    free(last);
    free(more);
    free(library);
    return out;
}

static void must_hold(const struct text *out, const char *part)
{
    if (strstr(out->chars, part) == NULL)
        fail_msg("'%s' is missing from:\n%s", part, out->chars);
}

static void test_table(void **state)
{
    (void)state;
    struct text out = run(RECORDS "h800_nvswitch.txt", "--format", "table");
    must_hold(&out, "GPUs, from the driver 535.161.08 (CUDA up to 12.2)\n");
    must_hold(&out, "  GPU3  0000:35:00.0  PCIe generation 5 x16; 8 x NVLink 4 of 25 GB/s (26.562 raw), 8 to NVSwitches; sm_90");
    must_hold(&out, "  GPU - GPU      NV8     28 pairs  200 GB/s, queried; NCCL's model plans with 164.8\n");
    must_hold(&out, "  read, write, NVLink, atomics: yes\n");
    must_hold(&out, "Ring order that maximises the slowest hop (NV8, 200 GB/s, queried)\n");
    assert_null(strstr(out.chars, " \n"));
    text_free(&out);
    out = run(RECORDS "h100_mig.txt", "--format", "table");
    must_hold(&out, "  read, write, NVLink, atomics: by pair\n          GPU0   GPU1   GPU2   GPU3\n  GPU0       X     NS     NS     NS\n");
    must_hold(&out, "        NVIDIA H100 80GB HBM3 MIG 1g.10gb  9.75 GiB  MIG-00000010");
    assert_null(strstr(out.chars, " \n"));
    text_free(&out);
}

static void test_json(void **state)
{
    (void)state;
    struct text out = run(RECORDS "a100_mesh.txt", "--format", "json");
    json_t *o = json_loads(out.chars, 0, NULL), *driver = json_object_get(o, "driver");
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(driver, "driver")), "530.30.02");
    json_t *gpu = json_array_get(json_object_get(driver, "gpus"), 2), *link = json_array_get(json_object_get(gpu, "links"), 11);
    assert_string_equal(json_string_value(json_object_get(link, "to")), "gpu");
    assert_string_equal(json_string_value(json_object_get(link, "bus")), "0000:c1:00.0");
    assert_true(fabs(json_real_value(json_object_get(link, "nvlink")) - 3.1) < 1e-9);
    assert_int_equal(json_array_size(json_object_get(driver, "peer_access")), 12);
    assert_int_equal(json_array_size(json_object_get(o, "nvlinks")), 6);
    json_decref(o);
    text_free(&out);
}

static void test_dot(void **state)
{
    (void)state;
    struct text out = run(RECORDS "v100_cube_mesh.txt", "--format", "dot");
    must_hold(&out, "label=\"NV2 50\"");
    must_hold(&out, "label=\"NV1 25\"");
    text_free(&out);
    out = run(RECORDS "h100_nvswitch.txt", "--format", "dot");
    must_hold(&out, "label=\"NV18 450\"");
    text_free(&out);
}

static void test_record_option(void **state)
{
    (void)state;
    char *path = write_record("");
    struct text out = run(RECORDS "gb200_node.txt", "--record", path);
    text_free(&out);
    json_t *a = answers(RECORDS "gb200_node.txt"), *b = answers(path);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    remove(path);
    free(path);
}

static void test_visible_devices(void **state)
{
    (void)state;
    struct text notes = { 0 };
    setenv("CUDA_VISIBLE_DEVICES", "3,1", 1);
    struct topology *t = driver_load("h100_nvswitch");
    nvml_notes(t, keep, &notes);
    unsetenv("CUDA_VISIBLE_DEVICES");
    assert_int_equal(topology_nvml(t)->count, 8);
    must_hold(&notes, "CUDA_VISIBLE_DEVICES=3,1 hides GPUs from CUDA");
    text_free(&notes);
    topology_free(t);
}

int main(void)
{
    unsetenv("CUDA_VISIBLE_DEVICES");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_library),  cmocka_unit_test(test_no_driver_here), cmocka_unit_test(test_old_library),
        cmocka_unit_test(test_lost_gpu),    cmocka_unit_test(test_not_mixed),      cmocka_unit_test(test_environment),
        cmocka_unit_test(test_in_tree),     cmocka_unit_test(test_old_library_in_tree), cmocka_unit_test(test_other_machine),  cmocka_unit_test(test_another_vendor),
        cmocka_unit_test(test_odd_answers), cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_pcie_now),
        cmocka_unit_test(test_table),       cmocka_unit_test(test_json),           cmocka_unit_test(test_dot),
        cmocka_unit_test(test_record_option), cmocka_unit_test(test_visible_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
