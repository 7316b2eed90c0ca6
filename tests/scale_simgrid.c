/* Our model against SimGrid's replay of the same schedules. Skipped, visibly, without SimGrid. */
#include "scale/simgrid.h"

#include "core/error.h"
#include "core/text.h"
#include "scale/simgrid_programs.h"
#include "tests/capture.h"
#include "tests/scale_question.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void need_simgrid(void)
{
    if (simgrid_version()[0] == '\0') {
        print_message("SKIPPED: smpirun is not installed (apt-get install libsimgrid-dev)\n");
        skip();
    }
}

static double seconds(const char *engine, const char *cluster, const char *algorithm, int ranks, uint64_t bytes)
{
    return answer(&(struct question){ .engine = engine, .cluster = cluster, .algorithm = algorithm, .ranks = ranks, .bytes = bytes, .every_rank = true }).seconds;
}

#define EXACT 0.001

/* Where smpirun cannot agree, and between which ratios it stays. */
static const struct exception {
    const char *cluster, *algorithm;
    uint64_t bytes;
    double low, high; /* of smpirun / ours */
} exceptions[] = {
#include "tests/simgrid_exceptions.h"
};

static const struct exception *exception_of(const char *cluster, const char *algorithm, uint64_t bytes)
{
    for (size_t i = 0; i < RB_LEN(exceptions); i++)
        if (strcmp(exceptions[i].cluster, cluster) == 0 && strcmp(exceptions[i].algorithm, algorithm) == 0 && exceptions[i].bytes == bytes)
            return &exceptions[i];
    return NULL;
}

static void need_player(void)
{
    char *player = simgrid_player();
    const bool there = player != NULL;
    free(player);
    if (!there) {
        print_message("SKIPPED: " SIMGRID_PLAYER " was not built (SimGrid 3.32 and g++)\n");
        skip();
    }
}

static const struct { const char *cluster; int ranks; } machines[] = {
    { "8x4090", 8 },           { "8xA100", 8 },           { "8xH100", 8 },            { "8xH800", 8 },
    { "8xH200", 8 },           { "8xB200", 8 },           { "8xV100", 8 },
    { "desktop-4090-1G", 16 }, { "desktop-4090-10G", 16 }, { "desktop-4090-25G", 16 }, { "desktop-4090-200G", 16 },
    { "2048x4090", 32 },       { "3072xA100", 32 },       { "NVL72", 72 },            { "pod-H100", 32 },
    { "pod-H800", 32 },        { "torus-H100", 64 },      { "tests/clusters/tree.cluster", 12 },
    { "tests/clusters/bus.cluster", 8 },
};
static const char *const names[] = { "ring_all_reduce", "ring_all_gather", "ring_reduce_scatter", "ring_broadcast", "direct_two_shot_all_reduce",
                                     "direct_alltoall", "two_level_all_reduce", "tree_all_reduce", "parameter_server_colocated",
                                     "parameter_server_dedicated" };
static const uint64_t sizes[] = { 1 << 20, 256 << 20 };

/* Calls judge with SimGrid's time over ours for every cluster, algorithm and size; prints and counts those that it refuses. */
static void compare_all(const char *engine, bool (*judge)(double ratio, const struct exception *e))
{
    int nwrong = 0, n = 0;
    double worst = 0;
    for (size_t m = 0; m < RB_LEN(machines); m++)
        for (size_t a = 0; a < RB_LEN(names); a++)
            for (size_t i = 0; i < RB_LEN(sizes); i++, n++) {
                const char *cluster = machines[m].cluster;
                const double ours = seconds("cost", cluster, names[a], machines[m].ranks, sizes[i]);
                const double ratio = seconds(engine, cluster, names[a], machines[m].ranks, sizes[i]) / ours;
                const struct exception *e = exception_of(cluster, names[a], sizes[i]);
                if (!judge(ratio, e)) {
                    print_error("    { \"%s\", \"%s\", %llu, %.3f, %.3f },\n", cluster, names[a], (unsigned long long)sizes[i], ratio - 0.01, ratio + 0.01);
                    nwrong++;
                }
                worst = e == NULL ? fmax(worst, fabs(ratio - 1)) : worst;
            }
    print_message("%s: %d cases, worst of those that are no exceptions %.3f %%\n", engine, n, 100 * worst);
    assert_int_equal(nwrong, 0);
}

static bool exact(double ratio, const struct exception *e)
{
    (void)e;
    return fabs(ratio - 1) < EXACT;
}

static bool close_or_listed(double ratio, const struct exception *e)
{
    return e != NULL ? ratio > e->low && ratio < e->high && fabs(ratio - 1) > 0.04 : fabs(ratio - 1) < 0.05;
}

static void test_agreement_with_simgrid(void **state)
{
    (void)state;
    need_simgrid();
    need_player();
    compare_all("simgrid", exact);
}

static void test_agreement_with_smpirun(void **state)
{
    (void)state;
    need_simgrid();
    compare_all("smpirun", close_or_listed);
}

/* Long traces of ranks that hear from two others. */
static void test_long_two_level(void **state)
{
    (void)state;
    need_simgrid();
    need_player();
    const double ours = seconds("cost", "32x8xH100", "two_level_all_reduce", 256, 64 << 20);
    near(seconds("simgrid", "32x8xH100", "two_level_all_reduce", 256, 64 << 20), ours, EXACT, "two levels", 256);
}

/* Many messages on one connection at a time. */
static void test_pieces(void **state)
{
    (void)state;
    need_simgrid();
    need_player();
    static const char *const in_pieces[] = { "ring_all_reduce", "ring_broadcast", "two_level_all_reduce", "parameter_server_dedicated" };
    for (size_t i = 0; i < RB_LEN(in_pieces); i++) {
        struct question q = { .cluster = "pod-H800", .algorithm = in_pieces[i], .ranks = 32, .bytes = 16 << 20, .piece = 64 << 10, .every_rank = true };
        const double ours = answer(&q).seconds;
        q.engine = "simgrid";
        near(answer(&q).seconds, ours, EXACT, in_pieces[i], (double)q.piece);
    }
}

/* Exact where nothing is shared. */
static void test_rings_agree_exactly(void **state)
{
    (void)state;
    need_simgrid();
    static const int ranks[] = { 2, 5, 64 };
    for (size_t i = 0; i < RB_LEN(ranks); i++)
        for (uint64_t bytes = 4096; bytes <= 1 << 28; bytes *= 256) {
            const double ours = seconds("cost", "tests/clusters/one-node.cluster", "ring_all_reduce", ranks[i], bytes);
            const double theirs = seconds("simgrid", "tests/clusters/one-node.cluster", "ring_all_reduce", ranks[i], bytes);
            near(theirs, ours, EXACT, "ring", ranks[i]);
        }
}

/* Traces that cannot be played: one line, no hang. */
static void test_player_refuses(void **state)
{
    (void)state;
    static const struct { const char *trace, *says; } cases[] = {
        { "0 init\n0 dance 3\n", "unknown action dance" }, { "0 init\n0 recv 0 0 64 6\n", "waits for ever" },
        { "0 isend 1 0 64 6\n", "there is no rank 1" },      { "0 wait 0 0 0\n", "did not send" },
        { "0 isend\n", "ends too soon" },                    { "0 isend 0 x 64 6\n", "not a number" },
        { "0 isend 0 1 64 6\n", "do not count from 0" },
    };
    need_player();
    char *player = simgrid_player(), folder[] = "/tmp/ringbench-player-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < RB_LEN(cases); i++) {
        char *command = rb_format("cd %s && echo g0 >hosts && echo trace >traces && printf '%s' >trace && printf '%s' >platform.xml && "
                                  "! %s platform.xml hosts traces --log=root.thresh:error 2>said && [ $(wc -l <said) = 1 ] && grep -q '%s' said",
                                  folder, cases[i].trace,
                                  "<?xml version=\"1.0\"?><!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">"
                                  "<platform version=\"4.1\"><zone id=\"z\" routing=\"Full\"><host id=\"g0\" speed=\"1Gf\"/></zone></platform>", player, cases[i].says);
        const int rc = system(command);
        free(command);
        if (rc != 0)
            fail_msg("'%s' is not answered by \"%s\"", cases[i].trace, cases[i].says);
    }
    char *command = rb_format("rm -r %s", folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(player);
}

/* Whoever stops a simulation finds no files of it. */
static void test_stopped(void **state)
{
    (void)state;
    need_simgrid();
    need_player();
    char folder[] = "/tmp/ringbench-stopped-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const pid_t child = fork();
    if (child == 0) {
        setenv("TMPDIR", folder, 1);
        rb_mute(true);
        seconds("simgrid", "64x8xH100", "two_level_all_reduce", 512, 64 << 20);
        _exit(0);
    }
    char *busy = rb_format("for i in $(seq 300); do [ -s %s/*/output ] && exit 0; sleep 0.1; done; exit 1", folder);
    assert_int_equal(system(busy), 0);
    kill(child, SIGTERM);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(rmdir(folder), 0);
    free(busy);
}

static void test_absent(void **state)
{
    (void)state;
    struct capture c;
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    capture_begin(&c);
    const int rc = simgrid_check();
    capture_end(&c);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(rc, RB_EUSAGE);
    assert_int_equal(capture_lines(&c), 1);
    assert_non_null(strstr(c.text, "apt-get install libsimgrid-dev"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_player_refuses),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_rings_agree_exactly),
        cmocka_unit_test(test_long_two_level),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_agreement_with_simgrid),
        cmocka_unit_test(test_agreement_with_smpirun),
    };
    return cmocka_run_group_tests(tests, open_data, close_data);
}
