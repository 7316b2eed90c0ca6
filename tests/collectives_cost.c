/* The cost model against closed forms, derived by hand. */
#include "collectives/cost.h"

#include "collectives/prove.h"
#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static double cost(const char *name, int n, int servers, uint64_t bytes, uint64_t piece, const struct cost_links *links)
{
    const struct algorithm *a = algorithm_find(name);
    const struct group g = { .nranks = n, .servers = servers };
    const uint64_t count = bytes / 4 / (uint64_t)collective_get(a->collective)->size_blocks(&g);
    struct plan *plans;
    assert_int_equal(plans_build(&plans, a, &g, true), RB_OK);
    const double t = cost_of(a, &g, plans, count, 4, piece, links);
    plans_free(plans, n);
    return t;
}

static void near(double got, double want)
{
    if (got < want * 0.999 || got > want * 1.001)
        fail_msg("%.9g where %.9g is expected", got, want);
}

static const struct cost_links links = { .alpha = 1e-6, .rate = 10e9, .reduce = 0 };

/* 2 (n-1) messages of S/n, one after the other: 2 (n-1) (alpha + S / n / rate). */
static void test_ring_all_reduce(void **state)
{
    (void)state;
    for (int n = 2; n <= 16; n++)
        near(cost("ring_all_reduce", n, 1, 1 << 24, 0, &links), 2.0 * (n - 1) * (1e-6 + (1 << 24) / (double)n / 10e9));
}

static void test_ring_halves(void **state)
{
    (void)state;
    near(cost("ring_all_gather", 8, 1, 1 << 24, 0, &links), 7 * (1e-6 + (1 << 21) / 10e9));
    near(cost("ring_reduce_scatter", 8, 1, 1 << 24, 0, &links), 7 * (1e-6 + (1 << 21) / 10e9));
}

/* A pipeline of p pieces over n-1 hops: the first byte travels n-2 hops of one piece, then the port is busy. */
static void test_pieces_pipeline(void **state)
{
    (void)state;
    const double piece = (1 << 20) / 10e9;
    near(cost("ring_broadcast", 4, 1, 16 << 20, 1 << 20, &links), 3 * 1e-6 + (16 + 2) * piece);
    near(cost("ring_broadcast", 4, 1, 16 << 20, 0, &links), 3 * (1e-6 + 16 * piece));
}

/* One server: workers * S come in through one port, then as much goes out (whole chunks: push and pull do not overlap). */
static void test_one_server_is_incast(void **state)
{
    (void)state;
    const double s = (1 << 24) / 10e9;
    near(cost("parameter_server_dedicated", 9, 1, 1 << 24, 0, &links), 2e-6 + 16 * s);
}

static void test_arithmetic_counts(void **state)
{
    (void)state;
    const struct cost_links slow = { .alpha = 0, .rate = 1e15, .reduce = 1e-9 };
    /* n = 2: one combine of S/2, one store of S/2 */
    near(cost("ring_all_reduce", 2, 1, 1 << 20, 0, &slow), (1 << 20) * 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_all_reduce), cmocka_unit_test(test_ring_halves),       cmocka_unit_test(test_pieces_pipeline),
        cmocka_unit_test(test_one_server_is_incast), cmocka_unit_test(test_arithmetic_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
