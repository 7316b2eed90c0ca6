/* Statistics against values worked out by hand. */
#include "bench/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void test_median_min_and_percentiles(void **state)
{
    (void)state;
    /* Sorted: 1 2 3 4 10. Median: the third. p95: rank 0.95 * 4 = 3.8, so 4 + 0.8 * 6 = 8.8. p99: 3.96, 4 + 0.96 * 6 = 9.76. */
    const double samples[] = { 4, 1, 10, 3, 2 };
    struct stats s;
    stats_of(&s, samples, 5);
    NEAR(s.median, 3);
    NEAR(s.min, 1);
    NEAR(s.max, 10);
    NEAR(s.mean, 4);
    NEAR(s.p95, 8.8);
    NEAR(s.p99, 9.76);
    /* Squares about 4: 0 9 36 1 4 = 50, / 4 = 12.5; deviation 3.5355, over the mean 0.88388. */
    NEAR(s.cv, sqrt(12.5) / 4);
    assert_int_equal(s.n, 5);
}

static void test_even_count_takes_the_middle_of_two(void **state)
{
    (void)state;
    const double samples[] = { 1, 4, 2, 3 };
    struct stats s;
    stats_of(&s, samples, 4);
    NEAR(s.median, 2.5);
}

static void test_no_samples_are_not_numbers(void **state)
{
    (void)state;
    struct stats s;
    stats_of(&s, NULL, 0);
    assert_true(isnan(s.median) && isnan(s.ci_low));
    assert_int_equal(s.n, 0);
}

/* P(Binomial(n, 1/2) <= k) <= 0.025: n = 6: (1/64 = 0.0156) k = 0; n = 9: (1 + 9) / 512 = 0.0195, k = 1;
 * n = 10: (1 + 10) / 1024 = 0.0107, with 45 more 0.055, k = 1; n = 20: 21700 / 1048576 = 0.0207 at k = 5, 0.0577 at 6. */
static void test_ranks_of_the_median_interval(void **state)
{
    (void)state;
    static const struct { size_t n, low, high; } rows[] = { { 1, 0, 0 }, { 5, 0, 4 }, { 6, 0, 5 }, { 9, 1, 7 }, { 10, 1, 8 }, { 20, 5, 14 },
                                                            /* 100 / 2 - 0.98 * 10 = 40.2: the 40th from below, the 61st */
                                                            { 100, 39, 60 } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t low, high;
        stats_median_ranks(rows[i].n, &low, &high);
        assert_int_equal(low, rows[i].low);
        assert_int_equal(high, rows[i].high);
    }
}

static void test_few_samples_are_never_precise(void **state)
{
    (void)state;
    const double same[] = { 2, 2, 2, 2, 2, 2 };
    struct stats s;
    stats_of(&s, same, 5);
    assert_true(isinf(stats_half_width(&s)));
    stats_of(&s, same, 6);
    NEAR(stats_half_width(&s), 0);
    const double spread[] = { 90, 95, 100, 100, 105, 110 };
    stats_of(&s, spread, 6);
    NEAR(stats_half_width(&s), 0.1); /* (110 - 90) / 2 / 100 */
}

static void test_ratio_is_of_pairs(void **state)
{
    (void)state;
    /* The machine slows down tenfold half way through: unpaired medians would say anything, the pairs say 2. */
    const double ours[] = { 1, 1, 1, 10, 10, 10 }, theirs[] = { 2, 2, 2, 20, 20, 20 };
    struct ratio r;
    stats_ratio(&r, theirs, ours, 6);
    NEAR(r.median, 2);
    NEAR(r.low, 2);
    NEAR(r.high, 2);
}

static void test_ratio_of_the_inverse_is_the_inverse(void **state)
{
    (void)state;
    const double a[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, b[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
    struct ratio r, inverse;
    stats_ratio(&r, a, b, 8);
    stats_ratio(&inverse, b, a, 8);
    NEAR(r.median * inverse.median, 1);
    NEAR(r.low * inverse.high, 1);
}

static void test_thinning_keeps_the_ends(void **state)
{
    (void)state;
    double samples[1001], thin[5];
    for (size_t i = 0; i < 1001; i++)
        samples[i] = (double)i;
    assert_int_equal(stats_thin(thin, samples, 1001, 5), 5);
    static const double expected[] = { 0, 250, 500, 750, 1000 };
    for (size_t i = 0; i < 5; i++)
        NEAR(thin[i], expected[i]);
    assert_int_equal(stats_thin(thin, samples, 3, 5), 3);
    NEAR(thin[2], 2);
}

static void test_geometric_mean_and_spread(void **state)
{
    (void)state;
    const double powers[] = { 1, 4, 16 };
    NEAR(stats_geometric_mean(powers, 3), 4);
    /* Median 3, deviations 2 1 0 1 97: their median is 1. */
    const double wild[] = { 1, 2, 3, 4, 100 };
    NEAR(stats_spread(wild, 5), 1.4826);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median_min_and_percentiles),
        cmocka_unit_test(test_even_count_takes_the_middle_of_two),
        cmocka_unit_test(test_no_samples_are_not_numbers),
        cmocka_unit_test(test_ranks_of_the_median_interval),
        cmocka_unit_test(test_few_samples_are_never_precise),
        cmocka_unit_test(test_ratio_is_of_pairs),
        cmocka_unit_test(test_ratio_of_the_inverse_is_the_inverse),
        cmocka_unit_test(test_thinning_keeps_the_ends),
        cmocka_unit_test(test_geometric_mean_and_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
