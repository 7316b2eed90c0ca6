/* Pairs of ranks: their schedules are proved, the one that stands out is found. */
#include "bench/pairs.h"
#include "bench/pairs_plans.h"
#include "bench/pairs_print.h"

#include "collectives/prove.h"
#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_plans_are_proved(void **state)
{
    (void)state;
    static const struct algorithm *const plans[] = { &pair_ping_pong, &pair_one_way, &pair_both_ways };
    static const int ring[] = { 3, 1, 0, 2 };
    for (size_t i = 0; i < 3; i++)
        for (int direct = 0; direct < 2; direct++) {
            const struct group g = { .nranks = 4, .servers = 1, .ring = ring };
            const struct proof_options options = { .slots = 1, .pieces = 2, .direct = direct == 1 };
            struct proof proof;
            assert_int_equal(prove(plans[i], &g, &options, &proof), RB_OK);
            if (!proof.holds)
                fail_msg("%s: %s", plans[i]->name, proof.why);
            proof_free(&proof);
        }
}

/* 12 ordered pairs of 4 ranks, all alike. */
static void fill(struct record_pair pairs[12])
{
    size_t n = 0;
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++)
            if (from != to) {
                pairs[n] = (struct record_pair){ .from = from, .to = to, .transport = "shm", .latency_us = 0.2 + 0.001 * (double)n,
                                                 .one_way_GBps = 10 + 0.01 * (double)n, .both_ways_GBps = 18 };
                n++;
            }
}

static void test_no_outlier_among_equals(void **state)
{
    (void)state;
    struct record_pair pairs[12];
    struct pairs_outlier worst;
    fill(pairs);
    pairs_judge(pairs, 12, &worst);
    assert_int_equal(worst.index, 12);
    for (size_t i = 0; i < 12; i++)
        assert_false(pairs[i].outlier);
}

static void test_outliers_are_marked_and_the_worst_named(void **state)
{
    (void)state;
    struct record_pair pairs[12];
    struct pairs_outlier worst;
    fill(pairs);
    pairs[5].latency_us = 0.4; /* about twice */
    pairs[7].one_way_GBps = 2; /* a fifth */
    pairs[9].both_ways_GBps = 40; /* faster than the others is no fault */
    pairs_judge(pairs, 12, &worst);
    assert_int_equal(worst.index, 7);
    assert_string_equal(worst.figure, "one way");
    assert_true(worst.times > 4.9 && worst.times < 5.2);
    assert_true(pairs[5].outlier && pairs[7].outlier);
    assert_false(pairs[9].outlier);
}

static char *text_of(const char *format, const struct record_pair *pairs, size_t count, const struct pairs_outlier *worst)
{
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    assert_int_equal(pairs_print(f, format, pairs, count, worst), RB_OK);
    fclose(f);
    return text;
}

static void test_print(void **state)
{
    (void)state;
    struct record_pair pairs[12];
    struct pairs_outlier worst;
    fill(pairs);
    pairs[7].one_way_GBps = 2;
    pairs_judge(pairs, 12, &worst);
    char *table = text_of("table", pairs, 12, &worst), *csv = text_of("csv", pairs, 12, &worst), *json = text_of("json", pairs, 12, &worst);
    assert_non_null(strstr(table, "# Outlier: 2 -> 1, one way, 5."));
    assert_non_null(strstr(table, "      0        -     0.20     0.20     0.20\n"));
    assert_non_null(strstr(csv, "\n2,1,shm,0.207,2,18,true\n"));
    json_t *document = json_loads(json, 0, NULL);
    assert_non_null(document);
    assert_int_equal(json_array_size(json_object_get(document, "pairs")), 12);
    json_decref(document);
    free(table);
    free(csv);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans_are_proved),
        cmocka_unit_test(test_no_outlier_among_equals),
        cmocka_unit_test(test_outliers_are_marked_and_the_worst_named),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
