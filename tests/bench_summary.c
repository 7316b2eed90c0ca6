/* The lines below all tables: ratios and shares from hand-made records; no words that parsers of the tables look for. */
#include "bench/summary.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct record_case example(uint64_t bytes, double ratio, double low, double high, double wire)
{
    return (struct record_case){ .collective = "all_reduce", .algorithm = "ring", .transport = "shm", .protocol = "slots", .evidence = "measured",
                                 .type = "float", .op = "sum", .root = -1, .bytes = bytes, .busbw_GBps = wire, .wire_GBps = wire, .ceiling_GBps = 10,
                                 .ceiling_from = "measured", .ratio = ratio, .ratio_low = low, .ratio_high = high };
}

static char *text_of(const struct record_case *cases, size_t count, bool by_protocol)
{
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    summary_ratios(f, cases, count, by_protocol);
    fclose(f);
    return text;
}

static size_t lines_with(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        n++;
    return n;
}

static void test_mean_wins_and_ceiling(void **state)
{
    (void)state;
    /* sqrt(1 * 4) = 2; one interval above 1, one around it; 8 of 10 GB/s at the larger size. */
    const struct record_case cases[] = { example(64, 1, 0.9, 1.1, 0.5), example(1 << 20, 4, 3.9, 4.1, 8) };
    char *text = text_of(cases, 2, false);
    assert_non_null(strstr(text, " 2.00 (1/1/0)"));
    assert_non_null(strstr(text, "   8.00   80 % at 1 MiB"));
    assert_non_null(strstr(text, "# Ceiling (measured)"));
    assert_null(strstr(text, "Above 100 %"));
    free(text);
}

static void test_above_the_ceiling_is_explained(void **state)
{
    (void)state;
    const struct record_case cases[] = { example(1 << 16, 2, 1.9, 2.1, 25) };
    char *text = text_of(cases, 1, false);
    assert_non_null(strstr(text, "250 % at 64 KiB"));
    assert_non_null(strstr(text, "# Above 100 %: a call that reads every operand once"));
    free(text);
}

static void test_baseline_null_and_imported_have_no_line(void **state)
{
    (void)state;
    struct record_case cases[] = { example(64, NAN, NAN, NAN, 1), example(64, NAN, NAN, NAN, 1), example(64, 1, 1, 1, 1), example(64, 1, 1, 1, 1) };
    strcpy(cases[1].baseline, "mpi");
    strcpy(cases[2].transport, "null");
    strcpy(cases[3].evidence, "imported");
    char *text = text_of(cases, 4, false);
    assert_int_equal(lines_with(text, "#   all_reduce"), 1);
    assert_non_null(strstr(text, "n/a"));
    free(text);
}

static void test_a_second_baseline_is_compared(void **state)
{
    (void)state;
    struct record_case cases[] = { example(64, NAN, NAN, NAN, 1), example(64, 1.5, 1.4, 1.6, 1) };
    for (int i = 0; i < 2; i++)
        strcpy(cases[i].algorithm, i == 0 ? "nccl-2.28.9" : "nccl-2.30.7");
    for (int i = 0; i < 2; i++)
        strcpy(cases[i].baseline, cases[i].algorithm);
    char *text = text_of(cases, 2, false);
    assert_int_equal(lines_with(text, "#   all_reduce"), 1);
    assert_non_null(strstr(text, "nccl-2.30.7"));
    assert_non_null(strstr(text, " 1.50 (1/0/0)"));
    free(text);
}

static void test_protocols_are_apart_only_when_asked(void **state)
{
    (void)state;
    struct record_case cases[] = { example(64, 1, 1, 1, 1), example(1 << 20, 1, 1, 1, 1) };
    strcpy(cases[1].protocol, "direct");
    char *together = text_of(cases, 2, false), *apart = text_of(cases, 2, true);
    assert_int_equal(lines_with(together, "#   all_reduce"), 1);
    assert_int_equal(lines_with(apart, "#   all_reduce"), 2);
    free(together);
    free(apart);
}

static void test_why_there_is_no_baseline_is_said_once(void **state)
{
    (void)state;
    char *text = NULL, first[] = "MPI has no servers", again[] = "MPI has no servers";
    size_t length = 0;
    struct suite suites[] = { { .unmatched = NULL }, { .unmatched = first }, { .unmatched = again }, { .unmatched = "nor tiny floats" } };
    FILE *f = open_memstream(&text, &length);
    summary_unmatched(f, &(struct cases){ .suites = suites, .nsuites = 4 });
    fflush(f);
    assert_string_equal(text, "# Without a baseline (n/a above): MPI has no servers; nor tiny floats\n");
    fclose(f);
    free(text);
    f = open_memstream(&text, &length);
    summary_unmatched(f, &(struct cases){ .suites = suites, .nsuites = 1 });
    fclose(f);
    assert_string_equal(text, "");
    free(text);
}

static void test_every_line_is_a_comment_without_marks(void **state)
{
    (void)state;
    const struct record_case cases[] = { example(64, 1, 0.9, 1.1, 25) };
    char *text = text_of(cases, 1, false);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_int_equal(line[0], '#');
    static const char *const marks[] = { "time", "out-of-place", "Out of bounds" };
    for (size_t i = 0; i < 3; i++)
        assert_null(strstr(text, marks[i]));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_wins_and_ceiling),
        cmocka_unit_test(test_above_the_ceiling_is_explained),
        cmocka_unit_test(test_baseline_null_and_imported_have_no_line),
        cmocka_unit_test(test_a_second_baseline_is_compared),
        cmocka_unit_test(test_protocols_are_apart_only_when_asked),
        cmocka_unit_test(test_why_there_is_no_baseline_is_said_once),
        cmocka_unit_test(test_every_line_is_a_comment_without_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
