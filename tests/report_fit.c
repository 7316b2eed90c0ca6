/* The fit: golden values by hand, breaks found and none invented, intervals that cover, refusals. */
#include "report/fit.h"

#include "core/error.h"
#include "report/fit_line.h"
#include "report/import.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZES = 22 };

static void near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected)))
        fail_msg("%.17g, expected %.17g", value, expected);
}

/* x = 1, 2, 4 and t = 1, 1, 2: u = 1/t = 1, 1, 1/2 and v = x/t = 1, 2, 2, so the sums are u 5/2, v 5, uu 9/4, uv 4, vv 9 and the
 * determinant 81/4 - 16 = 17/4; alpha = (5/2 9 - 5 4) 4/17 = 10/17, beta = (5 9/4 - 5/2 4) 4/17 = 5/17, sum of squares 1/17. */
static void test_line_by_hand(void **state)
{
    (void)state;
    const double x[] = { 1, 2, 4 }, t[] = { 1, 1, 2 };
    struct fit_sums s = {0};
    double rss;
    for (int i = 0; i < 3; i++)
        fit_sums_add(&s, x[i], t[i]);
    const struct fit_line l = fit_sums_solve(&s, false, &rss);
    near(l.alpha_us, 10.0 / 17, 1e-12);
    near(l.beta_us, 5.0 / 17, 1e-12);
    near(rss, 1.0 / 17, 1e-12);
}

/* x = 1, 2 and t = 1, 3: the line is -1 + 2 x. With alpha held at 0: u = 1, 1/3, v = 1, 2/3, beta = (5/3) / (13/9) = 15/13. */
static void test_alpha_is_no_negative_latency(void **state)
{
    (void)state;
    const double x[] = { 1, 2 }, t[] = { 1, 3 };
    struct fit_line l = fit_line_solve(x, t, 2, false);
    assert_true(l.alpha_us == 0);
    near(l.beta_us, 15.0 / 13, 1e-12);
    l = fit_line_solve(x, t, 2, true);
    near(l.alpha_us, -1, 1e-12);
    near(l.beta_us, 2, 1e-12);
}

/* Falling times have no negative bandwidth: x = 1, 2 and t = 2, 1 give a constant, alpha = (1/2 + 1) / (1/4 + 1) = 6/5. */
static void test_beta_is_not_negative(void **state)
{
    (void)state;
    const double x[] = { 1, 2 }, t[] = { 2, 1 };
    const struct fit_line l = fit_line_solve(x, t, 2, true);
    near(l.alpha_us, 1.2, 1e-12);
    assert_true(l.beta_us == 0);
}

static void test_exact_line(void **state)
{
    (void)state;
    const double x[] = { 1e3, 1e4, 1e5, 1e6 }, t[] = { 6, 15, 105, 1005 }; /* 5 us + x at 1 GB/s */
    struct fit f = {0};
    fit_points(&f, x, t, NULL, 4);
    assert_string_equal(f.refused, "");
    assert_int_equal(f.nsegments, 1);
    near(f.segments[0].line.alpha_us, 5, 1e-9);
    near(f.segments[0].line.beta_us, 1e-3, 1e-9);
    near(f.segments[0].low.beta_us, 1e-3, 1e-9);
    near(f.segments[0].high.alpha_us, 5, 1e-9);
    near(f.r2, 1, 1e-9);
    assert_true(f.error_max < 1e-9);
    near(fit_bandwidth(&f, 1e5).us, 1, 1e-9);
    near(fit_predict(&f, 2e6).us, 2005, 1e-9);
    assert_true(fit_predict(&f, 2e6).extrapolated && fit_predict(&f, 1).extrapolated && !fit_predict(&f, 1e6).extrapolated);
    fit_free(&f);
}

/* t = 2 us + x / 1 GB/s up to 64 KiB, 10 us + x / 4 GB/s from 128 KiB, with noise of the given relative size. */
static double broken(double x)
{
    return x <= 65536 ? 2 + x * 1e-3 : 10 + x * 0.25e-3;
}

static double straight(double x)
{
    return 3 + x * 0.1e-3;
}

static void make_curve(double *x, double *t, double (*law)(double), double noise, uint64_t seed)
{
    struct dice d = { seed };
    for (int i = 0; i < SIZES; i++) {
        x[i] = ldexp(1, i + 5);
        t[i] = law(x[i]) * (1 + noise * dice_normal(&d));
    }
}

static void test_break_is_found(void **state)
{
    (void)state;
    double x[SIZES], t[SIZES];
    for (int step = 0; step < 3; step++) {
        const double noise = 0.01 * step;
        make_curve(x, t, broken, noise, 7);
        struct fit f = {0};
        fit_points(&f, x, t, NULL, SIZES);
        assert_int_equal(f.nsegments, 2);
        assert_true(f.segments[0].to == 65536 && f.segments[1].from == 131072);
        near(f.segments[0].line.alpha_us, 2, 1e-9 + 2 * noise);
        near(f.segments[0].line.beta_us, 1e-3, 1e-9 + 2 * noise);
        near(f.segments[1].line.beta_us, 0.25e-3, 1e-9 + 2 * noise);
        near(fit_predict(&f, 65536).us, broken(65536), 1e-9 + 2 * noise);
        near(fit_predict(&f, 131072).us, broken(131072), 1e-9 + 2 * noise);
        assert_true(f.r2 > 0.99);
        fit_free(&f);
    }
}

/* A cache left behind: the second piece is steeper and its intercept negative, which is no latency but fits. */
static double steeper(double x)
{
    return x <= 1048576 ? 1 + x * 0.05e-3 : -104 + x * 0.15e-3;
}

static void test_break_upwards(void **state)
{
    (void)state;
    double x[SIZES], t[SIZES];
    make_curve(x, t, steeper, 0, 1);
    struct fit f = {0};
    fit_points(&f, x, t, NULL, SIZES);
    assert_int_equal(f.nsegments, 2);
    near(f.segments[1].line.alpha_us, -104, 1e-6);
    near(fit_bandwidth(&f, 1e8).us, 1 / 0.15, 1e-6);
    fit_free(&f);
}

static void test_no_break_is_invented(void **state)
{
    (void)state;
    double x[SIZES], t[SIZES];
    int invented = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        make_curve(x, t, straight, 0.02, seed);
        struct fit f = {0};
        fit_points(&f, x, t, NULL, SIZES);
        invented += f.nsegments > 1;
        fit_free(&f);
    }
    assert_in_range(invented, 0, 10);
}

/* A curve that is no line anywhere: one line errs by a fifth, pieces follow it. */
static double bent(double x)
{
    return 0.5 * pow(x, 0.35);
}

static void test_bent_curve_gets_pieces(void **state)
{
    (void)state;
    double x[SIZES], t[SIZES];
    make_curve(x, t, bent, 0, 1);
    struct fit f = {0};
    fit_points(&f, x, t, NULL, SIZES);
    assert_true(f.nsegments >= 3);
    assert_true(f.error_median < 0.1);
    fit_free(&f);
}

/* Every published curve that can be fitted is met within 10 % (median over its sizes). */
static void test_published_curves(void **state)
{
    (void)state;
    struct import im = {0};
    assert_int_equal(published_load(&im), RB_OK);
    struct fits f;
    fits_make(&f, &im.records);
    size_t fitted = 0;
    for (size_t i = 0; i < f.count; i++) {
        const struct fit *fit = &f.list[i];
        if (fit->refused[0] != '\0')
            continue;
        fitted++;
        if (fit->error_median > 0.1)
            fail_msg("%s of %s: median error %.1f %%", fit->curve.collective, fit->curve.source, 100 * fit->error_median);
    }
    assert_true(fitted >= 100);
    fits_free(&f);
    import_free(&im);
}

static void test_intervals_cover(void **state)
{
    (void)state;
    double x[SIZES], t[SIZES];
    int alpha = 0, beta = 0, value = 0, wide = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        make_curve(x, t, straight, 0.03, seed);
        struct fit f = {0};
        fit_points(&f, x, t, NULL, SIZES);
        const struct fit_segment *first = &f.segments[0], *last = &f.segments[f.nsegments - 1];
        const struct fit_value v = fit_predict(&f, 30000);
        alpha += first->low.alpha_us <= 3 && 3 <= first->high.alpha_us;
        beta += last->low.beta_us <= 0.1e-3 && 0.1e-3 <= last->high.beta_us;
        value += v.low <= straight(30000) && straight(30000) <= v.high;
        wide += v.high - v.low > 0.2 * v.us;
        fit_free(&f);
    }
    assert_in_range(alpha, 180, 200);
    assert_in_range(beta, 180, 200);
    assert_in_range(value, 180, 200);
    assert_in_range(wide, 0, 10);
}

static void test_sample_noise_widens(void **state)
{
    (void)state;
    double x[SIZES], t[SIZES], sd[SIZES];
    make_curve(x, t, straight, 0, 1);
    for (int i = 0; i < SIZES; i++)
        sd[i] = 0.05;
    struct fit f = {0};
    fit_points(&f, x, t, sd, SIZES);
    const double width = (f.segments[0].high.beta_us - f.segments[0].low.beta_us) / f.segments[0].line.beta_us;
    assert_true(width > 0.02 && width < 0.2);
    fit_free(&f);
}

static void test_same_every_time(void **state)
{
    (void)state;
    double x[SIZES], t[SIZES];
    struct fit f = {0}, g = {0};
    make_curve(x, t, broken, 0.02, 5);
    fit_points(&f, x, t, NULL, SIZES);
    fit_points(&g, x, t, NULL, SIZES);
    assert_true(f.segments[1].low.beta_us == g.segments[1].low.beta_us && f.segments[0].high.alpha_us == g.segments[0].high.alpha_us);
    fit_free(&f);
    fit_free(&g);
}

static void test_refusals(void **state)
{
    (void)state;
    const double x[] = { 1e3, 2e3, 1e5, 1e6 }, narrow[] = { 1e3, 2e3, 4e3, 9.9e4 }, equal[] = { 1e3, 1e3, 1e3, 1e6 }, t[] = { 1, 2, 3, 4 };
    struct fit f = {0};
    fit_points(&f, x, t, NULL, 3);
    assert_string_equal(f.refused, "3 sizes; at least 4 are needed");
    fit_points(&f, x, t, NULL, 0);
    assert_string_equal(f.refused, "0 sizes; at least 4 are needed");
    fit_points(&f, equal, t, NULL, 4);
    assert_string_equal(f.refused, "2 sizes; at least 4 are needed");
    fit_points(&f, narrow, t, NULL, 4);
    assert_string_equal(f.refused, "sizes from 1000 B to 96.68 KiB; two decades are needed");
    fit_points(&f, x, t, NULL, 4);
    assert_string_equal(f.refused, "");
    fit_free(&f);
}

static struct record_case make_case(int ranks, int hops, uint64_t bytes, double us)
{
    struct record_case c = { .collective = "all_reduce", .algorithm = "ring", .transport = "shm", .ranks = ranks, .nodes = 1, .root = -1,
                             .type = "float", .op = "sum", .bytes = bytes, .hops = hops, .wrong = 0 };
    c.time_us = (struct record_time){ us, us, us, us, us, us, 0, 1 };
    return c;
}

/* Ring all-reduce: 2 (n - 1) hops, 2 (n - 1) / n of the bytes on the wire; t = 1 + 2 hops + wire / 2 GB/s. */
static double ring_us(int n, double bytes)
{
    return 1 + 2 * 2 * (n - 1) + 2.0 * (n - 1) / n * bytes * 0.5e-3;
}

static void add_ring(struct records *r, int n, int hops)
{
    for (uint64_t bytes = 1024; bytes <= 1 << 24; bytes *= 4) {
        const struct record_case c = make_case(n, hops, bytes, ring_us(n, (double)bytes));
        records_add_case(r, &c);
    }
}

static void test_across_ranks(void **state)
{
    (void)state;
    struct records r = {0};
    add_ring(&r, 2, 2);
    add_ring(&r, 4, 6);
    struct fits f;
    fits_make(&f, &r);
    assert_int_equal(f.count, 2);
    assert_int_equal(f.nacross, 1);
    const struct fit_across *a = &f.across[0];
    assert_string_equal(a->refused, "");
    near(a->a_us, 1, 1e-6);
    near(a->b_us, 2, 1e-6);
    near(a->c_us, 0.5e-3, 1e-6);
    const struct fit_value v = fit_across_predict(a, 14, 1.75 * (1 << 20)); /* eight ranks, 1 MiB */
    near(v.us, ring_us(8, 1 << 20), 1e-6);
    assert_true(v.extrapolated && v.low <= v.us && v.us <= v.high);
    assert_false(fit_across_predict(a, 4, 1 << 20).extrapolated);
    near(f.list[1].segments[0].line.alpha_us, 13, 1e-6);
    assert_ptr_equal(fits_find(&f, &r.cases[r.ncases - 1]), &f.list[1]);
    fits_free(&f);
    records_free(&r);
}

/* A direct algorithm has two hops with any number of ranks: the plane is a line. */
static void test_across_with_constant_hops(void **state)
{
    (void)state;
    struct records r = {0};
    for (int n = 2; n <= 8; n *= 2)
        for (uint64_t bytes = 1024; bytes <= 1 << 24; bytes *= 4) {
            const struct record_case c = make_case(n, 2, bytes, 5 + 2.0 * (n - 1) / n * (double)bytes * 0.5e-3);
            records_add_case(&r, &c);
        }
    struct fits f;
    fits_make(&f, &r);
    const struct fit_across *a = &f.across[0];
    assert_string_equal(a->refused, "");
    near(a->a_us, 5, 1e-6);
    near(a->c_us, 0.5e-3, 1e-6);
    assert_true(a->b_us == 0 && a->b_ci[0] == 0 && a->b_ci[1] == 0);
    fits_free(&f);
    records_free(&r);
}

static void test_across_needs_hops(void **state)
{
    (void)state;
    struct records r = {0};
    add_ring(&r, 2, 0);
    add_ring(&r, 4, 0);
    struct fits f;
    fits_make(&f, &r);
    assert_int_equal(f.nacross, 1);
    assert_string_equal(f.across[0].refused, "the number of messages one after the other is not known");
    fits_free(&f);
    records_free(&r);
}

static void test_unusable_cases_are_left_out(void **state)
{
    (void)state;
    struct records r = {0};
    struct record_case c = make_case(2, 2, 8, NAN);
    records_add_case(&r, &c);
    c = make_case(1, 0, 8, 1);
    records_add_case(&r, &c);
    c = make_case(2, 2, 8, 1);
    c.wrong = 3;
    records_add_case(&r, &c);
    struct fits f;
    fits_make(&f, &r);
    assert_int_equal(f.count, 0);
    fits_free(&f);
    records_free(&r);
}

static void test_json(void **state)
{
    (void)state;
    struct records r = {0};
    add_ring(&r, 2, 2);
    struct record_case c = make_case(3, 4, 8, 1);
    records_add_case(&r, &c);
    struct fits f;
    fits_make(&f, &r);
    json_t *j = fit_json(&f.list[0]), *refused = fit_json(&f.list[1]);
    const json_t *piece = json_array_get(json_object_get(j, "segments"), 0);
    near(json_real_value(json_object_get(piece, "alpha_us")), 5, 1e-6);
    near(json_real_value(json_object_get(piece, "GBps")), 2, 1e-6);
    assert_int_equal(json_array_size(json_object_get(piece, "GBps_ci95")), 2);
    assert_true(json_is_null(json_object_get(j, "refused")));
    assert_string_equal(json_string_value(json_object_get(refused, "refused")), "1 size; at least 4 are needed");
    assert_null(json_object_get(refused, "segments"));
    json_decref(j);
    json_decref(refused);
    fits_free(&f);
    records_free(&r);
}

static void test_quantiles(void **state)
{
    (void)state;
    double v[] = { 4, 1, 3, 2, 5 };
    near(fit_quantile(v, 5, 0.5), 3, 1e-12);
    near(fit_quantile(v, 5, 0.975), 4.9, 1e-12);
    near(fit_quantile(v, 5, 1), 5, 1e-12);
    near(fit_student_factor(2), 4.303 / 1.96, 1e-9);
    near(fit_student_factor(20), 2.086 / 1.96, 0.01);
}

int main(void)
{
    if (access("report/data/gpus.csv", R_OK) == 0) /* built elsewhere: the program does not stand beside its data */
        setenv("RINGBENCH_DATA", "report/data", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_by_hand), cmocka_unit_test(test_alpha_is_no_negative_latency), cmocka_unit_test(test_beta_is_not_negative),
        cmocka_unit_test(test_exact_line), cmocka_unit_test(test_break_is_found), cmocka_unit_test(test_break_upwards),
        cmocka_unit_test(test_no_break_is_invented), cmocka_unit_test(test_bent_curve_gets_pieces), cmocka_unit_test(test_published_curves), cmocka_unit_test(test_intervals_cover), cmocka_unit_test(test_sample_noise_widens),
        cmocka_unit_test(test_same_every_time), cmocka_unit_test(test_refusals), cmocka_unit_test(test_across_ranks),
        cmocka_unit_test(test_across_with_constant_hops), cmocka_unit_test(test_across_needs_hops), cmocka_unit_test(test_unusable_cases_are_left_out), cmocka_unit_test(test_json),
        cmocka_unit_test(test_quantiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
