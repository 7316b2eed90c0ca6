/* The tables as the programs that read them expect them. */
#include "bench/table.h"

#include "core/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct record_case example(bool in_place)
{
    return (struct record_case){ .collective = "all_reduce", .algorithm = "ring", .transport = "shm", .type = "float", .op = "sum", .root = -1,
                                 .in_place = in_place, .bytes = 1 << 20, .count = 1 << 18, .wrong = 0, .algbw_GBps = 12.3, .busbw_GBps = 12.3,
                                 .time_us = { .median = 85.25, .min = 80, .p95 = 90, .p99 = 99, .n = 100 } };
}

static char *row_text(const struct settings *s, const struct record_case *a, const struct record_case *b)
{
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    table_row(f, s, a, b);
    fclose(f);
    return text;
}

static size_t fields(const char *line)
{
    size_t n = 0;
    for (const char *c = line; *c != '\0';) {
        c += strspn(c, " \n");
        n += *c != '\0';
        c += strcspn(c, " \n");
    }
    return n;
}

static void test_thirteen_fields(void **state)
{
    (void)state;
    const struct settings s = {0};
    const struct record_case a = example(false), b = example(true);
    char *both = row_text(&s, &a, &b), *one = row_text(&s, &a, NULL);
    assert_string_equal(both, "     1048576        262144     float     sum      -1    85.25   12.30   12.30       0    85.25   12.30   12.30       0\n");
    assert_int_equal(fields(both), 13);
    assert_int_equal(fields(one), 13);
    free(both);
    free(one);
}

static void test_more_columns_only_when_asked(void **state)
{
    (void)state;
    const struct settings s = { .percentiles = 1 };
    const struct record_case a = example(false), b = example(true);
    char *text = row_text(&s, &a, &b);
    assert_int_equal(fields(text), 21);
    free(text);
}

static void test_unchecked_and_unknown(void **state)
{
    (void)state;
    const struct settings s = {0};
    struct record_case a = example(false);
    a.wrong = -1;
    a.algbw_GBps = a.busbw_GBps = NAN;
    char *text = row_text(&s, &a, NULL);
    assert_non_null(strstr(text, "85.25     n/a     n/a     N/A"));
    free(text);
}

static void test_numbers_fit_their_columns(void **state)
{
    (void)state;
    char text[TABLE_NUMBER];
    assert_string_equal(table_number(text, 0.004), "0.00");
    assert_string_equal(table_number(text, 9999.94), "9999.94");
    assert_string_equal(table_number(text, 9999.96), "10000.0");
    assert_string_equal(table_number(text, 123456.7), "123457");
    assert_string_equal(table_number(text, NAN), "n/a");
}

static char *whole_text(double busbw, double minimum, int64_t wrong, bool *enough)
{
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    const struct settings s = { .min_bytes = 8, .max_bytes = 64, .step_factor = 4, .check = 1 };
    struct record_case a = example(false);
    a.busbw_GBps = busbw;
    a.wrong = wrong;
    struct table_totals totals = {0};
    table_head(f, &s, "all_reduce", "by ring over shm");
    table_row(f, &s, &a, NULL);
    table_count(&totals, &a);
    *enough = table_foot(f, &totals, "all_reduce", minimum);
    fclose(f);
    return text;
}

static size_t count_of(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        n++;
    return n;
}

/* Consumers look for these words; anywhere else they would mislead them. */
static void test_words_that_parsers_look_for(void **state)
{
    (void)state;
    bool enough;
    char *text = whole_text(10, 0, 0, &enough);
    assert_int_equal(count_of(text, "out-of-place"), 1);
    assert_int_equal(count_of(text, "Out of bounds values"), 1);
    assert_int_equal(count_of(text, "time"), 2);
    assert_non_null(strstr(text, "# Out of bounds values : 0 OK\n"));
    assert_non_null(strstr(text, "# Avg bus bandwidth    : 10 \n"));
    assert_true(enough);
    free(text);
}

static void test_footer_judges(void **state)
{
    (void)state;
    bool enough;
    char *text = whole_text(10, 11, 0, &enough); /* 0.9 * 11 = 9.9 */
    assert_true(enough);
    assert_non_null(strstr(text, "Avg bus bandwidth    : 10 OK"));
    free(text);
    text = whole_text(10, 12, 3, &enough); /* 10.8 */
    assert_false(enough);
    assert_non_null(strstr(text, "Avg bus bandwidth    : 10 FAILED"));
    assert_non_null(strstr(text, "Out of bounds values : 3 FAILED"));
    free(text);
    text = whole_text(NAN, 0, 0, &enough);
    assert_non_null(strstr(text, "Avg bus bandwidth    : n/a"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thirteen_fields),
        cmocka_unit_test(test_more_columns_only_when_asked),
        cmocka_unit_test(test_unchecked_and_unknown),
        cmocka_unit_test(test_numbers_fit_their_columns),
        cmocka_unit_test(test_words_that_parsers_look_for),
        cmocka_unit_test(test_footer_judges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
