/* The ring order against brute force, and against cycles that were planted. */
#include "topo/ring_order.h"

#include "core/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_MAX = 64 };

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static double sum_of(const double *m, int n, const int *order)
{
    double sum = 0;
    for (int k = 0; k < n; k++)
        sum += m[order[k] * n + order[(k + 1) % n]];
    return sum;
}

/* The next order of positions 1 .. n-1, in lexicographic order; false after the last. */
static bool permute(int *order, int n)
{
    int i = n - 2;
    while (i >= 1 && order[i] > order[i + 1])
        i--;
    if (i < 1)
        return false;
    int j = n - 1;
    while (order[j] < order[i])
        j--;
    int keep = order[i];
    order[i] = order[j];
    order[j] = keep;
    for (int a = i + 1, b = n - 1; a < b; a++, b--) {
        keep = order[a];
        order[a] = order[b];
        order[b] = keep;
    }
    return true;
}

/* The first in lexicographic order of those with the largest (slowest hop, sum). */
static void brute_force(const double *m, int n, int *best)
{
    int order[N_MAX];
    for (int i = 0; i < n; i++)
        best[i] = order[i] = i;
    while (permute(order, n)) {
        const double slow = ring_slowest(m, n, order), slow_best = ring_slowest(m, n, best);
        if (slow > slow_best || (slow == slow_best && sum_of(m, n, order) > sum_of(m, n, best)))
            memcpy(best, order, (size_t)n * sizeof *best);
    }
}

static void fill(double *m, int n, unsigned values, bool symmetric, unsigned *seed)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            m[i * n + j] = (double)(next_random(seed) % values);
            if (symmetric && j < i)
                m[i * n + j] = m[j * n + i];
        }
}

static void test_brute_force(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int n = 3; n <= 8; n++)
        for (int round = 0; round < (n < 8 ? 30 : 8); round++) {
            double m[N_MAX];
            int got[N_MAX], want[N_MAX];
            fill(m, n, round % 3 == 0 ? 3 : 50, round % 2 == 0, &seed);
            ring_order(m, n, got);
            brute_force(m, n, want);
            for (int k = 0; k < n; k++)
                if (got[k] != want[k])
                    fail_msg("n=%d round %d: position %d is %d, brute force says %d", n, round, k, got[k], want[k]);
        }
}

static void check_is_order(const int *order, int n)
{
    bool seen[N_MAX] = { false };
    assert_int_equal(order[0], 0);
    for (int k = 0; k < n; k++) {
        assert_in_range(order[k], 0, n - 1);
        assert_false(seen[order[k]]);
        seen[order[k]] = true;
    }
}

/* A cycle of fast hops hidden among slow ones. */
static void plant(double *m, int n, unsigned *seed)
{
    int hidden[N_MAX];
    for (int i = 0; i < n; i++)
        hidden[i] = i;
    for (int i = n - 1; i > 0; i--) {
        const int j = (int)(next_random(seed) % (unsigned)(i + 1)), keep = hidden[i];
        hidden[i] = hidden[j];
        hidden[j] = keep;
    }
    for (int i = 0; i < n * n; i++)
        m[i] = 1 + (double)(next_random(seed) % 40);
    for (int k = 0; k < n; k++)
        m[hidden[k] * n + hidden[(k + 1) % n]] = 50;
}

static void test_planted(void **state)
{
    (void)state;
    unsigned seed = 3;
    for (int n = 3; n <= RING_EXACT; n++) {
        double m[N_MAX * N_MAX];
        int order[N_MAX];
        plant(m, n, &seed);
        ring_order(m, n, order);
        check_is_order(order, n);
        assert_true(ring_slowest(m, n, order) >= 50);
    }
}

/* Beyond the exact search: groups whose members are near each other need exactly one hop out of each. */
static void test_groups(void **state)
{
    (void)state;
    const struct { int n, group; } rows[] = { { 17, 4 }, { 24, 8 }, { 32, 16 }, { 64, 8 } };
    for (size_t r = 0; r < RB_LEN(rows); r++) {
        const int n = rows[r].n;
        double m[N_MAX * N_MAX];
        int order[N_MAX], between = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) /* members are dealt out like cards */
                m[i * n + j] = i % rows[r].group == j % rows[r].group ? 10 : 5;
        ring_order(m, n, order);
        check_is_order(order, n);
        for (int k = 0; k < n; k++)
            between += m[order[k] * n + order[(k + 1) % n]] < 10;
        assert_int_equal(between, rows[r].group);
    }
}

/* Points on a line: greedy walks to the far end and must come back in one hop; exchanges shorten that one. */
static void test_two_opt_gains(void **state)
{
    (void)state;
    enum { N = 20 };
    double m[N * N];
    int order[N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            m[i * N + j] = 100 - abs(i - j);
    ring_order(m, N, order);
    check_is_order(order, N);
    assert_true(ring_slowest(m, N, order) == 98); /* no cycle does without a hop over one point */
}

static void test_small(void **state)
{
    (void)state;
    int order[2] = { -1, -1 };
    const double one[] = { 0 }, two[] = { 0, 3, 2, 0 };
    ring_order(one, 1, order);
    assert_int_equal(order[0], 0);
    assert_true(isinf(ring_slowest(one, 1, order)));
    ring_order(two, 2, order);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 1);
    assert_true(ring_slowest(two, 2, order) == 2);
}

static void test_strange_values(void **state)
{
    (void)state;
    const double m[] = { NAN, NAN, -1, INFINITY, NAN, NAN, 5, 1e300, 0, 2, NAN, 4, 1, 1, 1, NAN };
    int order[4];
    ring_order(m, 4, order);
    check_is_order(order, 4);
    const double unknown[9] = { 0 };
    ring_order(unknown, 3, order);
    assert_int_equal(order[1], 1);
    assert_int_equal(order[2], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brute_force), cmocka_unit_test(test_planted),       cmocka_unit_test(test_groups),
        cmocka_unit_test(test_two_opt_gains), cmocka_unit_test(test_small), cmocka_unit_test(test_strange_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
