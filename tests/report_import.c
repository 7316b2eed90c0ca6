/* Importers: every variant of every format with its row count, single figures read off the fixtures by eye, what does not add up
 * is said, what cannot be read is refused with file and line. The fixtures in tests/logs hold made-up figures in real layouts. */
#include "report/import.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *messages; /* of the last call */

/* Runs the import with stderr in a file. */
static int import_quietly(struct import *im, const char *path, const char *bytes, size_t length)
{
    char log[] = "/tmp/ringbench-import-XXXXXX";
    const int file = mkstemp(log), saved = dup(2);
    assert_true(file >= 0 && saved >= 0);
    dup2(file, 2);
    const int rc = bytes != NULL ? import_memory(im, path, bytes, length) : import_file(im, path);
    dup2(saved, 2);
    close(saved);
    close(file);
    struct text t;
    free(messages);
    messages = NULL;
    assert_int_equal(text_read_file(&t, log, 1 << 20), RB_OK);
    messages = t.chars;
    unlink(log);
    return rc;
}

#define assert_near(value, expected_value, slack) assert_true(fabs((double)(value) - (double)(expected_value)) <= (slack))

static void assert_said(const char *part)
{
    if (strstr(messages, part) == NULL)
        fail_msg("'%s' is not in: %s", part, messages);
}

static char *fixture(const char *name)
{
    return rb_format("tests/logs/%s", name);
}

static struct import load(const char *name)
{
    struct import im = {0};
    char *path = fixture(name);
    assert_int_equal(import_quietly(&im, path, NULL, 0), RB_OK);
    free(path);
    return im;
}

/* --- every fixture --- */

static const struct expected {
    const char *file;
    size_t sources, cases, links, warnings; /* warnings of the first source */
    const char *format, *gpu, *collective, *nccl;
    int gpus, nodes;
} expected[] = {
    { "nccl-2.8-error-column.txt", 1, 22, 0, 0, "nccl-tests", "Tesla V100-PCIE-32GB", "all_reduce", "", 4, 1 },
    { "nccl-2.10-alltoall-blank-op.txt", 1, 22, 0, 0, "nccl-tests", "A100-SXM4-40GB", "alltoall", "", 8, 1 },
    { "nccl-2.13-kubernetes-cputime.txt", 1, 10, 0, 0, "nccl-tests", "NVIDIA A100-SXM4-80GB", "reduce_scatter", "", 4, 1 },
    { "nccl-2.13-mpirun-labels-elided.txt", 1, 8, 0, 0, "nccl-tests", "NVIDIA H100 80GB HBM3", "all_reduce", "2.18.3", 16, 2 },
    { "nccl-2.13-srun-labels.txt", 1, 10, 0, 0, "nccl-tests", "NVIDIA H100 80GB HBM3", "all_reduce", "", 16, 2 },
    { "nccl-2.19-per-iteration.txt", 1, 8, 0, 0, "nccl-tests", "NVIDIA H200", "all_gather", "2.29.3", 8, 1 },
    { "nccl-2.19.json", 1, 7, 0, 0, "nccl-tests-json", "NVIDIA A100-SXM4-80GB", "all_reduce", "2.29.3", 4, 2 },
    { "nccl-two-runs.txt", 2, 24, 0, 0, "nccl-tests", "NVIDIA H100 80GB HBM3", "all_reduce", "2.28.7", 8, 1 },
    { "nccl-interleaved-told-apart.txt", 2, 20, 0, 0, "nccl-tests", "NVIDIA H20", "all_reduce", "", 8, 1 },
    { "nccl-interleaved-labelled.txt", 2, 20, 0, 0, "nccl-tests", "NVIDIA H100 80GB HBM3", "all_reduce", "", 8, 1 },
    { "nccl-short-columns.txt", 1, 5, 0, 0, "nccl-tests", "A100", "all_reduce", "", 8, 0 },
    { "nccl-cut-off.txt", 1, 11, 0, 0, "nccl-tests", "NVIDIA H800", "broadcast", "2.18.3", 8, 1 },
    { "nccl-does-not-add-up.txt", 1, 10, 0, 4, "nccl-tests", "NVIDIA H100 80GB HBM3", "all_reduce", "", 4, 1 },
    { "nvbandwidth-0.2.txt", 1, 0, 30, 0, "nvbandwidth", "NVIDIA H800", "", "", 3, 1 },
    { "nvbandwidth-0.8.txt", 1, 0, 10, 0, "nvbandwidth", "NVIDIA B200", "", "", 2, 1 },
    { "nvbandwidth.json", 1, 0, 4, 0, "nvbandwidth-json", "", "", "", 2, 1 },
    { "p2p.txt", 1, 0, 22, 0, "p2p", "NVIDIA RTX 6000 Ada Generation", "", "", 2, 1 },
    { "topo.txt", 1, 0, 20, 0, "topo", "", "", "", 3, 1 },
    { "nvlink-status.txt", 1, 0, 15, 1, "nvlink-status", "NVIDIA H800", "", "", 2, 1 },
    { "latency.csv", 1, 3, 0, 0, "latency-csv", "NVIDIA H100 80GB HBM3", "", "2.29.2", 8, 1 },
};

static void test_every_fixture(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(expected); i++) {
        const struct expected *e = &expected[i];
        struct import im = load(e->file);
        const struct import_source *s = im.sources;
        if (im.nsources != e->sources || im.records.ncases != e->cases || im.nlinks != e->links || s->warnings != e->warnings)
            fail_msg("%s: %zu sources, %zu cases, %zu links, %zu warnings: %s", e->file, im.nsources, im.records.ncases, im.nlinks,
                     s->warnings, messages);
        assert_string_equal(s->format, e->format);
        assert_string_equal(s->gpu, e->gpu);
        assert_string_equal(s->collective, e->collective);
        assert_string_equal(s->nccl, e->nccl);
        assert_int_equal(s->gpus, e->gpus);
        assert_int_equal(s->nodes, e->nodes);
        for (size_t k = 0; k < im.records.ncases; k++)
            assert_string_equal(im.records.cases[k].evidence, "imported");
        import_free(&im);
    }
}

/* --- single figures --- */

/* nccl-tests 2.0 printed milliseconds: 0.037 ms is 37 us. Two ranks leave the factor at 1, so the collective must be given. */
static void test_milliseconds(void **state)
{
    (void)state;
    struct import im = {0};
    assert_int_equal(import_quietly(&im, "tests/logs/nccl-2.0-ms.txt", NULL, 0), RB_EUSAGE);
    assert_said("nccl-2.0-ms.txt:9:");
    assert_said("--collective");
    assert_int_equal(im.nsources, 0);
    im.hints.collective = "all_reduce";
    assert_int_equal(import_quietly(&im, "tests/logs/nccl-2.0-ms.txt", NULL, 0), RB_OK);
    assert_int_equal(im.records.ncases, 10);
    assert_int_equal(im.records.cases[0].bytes, 65536);
    assert_near(im.records.cases[0].time_us.median, 37, 1e-9);
    assert_int_equal(im.sources[0].warnings, 0);
    import_free(&im);
}

/* The row "65536 16384 float sum -1 20.66 3.17 4.76 0 | 20.92 3.13 4.70 0" in its JSON form, with samples. */
static void test_json_figures(void **state)
{
    (void)state;
    struct import im = load("nccl-2.19.json");
    const struct record_case *c = im.records.cases;
    assert_near(c[0].time_us.median, 20.65536, 1e-9);
    assert_near(c[0].algbw_GBps, 3.172833, 1e-9);
    assert_int_equal(c[0].nsamples, 5);
    assert_near(c[0].samples_us[4], 21.068467, 1e-9);
    assert_near(c[0].time_us.cv, 0.025, 1e-12);
    assert_false(c[0].in_place);
    assert_true(c[1].in_place);
    assert_int_equal(c[0].wrong, 0);
    assert_true(c[6].in_place); /* out of place was null */
    assert_int_equal(c[6].bytes, 4194304);
    assert_string_equal(c[0].algorithm, "ring"); /* NCCL_ALGO in the environment */
    import_free(&im);
}

static void test_table_figures(void **state)
{
    (void)state;
    struct import im = load("nccl-2.19-per-iteration.txt");
    const struct record_case *c = im.records.cases;
    /* 4194304 bytes over 8 ranks: 25 + 4194304 / 300e3 = 38.98 us; i_min 37.81, i_p99 44.83, i_cv 3.50 */
    assert_near(c[0].time_us.median, 38.98, 1e-9);
    assert_near(c[0].time_us.min, 37.81, 1e-9);
    assert_near(c[0].time_us.p99, 44.83, 1e-9);
    assert_near(c[0].time_us.cv, 0.035, 1e-12);
    assert_int_equal(c[0].count, 131072);
    assert_int_equal(c[0].ranks, 8);
    assert_int_equal(c[0].time_us.n, 20);
    assert_string_equal(im.sources[0].tool, "2.19.0");
    import_free(&im);

    im = load("nccl-2.10-alltoall-blank-op.txt");
    assert_int_equal(im.records.cases[0].bytes, 0);
    assert_string_equal(im.records.cases[4].op, "none");
    assert_int_equal(im.records.cases[4].root, -1);
    assert_int_equal(im.records.cases[4].bytes, 1024);
    import_free(&im);

    im = load("nccl-2.13-mpirun-labels-elided.txt");
    assert_int_equal(im.sources[0].nvls, 1);
    assert_string_equal(im.sources[0].algorithm, "ring");
    assert_non_null(strstr(im.sources[0].note, "rows elided"));
    import_free(&im);

    im = load("nccl-short-columns.txt");
    assert_int_equal(im.records.cases[4].bytes, 16777216); /* 16_777_216 */
    import_free(&im);
}

static void test_two_runs(void **state)
{
    (void)state;
    struct import im = load("nccl-two-runs.txt");
    assert_string_equal(im.sources[1].collective, "all_gather");
    assert_string_equal(im.sources[1].name, "nccl-two-runs-2");
    assert_int_equal(im.sources[1].first_case, 12);
    assert_string_equal(im.records.cases[12].collective, "all_gather");
    assert_string_not_equal(im.records.cases[0].label, im.records.cases[12].label);
    import_free(&im);
}

static const struct import_link *find(const struct import *im, const char *test, int from, int to)
{
    for (size_t i = 0; i < im->nlinks; i++)
        if (strcmp(im->links[i].test, test) == 0 && im->links[i].from == from && im->links[i].to == to)
            return &im->links[i];
    fail_msg("no link %s from %d to %d", test, from, to);
    return NULL;
}

/* Who sends to whom, and what the figure is: one direction, one of two, or their sum. */
static void test_nvbandwidth(void **state)
{
    (void)state;
    struct import im = load("nvbandwidth-0.2.txt");
    assert_near(find(&im, "host_to_device_memcpy_ce", IMPORT_HOST, 1)->GBps, 56, 1e-9);
    const struct import_link *l = find(&im, "device_to_host_bidirectional_memcpy_ce", 1, IMPORT_HOST);
    assert_true(l->loaded && !l->both_ways);
    /* "GPU(row) <- GPU(column)", row 1, column 2: 176 + 1 + 0.2 */
    l = find(&im, "device_to_device_memcpy_write_ce", 2, 1);
    assert_near(l->GBps, 177.2, 1e-9);
    assert_true(!l->loaded && !l->both_ways && !l->local);
    assert_string_equal(l->engine, "CE");
    assert_true(find(&im, "device_to_device_bidirectional_memcpy_write_ce", 0, 1)->loaded);
    l = find(&im, "device_to_device_bidirectional_memcpy_read_sm", 0, 1);
    assert_true(l->both_ways && !l->loaded);
    assert_string_equal(l->engine, "SM");
    assert_near(find(&im, "all_to_one_write_ce", IMPORT_ALL, 2)->GBps, 179, 1e-9);
    assert_near(find(&im, "one_to_all_read_sm", 2, IMPORT_ALL)->GBps, 156, 1e-9);
    assert_string_equal(im.sources[0].cuda, "11.8");
    assert_string_equal(im.sources[0].driver, "525.105.17");
    import_free(&im);

    im = load("nvbandwidth-0.8.txt");
    assert_true(find(&im, "device_to_device_bidirectional_memcpy_read_ce_read1", 0, 1)->loaded);
    assert_near(find(&im, "device_to_device_bidirectional_memcpy_read_ce_read2", 1, 0)->GBps, 759.1, 1e-9);
    assert_true(find(&im, "device_to_device_bidirectional_memcpy_read_ce_total", 0, 1)->both_ways);
    assert_near(find(&im, "host_device_latency_sm", IMPORT_HOST, 1)->latency_us, 0.773, 1e-9);
    assert_true(find(&im, "device_local_copy", 1, 1)->local);
    import_free(&im);

    im = load("nvbandwidth.json");
    assert_near(find(&im, "device_to_device_memcpy_read_ce", 0, 1)->GBps, 276.5, 1e-9);
    assert_near(find(&im, "host_to_device_memcpy_sm", IMPORT_HOST, 1)->GBps, 54.5, 1e-9);
    assert_string_equal(im.sources[0].tool, "v0.7");
    import_free(&im);
}

static void test_links(void **state)
{
    (void)state;
    struct import im = load("p2p.txt");
    assert_string_equal(find(&im, "p2p-connectivity", 0, 1)->path, "P2P");
    assert_string_equal(find(&im, "p2p-connectivity", 1, 0)->path, "none");
    const struct import_link *l = find(&im, "p2p-enabled", 0, 1);
    assert_near(l->GBps, 26.1, 1e-9);
    assert_false(l->both_ways);
    assert_true(find(&im, "p2p-enabled", 0, 0)->local);
    assert_near(find(&im, "p2p-enabled-cpu", 1, 0)->latency_us, 5.7, 1e-9);
    import_free(&im);

    im = load("topo.txt");
    assert_int_equal(im.sources[0].links, 8);
    assert_string_equal(find(&im, "topo", 2, IMPORT_NIC + 1)->path, "PHB");
    assert_string_equal(find(&im, "topo", IMPORT_NIC, 0)->path, "PIX");
    import_free(&im);

    im = load("nvlink-status.txt");
    assert_int_equal(im.sources[0].links, 8);
    assert_said("7 to 8 active links");
    l = find(&im, "nvlink-status", 1, IMPORT_SWITCH);
    assert_int_equal(l->kind, IMPORT_NOMINAL);
    assert_near(l->GBps, 26.562, 1e-9);
    import_free(&im);
}

/* 1048576 halves are 2 MiB; 2097152 B / 25 us = 83.886 GB/s; times 2 * 7/8. All-gather over 4: 1048576 B / 12.5 us * 3/4. */
static void test_latency(void **state)
{
    (void)state;
    struct import im = load("latency.csv");
    assert_int_equal(im.records.cases[0].bytes, 2097152);
    assert_near(im.records.cases[0].time_us.median, 25, 1e-9);
    assert_near(im.records.cases[0].busbw_GBps, 83.88608 * 1.75, 1e-6);
    assert_near(im.records.cases[1].busbw_GBps, 62.91456, 1e-6);
    assert_int_equal(im.records.cases[1].count, 262144);
    assert_string_equal(im.sources[0].transport, "nvlink");
    import_free(&im);
}

static void test_does_not_add_up(void **state)
{
    (void)state;
    struct import im = load("nccl-does-not-add-up.txt");
    assert_said("nccl-does-not-add-up.txt:14: size / time is 11.59 GB/s, but algbw says 99.99");
    assert_said("txt:15: busbw should be 51.59 GB/s over 4 ranks, but is 11.11");
    assert_said("txt:16: size 4194304 and count 77");
    assert_said("txt:19: the rows average");
    import_free(&im);
}

/* --- bad input --- */

static const struct bad {
    const char *text, *part;
} bad[] = {
    { "", "bad.txt: empty" },
    { "\n\n  \n", "not a log that is known here (nccl-tests," },
    { "GIF89a\1\2\3\4\5\6\7\10\16\17\20\21\22", "binary" },
    { "a line\nhello world\n", "not a log that is known" },
    { "#  size  count  type  redop  time  algbw  busbw\n#\n", "no figures" },
    { "# size count type redop root time algbw busbw #wrong\n 8 2 float sum -1 1.0 0.01 0.02 0\n 16 4 float sum -1 x 0.02 0.03 0\n 32 8 float sum "
      "-1 1.0 0.03 0.05 0\n",
      "bad.txt:3: a row with a word" },
    { "# size count type redop root time algbw busbw #wrong\n 8 2 float sum -1 1.0 0.01 0.02 0 9 9\n\nmore\n", "bad.txt:2: a row that does not fit" },
    { "# size count type redop time algbw busbw\n 1048576 262144 float sum 10 104.86 104.86\n", "which collective" },
    { "Running device_to_device_memcpy_read_ce.\nmemcpy CE GPU(row) -> GPU(column) bandwidth (GB/s)\n 0 1\n 0 N/A x\n", "bad.txt:4:" },
    { "Running device_to_device_memcpy_read_ce.\nmemcpy CE GPU(row) -> GPU(column) bandwidth (GB/s)\n 0 1\n", "bad.txt:4: a row of 2 figures" },
    { "P2P Connectivity Matrix\n D\\D 0 1\n 0 1 1\nthe end\n", "bad.txt:4: row 1 of the matrix" },
    { " GPU0 GPU1 CPU Affinity\nGPU0 X NV8 0-3\nGPU1 NV9 PIX 0-3\n", "bad.txt:3: cell 2: X belongs" },
    { " GPU0 GPU1 CPU Affinity\nGPU0 X NVX 0-3\n", "'NVX' is no kind of path" },
    { "GPU 0: NVIDIA H800 (UUID: GPU-0)\nLink 0: fast\n", "bad.txt:2: a rate in GB/s" },
    { "{\"nccl_version\":22903,\"results\":[{\"size\":8}]}", "results[0]: size, count and type" },
    { "{\"nccl_version\":22903,\n\"results\":[", "bad.txt:2: not whole JSON" },
    { "{\"nvbandwidth\":{\"testcases\":[{\"name\":\"x\",\"bandwidth_matrix\":[[\"y\"]]}]}}", "row 0, column 0 is no number" },
    { "op_name,nccl_dtype,num_gpus,message_size,latency,device,version\nall_reduce,half,8,1024,-1,G,1\n", "bad.txt:2:5: latency: '-1'" },
    { "op_name,nccl_dtype,num_gpus,message_size,latency,device,version\nall_reduce,half,8,1024\n", "bad.txt:2: 4 cells" },
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(bad); i++) {
        struct import im = {0};
        const int rc = import_quietly(&im, "bad.txt", bad[i].text, strlen(bad[i].text));
        if (rc != RB_EUSAGE || strstr(messages, bad[i].part) == NULL || im.nsources + im.nlinks + im.records.ncases > 0)
            fail_msg("%zu: %d, %zu sources, '%s' expected: %s", i, rc, im.nsources, bad[i].part, messages);
        import_free(&im);
    }
}

static void test_refused_files(void **state)
{
    (void)state;
    struct import im = {0};
    assert_int_equal(import_quietly(&im, "tests/logs/nccl-interleaved-mixed.txt", NULL, 0), RB_EUSAGE);
    assert_said("mixed.txt:33: size 1048576 after 1048576");
    assert_int_equal(import_quietly(&im, "tests/logs/no-such-file", NULL, 0), RB_EUSAGE);
    assert_said("No such file");
    assert_int_equal(import_quietly(&im, "zeros", "# size time\n\0\0\0", 15), RB_EUSAGE);
    assert_said("zeros:2: a zero byte");
    import_free(&im);
}

/* Half a gigabyte, of which no byte is stored: refused without being read to its end. */
static void test_half_a_gigabyte(void **state)
{
    (void)state;
    char path[] = "/tmp/ringbench-large-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, (off_t)512 << 20), 0);
    close(file);
    struct import im = {0};
    assert_int_equal(import_quietly(&im, path, NULL, 0), RB_EUSAGE);
    assert_said("larger than");
    unlink(path);
    import_free(&im);
}

/* --- the figures that are shipped --- */

static void test_published(void **state)
{
    (void)state;
    setenv("RINGBENCH_DATA", "report/data", 1);
    struct import im = {0};
    assert_int_equal(published_load(&im), RB_OK);
    const struct import_source *h800 = NULL;
    for (size_t i = 0; i < im.nsources; i++) {
        assert_true(im.sources[i].ncases + im.sources[i].nlinks > 0);
        assert_string_not_equal(im.sources[i].address, "");
        if (strcmp(im.sources[i].name, "h800-sxm_8gpu_nvlink_broadcast") == 0)
            h800 = &im.sources[i];
    }
    assert_non_null(h800);
    assert_int_equal(h800->ncases, 60);
    assert_int_equal(h800->links, 0); /* only a driver's word counts */
    assert_int_equal(h800->nvls, 1);
    assert_near(im.records.cases[h800->first_case + 59].busbw_GBps, 165.02, 1e-9);
    import_free(&im);
}

static void test_published_round_trip(void **state)
{
    (void)state;
    char folder[] = "/tmp/ringbench-published-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct import first = load("nccl-2.13-srun-labels.txt"), again = {0};
    assert_int_equal(import_file(&first, "tests/logs/p2p.txt"), RB_OK);
    assert_int_equal(published_write(&first, folder), RB_OK);
    for (size_t i = 0; i < first.nsources; i++) {
        char *path = rb_format("%s/%s.csv", folder, first.sources[i].name);
        assert_int_equal(import_file(&again, path), RB_OK);
        unlink(path);
        free(path);
    }
    assert_int_equal(again.records.ncases, first.records.ncases);
    assert_int_equal(again.nlinks, first.nlinks);
    for (size_t i = 0; i < first.records.ncases; i++) {
        assert_true(records_same_curve(&first.records.cases[i], &again.records.cases[i]));
        assert_near(again.records.cases[i].busbw_GBps, first.records.cases[i].busbw_GBps, 1e-6);
    }
    for (size_t i = 0; i < first.nlinks; i++) {
        assert_string_equal(again.links[i].test, first.links[i].test);
        assert_int_equal(again.links[i].to, first.links[i].to);
        assert_int_equal(again.links[i].both_ways, first.links[i].both_ways);
    }
    char *index = rb_format("%s/index.csv", folder);
    unlink(index);
    free(index);
    rmdir(folder);
    import_free(&first);
    import_free(&again);
}

static int free_messages(void **state)
{
    (void)state;
    free(messages);
    messages = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fixture),   cmocka_unit_test(test_milliseconds),  cmocka_unit_test(test_json_figures),
        cmocka_unit_test(test_table_figures),   cmocka_unit_test(test_two_runs),      cmocka_unit_test(test_nvbandwidth),
        cmocka_unit_test(test_links),           cmocka_unit_test(test_latency),       cmocka_unit_test(test_does_not_add_up),
        cmocka_unit_test(test_bad),             cmocka_unit_test(test_refused_files), cmocka_unit_test(test_half_a_gigabyte),
        cmocka_unit_test(test_published),       cmocka_unit_test(test_published_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, free_messages);
}
