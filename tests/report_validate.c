/* Evidence on a GPU's links: the verdict on each figure, NVLS, what is shipped on the H800, and files that contradict. */
#include "core/error.h"
#include "core/text.h"
#include "report/validate.h"
#include "tests/capture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct world {
    struct catalogue catalogue;
    struct validate_settings settings;
};

static int load(void **state)
{
    static struct world w;
    w.settings = (struct validate_settings){ .gpu = "h800", .catalogue = "", .format = "table", .tolerance = 0.1 };
    *state = &w;
    return catalogue_load(&w.catalogue, NULL) == RB_OK && limits_defaults(&w.settings.model) == RB_OK && limits_prepare(&w.settings.model) == RB_OK ? 0 : -1;
}

static int unload(void **state)
{
    struct world *w = *state;
    catalogue_free(&w->catalogue);
    return 0;
}

static struct evidence figure_of(double GBps)
{
    return (struct evidence){ .kind = EVIDENCE_MEASURED, .direction = "one way", .GBps = GBps, .wire_GBps = GBps, .links = NAN, .links_low = NAN, .links_high = NAN };
}

/* H800: 8 x 25 nominal, 8 x 20.6 = 164.8 effective. Consistent from 0.9 * 164.8 = 148.32 to 1.02 * 200 = 204. */
static void figures_of_an_h800(void **state)
{
    const struct world *w = *state;
    static const struct {
        double GBps;
        enum evidence_verdict verdict;
        double low, high; /* links: ceil(v / 25.5), floor(v / 18.54) */
    } rows[] = {
        { 148, EVIDENCE_BELOW, 6, 7 },       { 149, EVIDENCE_CONSISTENT, 6, 8 }, { 165.02, EVIDENCE_CONSISTENT, 7, 8 },
        { 176, EVIDENCE_CONSISTENT, 7, 9 },  { 204, EVIDENCE_CONSISTENT, 8, 11 }, { 205, EVIDENCE_ABOVE, 9, 11 },
        { 370, EVIDENCE_ABOVE, 15, 19 },     { 1, EVIDENCE_BELOW, 1, 0 },
    };
    struct validation v;
    assert_int_equal(validate(&v, &w->settings, &w->catalogue, NULL, 0), RB_OK);
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct evidence e = figure_of(rows[i].GBps);
        evidence_judge(&e, &v, 0.1);
        if (e.verdict != rows[i].verdict || e.links_low != rows[i].low || e.links_high != rows[i].high)
            fail_msg("%g GB/s: %s, %g to %g links", rows[i].GBps, evidence_verdict_names[e.verdict], e.links_low, e.links_high);
        assert_true(e.why[0] != '\0');
    }
    validation_free(&v);
}

static void links_that_the_driver_reports(void **state)
{
    const struct world *w = *state;
    struct validation v;
    assert_int_equal(validate(&v, &w->settings, &w->catalogue, NULL, 0), RB_OK);
    for (int links = 7; links <= 9; links++) {
        struct evidence e = figure_of(NAN);
        e.kind = EVIDENCE_QUERIED;
        e.links = links;
        evidence_judge(&e, &v, 0.1);
        assert_int_equal(e.verdict, links == 8 ? EVIDENCE_CONSISTENT : links > 8 ? EVIDENCE_ABOVE : EVIDENCE_BELOW);
    }
    validation_free(&v);
}

/* 215 GB/s busbw over 8 GPUs: algbw 215 * 8/14 = 122.86; with NVLS a GPU sends 122.86 * 9/8 = 138.2 of its 200. */
static void an_nvls_all_reduce_is_not_held_against_a_ring(void **state)
{
    const struct world *w = *state;
    struct validation v;
    const struct evidence *nvls = NULL;
    assert_int_equal(validate(&v, &w->settings, &w->catalogue, NULL, 0), RB_OK);
    for (size_t i = 0; i < v.count; i++)
        if (strcmp(v.list[i].algorithm, "nvls") == 0)
            nvls = &v.list[i];
    assert_non_null(nvls);
    assert_true(nvls->GBps == 215 && fabs(nvls->wire_GBps - 138.214) < 0.001);
    assert_int_equal(nvls->verdict, EVIDENCE_CONSISTENT);
    assert_non_null(strstr(nvls->why, "no ring bound"));
    validation_free(&v);
}

static void what_is_shipped_on_the_h800_agrees(void **state)
{
    const struct world *w = *state;
    struct validation v;
    size_t kinds[EVIDENCE_KINDS] = {0};
    bool broadcast = false;
    assert_int_equal(validate(&v, &w->settings, &w->catalogue, NULL, 0), RB_OK);
    for (size_t i = 0; i < v.count; i++) {
        kinds[v.list[i].kind]++;
        broadcast = broadcast || fabs(v.list[i].GBps - 165.02) < 1e-9;
        assert_true(v.list[i].source[0] != '\0');
    }
    assert_true(kinds[EVIDENCE_NOMINAL] == 1 && kinds[EVIDENCE_MODEL] == 1 && kinds[EVIDENCE_QUERIED] >= 1 && kinds[EVIDENCE_PUBLISHED] >= 5);
    assert_true(broadcast);
    assert_string_equal(v.verdict, "consistent");
    assert_false(v.contradicted);
    assert_non_null(strstr(v.sentence, "tensor parallelism of 4"));
    validation_free(&v);
}

static void every_model_gets_a_verdict(void **state)
{
    struct world w = *(struct world *)*state;
    size_t without = 0;
    for (size_t i = 0; i < w.catalogue.ngpus; i++) {
        struct validation v;
        w.settings.gpu = w.catalogue.gpus[i].model;
        assert_int_equal(validate(&v, &w.settings, &w.catalogue, NULL, 0), RB_OK);
        assert_true(v.verdict[0] != '\0' && v.why[0] != '\0' && v.sentence[0] != '\0');
        assert_false(v.contradicted);
        if (strcmp(v.verdict, "above") == 0)
            fail_msg("%s: %s", w.settings.gpu, v.why);
        without += strcmp(v.verdict, "no evidence") == 0;
        validation_free(&v);
    }
    assert_true(without > 0 && without < w.catalogue.ngpus);
}

#define HEADER "#  Rank  0 Group  0 Pid 1 on node device  0 [0x0f] %s\n#  Rank  1 Group  0 Pid 1 on node device  1 [0x1f] %s\n" \
               "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong\n" \
               "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)       \n"

/* A log of a broadcast of 256 MiB by 2 GPUs of that name at that rate. */
static char *write_log(const char *gpu, double GBps)
{
    char *path = rb_strdup("/tmp/validate-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    const double us = 268435456 / GBps / 1e3;
    fprintf(f, "# source: made up\n# collective: broadcast\n# interconnect: NVLink\n# ---- as posted below ----\n# nThread 1 nGpus 2 minBytes 1024 maxBytes 268435456 step: 2(factor)\n# Using devices\n");
    fprintf(f, HEADER, gpu, gpu);
    for (uint64_t bytes = 1024; bytes <= 268435456; bytes *= 2) {
        const double t = bytes < 268435456 ? 20 + (double)bytes / GBps / 1e3 : us;
        fprintf(f, "%12llu  %12llu     float    none       0  %7.2f  %6.2f  %6.2f      0  %7.2f  %6.2f  %6.2f      0\n", (unsigned long long)bytes,
                (unsigned long long)bytes / 4, t, (double)bytes / t / 1e3, (double)bytes / t / 1e3, t, (double)bytes / t / 1e3, (double)bytes / t / 1e3);
    }
    fprintf(f, "# Out of bounds values : 0 OK\n#\n# Collective test concluded: broadcast_perf\n");
    fclose(f);
    return path;
}

static void a_given_file_may_contradict(void **state)
{
    const struct world *w = *state;
    static const struct {
        const char *gpu;
        double GBps;
        bool contradicted;
    } rows[] = {
        { "NVIDIA H800", 165, false }, /* 8 links */
        { "NVIDIA H800", 330, true },  /* more than 8 links carry */
        { "NVIDIA H800", 80, true },   /* less than half of them */
        { "NVIDIA H20", 165, true },   /* another GPU */
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        char *path = write_log(rows[i].gpu, rows[i].GBps);
        struct validation v;
        struct capture said;
        capture_begin(&said);
        const int rc = validate(&v, &w->settings, &w->catalogue, (const char *const[]){ path }, 1);
        capture_end(&said);
        if (rc != RB_OK || v.contradicted != rows[i].contradicted)
            fail_msg("%s at %g: code %d, %s", rows[i].gpu, rows[i].GBps, rc, said.text);
        validation_free(&v);
        unlink(path);
        free(path);
    }
}

static void write_emulated(const char *path, double GBps, const char *evidence)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    struct record_case k = { .collective = "all_reduce", .algorithm = "ring", .transport = "shm", .type = "float", .op = "sum", .ranks = 8, .nodes = 1,
                             .root = -1, .bytes = 1 << 28, .count = 1 << 26, .wrong = 0, .busbw_GBps = GBps, .algbw_GBps = GBps / 1.75,
                             .wire_GBps = GBps, .ceiling_GBps = 200, .ratio = NAN, .ratio_low = NAN, .ratio_high = NAN };
    snprintf(k.evidence, sizeof k.evidence, "%s", evidence);
    if (strcmp(evidence, "simulated") == 0)
        snprintf(k.transport, sizeof k.transport, "nvlink"); /* a simulated case names the link of the model */
    k.time_us = (struct record_time){ 1e3, 1e3, 1e3, 1e3, 1e3, 1e3, 0, 1 };
    assert_int_equal(records_write_case(f, &k), RB_OK);
    fclose(f);
}

/* An emulated link is evidence of its own kind and contradicts nothing; shared memory of this machine is none at all. */
static void emulated_runs_are_shown_apart(void **state)
{
    const struct world *w = *state;
    char path[] = "/tmp/validate-XXXXXX.jsonl";
    const int fd = mkstemps(path, 6);
    assert_true(fd >= 0);
    close(fd);
    const struct {
        const char *evidence;
        double GBps;
        size_t rows;
        double shown; /* the model plans with 164.8 of 200: what is emulated is scaled by that, what is simulated stands as it is */
        enum evidence_kind kind;
    } rows[] = { { "emulated", 160, 1, 160 * 164.8 / 200, EVIDENCE_EMULATED }, { "emulated", 20, 1, 20 * 164.8 / 200, EVIDENCE_EMULATED },
                 { "simulated", 160, 1, 160, EVIDENCE_SIMULATED }, { "simulated", 20, 1, 20, EVIDENCE_SIMULATED }, { "measured", 160, 0, 0, 0 } };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct validation v;
        struct capture said;
        size_t given = 0;
        write_emulated(path, rows[i].GBps, rows[i].evidence);
        capture_begin(&said);
        const int rc = validate(&v, &w->settings, &w->catalogue, (const char *const[]){ path }, 1);
        capture_end(&said);
        assert_int_equal(rc, RB_OK);
        for (size_t k = 0; k < v.count; k++) {
            given += v.list[k].given;
            assert_true(!v.list[k].given || (v.list[k].kind == rows[i].kind && fabs(v.list[k].GBps - rows[i].shown) < 1e-6));
        }
        assert_int_equal(given, rows[i].rows);
        assert_false(v.contradicted);
        assert_int_equal(strstr(said.text, "not compared") != NULL, rows[i].rows == 0);
        validation_free(&v);
    }
    unlink(path);
}

static int command(char **argv, struct capture *said)
{
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    fflush(stdout);
    const int stdout_was = dup(STDOUT_FILENO);
    FILE *nothing = fopen("/dev/null", "w");
    dup2(fileno(nothing), STDOUT_FILENO);
    capture_begin(said);
    const int rc = validate_command(argc, argv);
    capture_end(said);
    fflush(stdout);
    dup2(stdout_was, STDOUT_FILENO);
    close(stdout_was);
    fclose(nothing);
    return rc;
}

static void the_commands_exit_codes(void **state)
{
    (void)state;
    struct capture said;
    char *slow = write_log("NVIDIA H800", 80), *good = write_log("NVIDIA H800", 165);
    char name[] = "validate", gpu[] = "--gpu", h800[] = "h800", nobody[] = "h801", none[] = "/nonexistent", zero[] = "--tolerance=0";
    assert_int_equal(command((char *[]){ name, gpu, h800, good, NULL }, &said), 0);
    assert_int_equal(command((char *[]){ name, gpu, h800, slow, NULL }, &said), 7);
    if (capture_lines(&said) != 1)
        fail_msg("%s", said.text);
    assert_int_equal(command((char *[]){ name, gpu, h800, slow, good, NULL }, &said), 0); /* the best of what was measured counts */
    assert_int_equal(command((char *[]){ name, gpu, nobody, NULL }, &said), 6);
    assert_int_equal(command((char *[]){ name, gpu, h800, none, NULL }, &said), 6);
    assert_int_equal(command((char *[]){ name, zero, NULL }, &said), 6);
    unlink(slow);
    unlink(good);
    free(slow);
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_of_an_h800),
        cmocka_unit_test(links_that_the_driver_reports),
        cmocka_unit_test(an_nvls_all_reduce_is_not_held_against_a_ring),
        cmocka_unit_test(what_is_shipped_on_the_h800_agrees),
        cmocka_unit_test(every_model_gets_a_verdict),
        cmocka_unit_test(a_given_file_may_contradict),
        cmocka_unit_test(emulated_runs_are_shown_apart),
        cmocka_unit_test(the_commands_exit_codes),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
