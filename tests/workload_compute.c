/* Slices of a computation, back ends by name, and what a suite makes of its four measurements. */
#include "workload/compute.h"
#include "workload/suite.h"

#include "core/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COLUMNS = 2000 };

/* A back end that only writes down which columns it was asked for. */
struct seen {
    int columns[COLUMNS], slices;
};

static void note(struct compute *c, const struct matmul *g, int first, int count)
{
    struct seen *s = c->state;
    assert_true(count > 0 && first + count <= g->n);
    for (int i = first; i < first + count; i++)
        s->columns[i]++;
    s->slices++;
}

static struct compute fake(struct seen *s, double flops)
{
    static const struct compute_ops ops = { .name = "fake", .gemm = note };
    *s = (struct seen){ .slices = 0 };
    return (struct compute){ .ops = &ops, .flops = flops, .bytes = 64 << 20, .memory = calloc(1, 64 << 20), .state = s };
}

static int count_steps(void *context)
{
    int *left = context;
    return --*left < 0 ? RB_ETIMEOUT : RB_OK;
}

static void every_column_once(void **state)
{
    (void)state;
    static const struct matmul shapes[] = { { 64, 1376, 512 }, { 1, 1, 1 }, { 4, 17, 3 }, { 512, 1999, 64 }, { 8, 16, 8 } };
    static const double rates[] = { 1e8, 3e10, 1e13 };
    static struct seen s;
    for (size_t r = 0; r < RB_LEN(rates); r++)
        for (size_t i = 0; i < RB_LEN(shapes); i++) {
            struct compute c = fake(&s, rates[r]);
            int steps = 100000;
            assert_int_equal(compute_gemm(&c, &shapes[i], count_steps, &steps), RB_OK);
            for (int k = 0; k < COLUMNS; k++)
                assert_int_equal(s.columns[k], k < shapes[i].n);
            assert_int_equal(100000 - steps, s.slices);
            free(c.memory);
        }
}

static void slices_are_short(void **state)
{
    (void)state;
    static struct seen s;
    struct compute c = fake(&s, 1e10);
    assert_int_equal(compute_gemm(&c, &(struct matmul){ 64, 1376, 512 }, NULL, NULL), RB_OK); /* 9 ms at that rate */
    assert_in_range(s.slices, 20, 100);
    free(c.memory);
}

static void an_error_between_slices_stops(void **state)
{
    (void)state;
    static struct seen s;
    struct compute c = fake(&s, 1e9);
    int left = 3;
    assert_int_equal(compute_gemm(&c, &(struct matmul){ 64, 1376, 512 }, count_steps, &left), RB_ETIMEOUT);
    assert_int_equal(s.slices, 4);
    left = 0;
    assert_int_equal(compute_update(&c, 1 << 20, count_steps, &left), RB_ETIMEOUT);
    left = 0;
    assert_int_equal(compute_copy(&c, 4 << 20, count_steps, &left), RB_ETIMEOUT);
    assert_int_equal(compute_gemm(&c, &(struct matmul){ 30000, 30000, 30000 }, NULL, NULL), RB_EUSAGE);
    free(c.memory);
}

static void back_ends_by_name(void **state)
{
    (void)state;
    struct compute c;
    assert_int_equal(compute_open(&c, "openblass"), RB_EUSAGE);
    assert_int_equal(compute_open(&c, ""), RB_EUSAGE);
    for (size_t i = 0; i < compute_backend_count; i++) {
        const char *why = NULL;
        if (!compute_backends[i]->usable(&why)) {
            assert_non_null(why);
            continue;
        }
        int steps = 100000;
        assert_int_equal(compute_open(&c, compute_backends[i]->name), RB_OK);
        assert_true(c.flops > 0);
        assert_int_equal(compute_gemm(&c, &(struct matmul){ 33, 65, 17 }, count_steps, &steps), RB_OK);
        assert_int_equal(compute_update(&c, 200000, count_steps, &steps), RB_OK);
        assert_int_equal(compute_copy(&c, 3000000, count_steps, &steps), RB_OK);
        compute_close(&c);
    }
    assert_int_equal(compute_open(&c, "auto"), RB_OK);
    compute_close(&c);
}

static double total(struct workload_parts p)
{
    return p.compute + p.waiting + p.exposed;
}

static void parts_add_up(void **state)
{
    (void)state;
    const double usual[PLAY_MODES] = { [PLAY_ALL] = 10, [PLAY_COMPUTE] = 6, [PLAY_CALLS] = 5, [PLAY_TOKENS] = 7 };
    const double noisy[PLAY_MODES] = { [PLAY_ALL] = 10, [PLAY_COMPUTE] = 11, [PLAY_CALLS] = 5, [PLAY_TOKENS] = 9 };
    const double late[PLAY_MODES] = { [PLAY_ALL] = 10, [PLAY_COMPUTE] = 6, [PLAY_CALLS] = 1, [PLAY_TOKENS] = 12 };
    const struct workload_parts p = parts_of(usual);
    assert_true(p.compute == 6 && p.waiting == 1 && p.exposed == 3 && p.hidden == 2);
    assert_true(total(parts_of(noisy)) == 10 && parts_of(noisy).hidden == 5);
    assert_true(total(parts_of(late)) == 10 && parts_of(late).exposed == 0);
}

static void the_term_that_is_off(void **state)
{
    (void)state;
    struct workload_result r = { .measured = { [PLAY_ALL] = 10, [PLAY_COMPUTE] = 6, [PLAY_CALLS] = 5, [PLAY_TOKENS] = 7 },
                                 .predicted = { [PLAY_ALL] = 14, [PLAY_COMPUTE] = 6.5, [PLAY_CALLS] = 8, [PLAY_TOKENS] = 7 } };
    struct workload_error e = result_error(&r);
    assert_true(fabs(e.relative - 0.4) < 1e-12 && fabs(e.compute + e.calls + e.overlap - 4) < 1e-12);
    assert_string_equal(e.worst, "communication");
    r.predicted[PLAY_COMPUTE] = 1;
    r.predicted[PLAY_CALLS] = 5;
    r.predicted[PLAY_ALL] = 6;
    assert_string_equal(result_error(&r).worst, "compute");
    r.predicted[PLAY_COMPUTE] = 6;
    assert_string_equal(result_error(&r).worst, "overlap");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_once), cmocka_unit_test(slices_are_short),  cmocka_unit_test(an_error_between_slices_stops),
        cmocka_unit_test(back_ends_by_name), cmocka_unit_test(parts_add_up),      cmocka_unit_test(the_term_that_is_off),
    };
    return cmocka_run_group_tests_name("workload_compute", tests, NULL, NULL);
}
