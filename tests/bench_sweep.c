/* Drift between cycles, plans of time, and words for a case number. */
#include "bench/sweep.h"

#include "core/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void build(struct settings *s, struct cases *c, char **words, int n)
{
    static const char *const usable[] = { "shm" };
    bool help;
    assert_int_equal(settings_parse(s, n, words, &help), RB_OK);
    s->baseline = "mpi"; /* what the main job makes of auto on host memory */
    assert_int_equal(cases_build(c, s, 2, usable, 1), RB_OK);
}

static void test_every_case_number_has_its_words(void **state)
{
    (void)state;
    char *words[] = { (char[]){ "run" }, (char[]){ "--collective" }, (char[]){ "all_reduce" }, (char[]){ "--algorithm" }, (char[]){ "ring" },
                      (char[]){ "-b" }, (char[]){ "64" }, (char[]){ "-e" }, (char[]){ "256" } };
    struct settings s;
    struct cases c;
    build(&s, &c, words, 9);
    struct session session = { .settings = &s };
    const struct sweep sweep = { .session = &session, .cases = &c };
    /* Two sizes, two placements, ring and baseline: eight numbers. */
    static const char *const expected[] = {
        "all_reduce ring over shm, 64 B", "all_reduce baseline over mpi, 64 B", "all_reduce ring over shm, 64 B, in place",
        "all_reduce baseline over mpi, 64 B, in place", "all_reduce ring over shm, 256 B", "all_reduce baseline over mpi, 256 B",
        "all_reduce ring over shm, 256 B, in place", "all_reduce baseline over mpi, 256 B, in place", "case 8",
    };
    assert_int_equal(c.total, 8);
    for (int i = 0; i < 9; i++) {
        char text[128];
        sweep_describe(&sweep, i, text, sizeof text);
        assert_string_equal(text, expected[i]);
    }
    cases_free(&c);
}

static void test_drift(void **state)
{
    (void)state;
    struct cases c = { .total = 4 };
    double first[] = { 1, 2, 0, 5 }, now[] = { 4, 2, 3, 0 }; /* 4 and 1; the others were not measured twice: sqrt(4) */
    const struct sweep sweep = { .cases = &c, .first_us = first, .now_us = now };
    double worst;
    size_t which;
    assert_true(fabs(sweep_drift(&sweep, &worst, &which) - 2) < 1e-12);
    assert_true(worst == 4);
    assert_int_equal(which, 0);
}

static void test_default_fits_in_a_minute_and_full_has_more(void **state)
{
    (void)state;
    char *plain[] = { (char[]){ "run" } }, *full[] = { (char[]){ "run" }, (char[]){ "--full" } };
    char *fixed[] = { (char[]){ "run" }, (char[]){ "--budget" }, (char[]){ "1ms" }, (char[]){ "--collective" }, (char[]){ "all_reduce" },
                      (char[]){ "--algorithm" }, (char[]){ "ring" }, (char[]){ "-b64" }, (char[]){ "-e64" } };
    struct settings s;
    struct cases c;
    build(&s, &c, plain, 1);
    assert_true(sweep_estimate(&s, &c) < 45);
    cases_free(&c);
    build(&s, &c, full, 2);
    assert_true(sweep_estimate(&s, &c) > 300);
    cases_free(&c);
    build(&s, &c, fixed, 9);
    assert_true(fabs(sweep_estimate(&s, &c) - 4e-3) < 1e-9); /* two subjects, two placements */
    cases_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_case_number_has_its_words),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_default_fits_in_a_minute_and_full_has_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
