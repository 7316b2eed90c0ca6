/* Comparison: the statistics against values derived by hand, the verdicts on sets of runs whose truth is known. */
#include "report/compare.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define assert_near(value, expected_value, slack)                                                   \
    do {                                                                                            \
        const double value_ = (value), expected_ = (expected_value);                                \
        if (!(fabs(value_ - expected_) <= (slack)))                                                 \
            fail_msg("%s is %.12g, not %.12g", #value, value_, expected_);                          \
    } while (0)

#define SAMPLE(...) ((struct sample){ (const double[]){ __VA_ARGS__ }, RB_LEN(((const double[]){ __VA_ARGS__ })) })

/* --- statistics --- */

/* Three against three: C(6,3) = 20 orders; U = 0, 1, ... is had by 1, 1, 2, 3, 3, 3, 3, 2, 1, 1 of them.
 * {1,2,3} {4,5,6}: U = 0, two-sided 2 * 1/20. {1,3,5} {2,4,6}: b wins 1 + 2 + 3 = 6, the other side 3: 2 * (1+1+2+3)/20.
 * One against nineteen, the one below all: 2 * 1/20. */
static void test_exact(void **state)
{
    (void)state;
    bool exact = false;
    assert_near(compare_mann_whitney(SAMPLE(1, 2, 3), SAMPLE(4, 5, 6), &exact), 0.1, 1e-12);
    assert_true(exact);
    assert_near(compare_mann_whitney(SAMPLE(6, 5, 4), SAMPLE(3, 1, 2), NULL), 0.1, 1e-12);
    assert_near(compare_mann_whitney(SAMPLE(1, 3, 5), SAMPLE(2, 4, 6), NULL), 0.7, 1e-12);
    assert_near(compare_mann_whitney(SAMPLE(1, 4), SAMPLE(2, 3), NULL), 1, 1e-12);
    assert_near(compare_mann_whitney(SAMPLE(0), SAMPLE(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19), NULL), 0.1, 1e-12);
    /* Ten against ten, apart: 2 / C(20,10) = 2 / 184756. */
    assert_near(compare_mann_whitney(SAMPLE(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), SAMPLE(11, 12, 13, 14, 15, 16, 17, 18, 19, 20), NULL),
                2.0 / 184756, 1e-15);
}

/* {1,2,2} {2,3,3}: b wins 1: 3, each 2: 2 and a half = 2.5, twice: U = 3 + 2.5 + 2.5 = 8, mean 4.5. Ties: three 2s (24), two 3s (6):
 * variance 9/12 * (7 - 30/30) = 4.5; z = (3.5 - 0.5) / sqrt(4.5) = 1.41421 = sqrt(2); p = erfc(z / sqrt(2)) = erfc(1). */
static void test_ties(void **state)
{
    (void)state;
    bool exact = true;
    assert_near(compare_mann_whitney(SAMPLE(1, 2, 2), SAMPLE(2, 3, 3), &exact), 0.157299207050285, 1e-12);
    assert_false(exact);
    assert_near(compare_mann_whitney(SAMPLE(5, 5, 5), SAMPLE(5, 5), NULL), 1, 1e-12);
    assert_near(compare_mann_whitney(SAMPLE(1), (struct sample){0}, NULL), 1, 1e-12);
}

/* Twenty-one against twenty-one, apart: U = 441, mean 220.5, variance 441 * 43 / 12 = 1580.25, z = 220 / 39.7524 = 5.534256;
 * p = erfc(z / sqrt 2) = 3.1255e-8, from a table of the normal distribution. */
static void test_normal(void **state)
{
    (void)state;
    double a[21], b[21];
    for (int i = 0; i < 21; i++) {
        a[i] = i;
        b[i] = 100 + i;
    }
    assert_near(compare_mann_whitney((struct sample){ a, 21 }, (struct sample){ b, 21 }, NULL), 3.1255e-8, 1e-11);
}

/* {1,2,3} against {2,3,4}: of nine pairs b is larger in 1+... = 6, equal in 2, smaller in 1: (6 - 1) / 9. */
static void test_effect(void **state)
{
    (void)state;
    assert_near(compare_cliff_delta(SAMPLE(1, 2, 3), SAMPLE(2, 3, 4)), 5.0 / 9, 1e-12);
    assert_near(compare_cliff_delta(SAMPLE(1, 2), SAMPLE(3, 4)), 1, 1e-12);
    assert_near(compare_cliff_delta(SAMPLE(3, 4), SAMPLE(1, 2)), -1, 1e-12);
}

/* Student: one degree of freedom is Cauchy, P(|T| > 1) = 1/2, P(|T| > t) = 1 - 2 atan(t) / pi; two: 1 - t / sqrt(2 + t^2);
 * four: t = 2.776445105 leaves 5 % (tables). */
static void test_student(void **state)
{
    (void)state;
    assert_near(compare_student(1, 1), 0.5, 1e-12);
    assert_near(compare_student(10, 1), 1 - 2 * atan(10) / M_PI, 1e-12);
    assert_near(compare_student(3, 2), 1 - 3 / sqrt(11), 1e-12);
    assert_near(compare_student(2.776445105, 4), 0.05, 1e-9);
    assert_near(compare_student(0, 3), 1, 1e-12);
}

/* Logarithms {0, 1} and {3, 4}: means 0.5 and 3.5, variances 1/2 each; error sqrt(1/4 + 1/4); t = 3 sqrt 2, freedom 2:
 * p = 1 - t / sqrt(2 + t^2) = 1 - sqrt(18/20). One against {0, 2}: variance 2 for both, freedom 1, t = 4 / sqrt(2 + 1). */
static void test_welch(void **state)
{
    (void)state;
    const double a[] = { 1, exp(1) }, b[] = { exp(3), exp(4) }, one[] = { exp(5) }, wide[] = { 1, exp(2) };
    assert_near(compare_welch((struct sample){ a, 2 }, (struct sample){ b, 2 }), 1 - sqrt(0.9), 1e-9);
    assert_near(compare_welch((struct sample){ one, 1 }, (struct sample){ wide, 2 }), 1 - 2 * atan(4 / sqrt(3)) / M_PI, 1e-9);
    assert_true(isnan(compare_welch(SAMPLE(1), SAMPLE(2))));
    assert_near(compare_welch(SAMPLE(7, 7), SAMPLE(7, 7)), 1, 1e-12);
}

/* 0.01 * 4, 0.02 * 3 = 0.06, 0.03 * 2 = 0.06, 0.5; a NAN takes no part. */
static void test_holm(void **state)
{
    (void)state;
    double p[] = { 0.02, 0.5, NAN, 0.01, 0.03 };
    compare_holm(p, 5);
    assert_near(p[3], 0.04, 1e-12);
    assert_near(p[0], 0.06, 1e-12);
    assert_near(p[4], 0.06, 1e-12);
    assert_near(p[1], 0.5, 1e-12);
    assert_true(isnan(p[2]));
}

static void test_ratio(void **state)
{
    (void)state;
    struct sample a[] = { SAMPLE(10, 11, 12, 10, 11, 12, 11) }, b[] = { SAMPLE(20, 22, 24, 22, 21, 22, 23) };
    const struct side_runs x = { a, 1 }, y = { b, 1 };
    const struct ratio_interval r = compare_ratio(&x, &y, 1), again = compare_ratio(&x, &y, 1);
    assert_near(r.ratio, 2, 1e-12);
    assert_true(r.low <= 2 && r.high >= 2 && r.low > 1.6 && r.high < 2.5 && r.low < r.high);
    assert_near(r.low, again.low, 0);
    struct sample single[] = { SAMPLE(5) };
    const struct side_runs z = { single, 1 };
    assert_true(isnan(compare_ratio(&z, &z, 1).low));
    assert_near(compare_median(SAMPLE(4, 1, 3, 2)), 2.5, 1e-12);
}

/* --- runs --- */

static char folder[] = "/tmp/ringbench-compare-XXXXXX";

struct made {
    const char *name;
    double ring_factor, run_factor; /* all times; those of the ring */
    const char *baseline; /* a third case, NULL: none */
    int64_t wrong;
    bool samples;
};

static bool is_model(const struct made *m)
{
    return strncmp(m->name, "model", 5) == 0;
}

static struct record_case made_case(const struct made *m, const char *algorithm, uint64_t bytes)
{
    struct record_case c;
    memset(&c, 0, sizeof c);
    strcpy(c.collective, "all_reduce");
    strcpy(c.algorithm, algorithm);
    strcpy(c.transport, "shm");
    strcpy(c.evidence, is_model(m) ? "simulated" : "measured");
    strcpy(c.type, "float");
    strcpy(c.op, "sum");
    c.ranks = 4;
    c.nodes = 1;
    c.root = -1;
    c.bytes = bytes;
    c.wrong = m->wrong;
    c.time_us.median = (10 + (double)bytes / 1000) * m->run_factor * (strcmp(algorithm, "ring") == 0 ? m->ring_factor : 1);
    return c;
}

/* Samples within 4 % around the median, an odd number of them, without chance. */
static void write_case(FILE *f, const struct made *m, struct record_case c)
{
    double samples[41];
    for (int i = 0; i < 41; i++)
        samples[i] = c.time_us.median * (1 + 0.002 * ((i * 17) % 41 - 20));
    if (m->samples) {
        c.samples_us = samples;
        c.nsamples = 41;
    }
    assert_int_equal(records_write_case(f, &c), RB_OK);
}

static char *make_run(const struct made *m)
{
    char *path = rb_format("%s/%s.jsonl", folder, m->name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (uint64_t bytes = 1024; bytes <= 1 << 20; bytes *= 32) {
        write_case(f, m, made_case(m, "ring", bytes));
        write_case(f, m, made_case(m, "direct", bytes));
        if (m->baseline != NULL) {
            struct record_case c = made_case(m, "mpi", bytes);
            strcpy(c.baseline, m->baseline);
            write_case(f, m, c);
        }
    }
    fclose(f);
    return path;
}

static struct compare_side *sides;

static struct compare compare_with(const char *a, const char *b, bool control)
{
    struct compare c;
    const struct compare_limits limits = { 0.05, 0.05, control };
    sides = rb_calloc(2, sizeof *sides);
    assert_int_equal(compare_side_read(&sides[0], a), RB_OK);
    assert_int_equal(compare_side_read(&sides[1], b), RB_OK);
    compare_make(&c, &sides[0], &sides[1], &limits);
    return c;
}

static struct compare compare_lists(const char *a, const char *b)
{
    return compare_with(a, b, false);
}

static void end_compare(struct compare *c)
{
    compare_free(c);
    compare_side_free(&sides[0]);
    compare_side_free(&sides[1]);
    free(sides);
}

static char *runs[20];

enum { PLAIN, SAME, SLOW, FAST, SLIGHT, WRONG, BARE, BARE_SLOW, A1, A2, A3, B1, B2, B3, S2, S3, DRIFT, DRIFT_SLOW, MODEL, MODEL_SLOW };
static const struct made all_runs[] = {
    [PLAIN] = { "plain", 1, 1, "mpi", 0, true },       [SAME] = { "same", 1, 1.01, "mpi", 0, true },
    [SLOW] = { "slow", 1.2, 1, "mpi", 0, true },       [FAST] = { "fast", 0.8, 1, "mpi", 0, true },
    [SLIGHT] = { "slight", 1.04, 1, NULL, 0, true },   [WRONG] = { "wrong", 1, 1, "mpi", 3, true },
    [BARE] = { "bare", 1, 1, NULL, -1, false },        [BARE_SLOW] = { "bareslow", 1.5, 1, NULL, -1, false },
    [A1] = { "a1", 1, 0.93, NULL, 0, true },           [A2] = { "a2", 1, 1.0, NULL, 0, true },
    [A3] = { "a3", 1, 1.09, NULL, 0, true },           [B1] = { "b1", 1, 1.0, NULL, 0, true },
    [B2] = { "b2", 1, 1.06, NULL, 0, true },           [B3] = { "b3", 1, 1.16, NULL, 0, true },
    [DRIFT] = { "drift", 1, 1.15, "mpi", 0, true },    [DRIFT_SLOW] = { "driftslow", 1.2, 1.15, "mpi", 0, true },
    [S2] = { "s2", 1.5, 1.02, NULL, 0, true },         [S3] = { "s3", 1.5, 0.99, NULL, 0, true },
    [MODEL] = { "model", 1, 1, NULL, -1, false },        [MODEL_SLOW] = { "modelslow", 1.06, 1, NULL, -1, false },
};

static int make_runs(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < RB_LEN(all_runs); i++)
        runs[i] = make_run(&all_runs[i]);
    return 0;
}

static int drop_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(all_runs); i++) {
        unlink(runs[i]);
        free(runs[i]);
    }
    return rmdir(folder);
}

static void check_verdict(int a, int b, enum compare_verdict verdict, size_t slower, size_t faster)
{
    struct compare c = compare_lists(runs[a], runs[b]);
    if (c.verdict != verdict || c.counts[COMPARE_SLOWER] != slower || c.counts[COMPARE_FASTER] != faster)
        fail_msg("%s against %s: %s, %zu slower, %zu faster", all_runs[a].name, all_runs[b].name, compare_verdict_name(c.verdict),
                 c.counts[COMPARE_SLOWER], c.counts[COMPARE_FASTER]);
    end_compare(&c);
}

/* Three sizes; only the ring changed. Four per cent are under the threshold, though the test sees them. */
static void test_verdicts(void **state)
{
    (void)state;
    check_verdict(PLAIN, PLAIN, COMPARE_SAME, 0, 0);
    check_verdict(PLAIN, SAME, COMPARE_SAME, 0, 0);
    check_verdict(PLAIN, SLOW, COMPARE_SLOWER, 3, 0);
    check_verdict(SLOW, PLAIN, COMPARE_FASTER, 0, 3);
    check_verdict(PLAIN, FAST, COMPARE_FASTER, 0, 3);
    check_verdict(A2, SLIGHT, COMPARE_SAME, 0, 0);
    check_verdict(BARE, BARE_SLOW, COMPARE_NOT_COMPARABLE, 0, 0); /* one figure a side says nothing of the spread */
}

/* A model has no spread: 6 % are 6 %. Against a measured figure without samples the other side's spread is not known. */
static void test_simulated(void **state)
{
    (void)state;
    check_verdict(MODEL, MODEL, COMPARE_SAME, 0, 0);
    check_verdict(MODEL, MODEL_SLOW, COMPARE_SLOWER, 3, 0);
    check_verdict(MODEL_SLOW, MODEL, COMPARE_FASTER, 0, 3);
    check_verdict(MODEL, BARE_SLOW, COMPARE_NOT_COMPARABLE, 0, 0);
    check_verdict(BARE, MODEL_SLOW, COMPARE_NOT_COMPARABLE, 0, 0);
    struct compare c = compare_lists(runs[MODEL], runs[MODEL_SLOW]);
    assert_int_equal(c.simulated, 6);
    assert_near(c.cases[0].ratio.ratio, 1.06, 1e-9);
    assert_true(c.cases[0].exact && isnan(c.cases[0].p) && isnan(c.cases[0].p_holm));
    assert_string_equal(c.cases[0].why, "simulated");
    end_compare(&c);
}

static void test_details(void **state)
{
    (void)state;
    struct compare c = compare_lists(runs[PLAIN], runs[SLOW]);
    assert_int_equal(c.n, 9);
    assert_near(c.cases[0].ratio.ratio, 1.2, 1e-9);
    assert_near(c.cases[0].delta, 1, 1e-12);
    assert_true(c.cases[0].p_holm >= c.cases[0].p && c.cases[0].p_holm < 1e-6);
    assert_true(c.cases[2].control);
    assert_near(c.control_ratio, 1, 1e-9);
    assert_near(c.ratio, sqrt(1.2), 1e-9);
    end_compare(&c);
}

/* Everything took 15 % longer, MPI too: slower as it stands, the same when the baseline is the measure; the ring's own 20 % stay. */
static void test_control(void **state)
{
    (void)state;
    struct compare c = compare_lists(runs[PLAIN], runs[DRIFT]);
    assert_int_equal(c.counts[COMPARE_SLOWER], 6);
    assert_near(c.control_ratio, 1.15, 1e-9);
    end_compare(&c);
    c = compare_with(runs[PLAIN], runs[DRIFT], true);
    assert_int_equal(c.verdict, COMPARE_SAME);
    assert_near(c.cases[0].control_ratio, 1.15, 1e-9);
    end_compare(&c);
    c = compare_with(runs[PLAIN], runs[DRIFT_SLOW], true);
    assert_int_equal(c.counts[COMPARE_SLOWER], 3);
    assert_int_equal(c.counts[COMPARE_SAME], 3);
    end_compare(&c);
}

/* Runs of the same program 8 % apart: each run by itself looks different from the next, the sets do not. */
static void test_spread_between_runs(void **state)
{
    (void)state;
    struct compare c = compare_lists(runs[A2], runs[B3]);
    assert_int_equal(c.verdict, COMPARE_SLOWER); /* one against one is fooled */
    end_compare(&c);
    char *a = rb_format("%s,%s,%s", runs[A1], runs[A2], runs[A3]), *b = rb_format("%s,%s,%s", runs[B1], runs[B2], runs[B3]);
    c = compare_lists(a, b);
    assert_int_equal(c.counts[COMPARE_SLOWER] + c.counts[COMPARE_FASTER], 0);
    assert_int_equal(c.verdict, COMPARE_UNCLEAR); /* 6 % apart, which chance explains */
    assert_true(c.several_runs);
    end_compare(&c);
    free(b);
    b = rb_format("%s,%s", runs[S2], runs[S3]);
    c = compare_lists(a, b);
    assert_int_equal(c.verdict, COMPARE_SLOWER);
    assert_int_equal(c.counts[COMPARE_SLOWER], 3);
    assert_int_equal(c.cases[0].runs[0], 3);
    assert_int_equal(c.cases[0].runs[1], 2);
    end_compare(&c);
    free(a);
    free(b);
}

/* --- the command --- */

static int command(const char *a, const char *b, const char *format)
{
    char *argv[] = { (char[]){ "compare" }, (char[]){ "--format" }, rb_strdup(format), rb_strdup(a), rb_strdup(b), NULL };
    char log[] = "/tmp/ringbench-compare-out-XXXXXX";
    fflush(stdout);
    const int file = mkstemp(log), out = dup(1), err = dup(2);
    dup2(file, 1);
    dup2(file, 2);
    const int rc = compare_command(5, argv);
    fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    close(file);
    close(out);
    close(err);
    unlink(log);
    for (int i = 2; i < 5; i++)
        free(argv[i]);
    return rc;
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(command(runs[PLAIN], runs[SAME], "table"), 0);
    assert_int_equal(command(runs[PLAIN], runs[SLOW], "csv"), 7);
    assert_int_equal(command(runs[SLOW], runs[PLAIN], "json"), 0);
    assert_int_equal(command(runs[PLAIN], runs[WRONG], "table"), 7);
    assert_int_equal(command(runs[MODEL], runs[MODEL_SLOW], "table"), 7);
    assert_int_equal(command(runs[MODEL_SLOW], runs[MODEL], "table"), 0);
    assert_int_equal(command(runs[PLAIN], "/no/such/file", "table"), 6);
    assert_int_equal(command(runs[PLAIN], "tests/logs/topo.txt", "table"), 6);
    assert_int_equal(command(runs[PLAIN], "tests/logs/nccl-2.13-srun-labels.txt", "table"), 6);
    assert_int_equal(command("tests/logs/nccl-2.13-srun-labels.txt", "tests/logs/nccl-2.13-srun-labels.txt", "table"), 0);
    assert_int_equal(command(runs[PLAIN], ",", "table"), 6);
    assert_int_equal(command(runs[PLAIN], runs[SAME], "xml"), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),    cmocka_unit_test(test_ties),    cmocka_unit_test(test_normal),
        cmocka_unit_test(test_effect),   cmocka_unit_test(test_student), cmocka_unit_test(test_welch),
        cmocka_unit_test(test_holm),     cmocka_unit_test(test_ratio),   cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_details),  cmocka_unit_test(test_control), cmocka_unit_test(test_spread_between_runs), cmocka_unit_test(test_simulated), cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, make_runs, drop_runs);
}
