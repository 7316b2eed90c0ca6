#include "topo/ring_order.h"

#include "core/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whole numbers, so that sums are equal where they should be. */
struct ring {
    int n;
    int64_t *hop; /* n x n */
};

static int64_t hop(const struct ring *r, int from, int to)
{
    return r->hop[from * r->n + to];
}

static int64_t quantise(double v)
{
    if (!(v > 0))
        return 0;
    return v > 1e9 ? (int64_t)1e15 : llround(v * 1e6);
}

/* Subsets are of the points 1 .. n-1; point k is bit k-1. */
static int point_of(int bit)
{
    return bit + 1;
}

/* Is there a cycle over hops of at least `threshold`? ends[s]: where a path from 0 through all of s can end. */
static bool has_cycle(const struct ring *r, int64_t threshold, uint16_t *ends)
{
    const int bits = r->n - 1;
    const uint32_t full = (1u << bits) - 1;
    uint16_t reach[RING_EXACT], home = 0;
    memset(ends, 0, ((size_t)full + 1) * sizeof *ends);
    for (int a = 0; a < bits; a++) {
        reach[a] = 0;
        for (int b = 0; b < bits; b++)
            if (a != b && hop(r, point_of(b), point_of(a)) >= threshold)
                reach[a] = (uint16_t)(reach[a] | 1u << b); /* who can go to a */
        if (hop(r, 0, point_of(a)) >= threshold)
            ends[1u << a] = (uint16_t)(1u << a);
        if (hop(r, point_of(a), 0) >= threshold)
            home = (uint16_t)(home | 1u << a);
    }
    for (uint32_t s = 1; s <= full; s++)
        for (int a = 0; a < bits; a++)
            if ((s >> a & 1) != 0 && (ends[s & ~(1u << a)] & reach[a]) != 0)
                ends[s] = (uint16_t)(ends[s] | 1u << a);
    return (ends[full] & home) != 0;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The largest value that every hop of some cycle reaches. The smallest of all always does. */
static int64_t best_threshold(const struct ring *r)
{
    const size_t n = (size_t)r->n;
    int64_t *values = rb_malloc(n * n * sizeof *values);
    uint16_t *ends = rb_malloc(((size_t)1 << (n - 1)) * sizeof *ends);
    size_t count = 0;
    for (size_t i = 0; i < n * n; i++)
        if (i % (n + 1) != 0)
            values[count++] = r->hop[i];
    qsort(values, count, sizeof *values, compare);
    size_t low = 0, high = count - 1;
    while (low < high) {
        const size_t middle = (low + high + 1) / 2;
        if (has_cycle(r, values[middle], ends))
            low = middle;
        else
            high = middle - 1;
    }
    const int64_t best = values[low];
    free(ends);
    free(values);
    return best;
}

/* rest[s * bits + a]: largest sum of a path that stands at a, has been through s and goes home; -1: none. */
static void fill_rest(const struct ring *r, int64_t threshold, int64_t *rest)
{
    const int bits = r->n - 1;
    const uint32_t full = (1u << bits) - 1;
    for (uint32_t s = full; s > 0; s--)
        for (int a = 0; a < bits; a++) {
            int64_t best = -1;
            if (s == full && hop(r, point_of(a), 0) >= threshold)
                best = hop(r, point_of(a), 0);
            for (int b = 0; b < bits; b++) {
                if ((s >> b & 1) != 0 || hop(r, point_of(a), point_of(b)) < threshold)
                    continue;
                const int64_t behind = rest[(s | 1u << b) * (uint32_t)bits + (uint32_t)b];
                if (behind >= 0 && behind + hop(r, point_of(a), point_of(b)) > best)
                    best = behind + hop(r, point_of(a), point_of(b));
            }
            rest[s * (uint32_t)bits + (uint32_t)a] = best;
        }
}

/* Follows the largest sums; the first of equals is the lexicographically smaller. */
static void follow(const struct ring *r, int64_t threshold, const int64_t *rest, int *order)
{
    const int bits = r->n - 1;
    uint32_t s = 0;
    order[0] = 0;
    for (int k = 1; k < r->n; k++) {
        int64_t best = -1;
        for (int b = 0; b < bits; b++) {
            const int64_t step = hop(r, order[k - 1], point_of(b));
            if ((s >> b & 1) != 0 || step < threshold)
                continue;
            const int64_t behind = rest[(s | 1u << b) * (uint32_t)bits + (uint32_t)b];
            if (behind >= 0 && behind + step > best) {
                best = behind + step;
                order[k] = point_of(b);
            }
        }
        s |= 1u << (order[k] - 1);
    }
}

static void exact(const struct ring *r, int *order)
{
    const int64_t threshold = best_threshold(r);
    const size_t states = ((size_t)1 << (r->n - 1)) * (size_t)(r->n - 1);
    int64_t *rest = rb_malloc(states * sizeof *rest);
    fill_rest(r, threshold, rest);
    follow(r, threshold, rest, order);
    free(rest);
}

/* Reversing a stretch must not change its inside: the slower direction counts. */
static void symmetrise(struct ring *r)
{
    for (int i = 0; i < r->n; i++)
        for (int j = 0; j < i; j++) {
            const int64_t slower = hop(r, i, j) < hop(r, j, i) ? hop(r, i, j) : hop(r, j, i);
            r->hop[i * r->n + j] = r->hop[j * r->n + i] = slower;
        }
}

static void greedy(const struct ring *r, int *order)
{
    bool *used = rb_calloc((size_t)r->n, sizeof *used);
    order[0] = 0;
    used[0] = true;
    for (int k = 1; k < r->n; k++) {
        int best = -1;
        for (int j = 0; j < r->n; j++)
            if (!used[j] && (best < 0 || hop(r, order[k - 1], j) > hop(r, order[k - 1], best)))
                best = j;
        order[k] = best;
        used[best] = true;
    }
    free(used);
}

/* Two hops for two hops: better when the slower one is faster, or equal and the sum larger. */
static bool gains(int64_t old1, int64_t old2, int64_t new1, int64_t new2)
{
    const int64_t old_slower = old1 < old2 ? old1 : old2, new_slower = new1 < new2 ? new1 : new2;
    return new_slower > old_slower || (new_slower == old_slower && new1 + new2 > old1 + old2);
}

static void reverse(int *order, int first, int last)
{
    for (; first < last; first++, last--) {
        const int keep = order[first];
        order[first] = order[last];
        order[last] = keep;
    }
}

/* Each gain raises the sorted list of hops, so it ends; the bound on passes keeps it short for thousands of points. */
static void two_opt(const struct ring *r, int *order)
{
    bool better = true;
    for (int pass = 0; better && pass < 100; pass++) {
        better = false;
        for (int i = 0; i + 2 < r->n; i++)
            for (int j = i + 2; j < r->n && !(i == 0 && j == r->n - 1); j++) {
                const int a = order[i], b = order[i + 1], c = order[j], d = order[(j + 1) % r->n];
                if (gains(hop(r, a, b), hop(r, c, d), hop(r, a, c), hop(r, b, d))) {
                    reverse(order, i + 1, j);
                    better = true;
                }
            }
    }
}

void ring_order(const double *bandwidth, int n, int *order)
{
    struct ring r = { n, rb_malloc((size_t)n * (size_t)n * sizeof *r.hop) };
    for (int i = 0; i < n * n; i++)
        r.hop[i] = quantise(bandwidth[i]);
    if (n <= 2) {
        for (int i = 0; i < n; i++)
            order[i] = i;
    } else if (n <= RING_EXACT) {
        exact(&r, order);
    } else {
        symmetrise(&r);
        greedy(&r, order);
        two_opt(&r, order);
    }
    free(r.hop);
}

double ring_slowest(const double *bandwidth, int n, const int *order)
{
    double slowest = INFINITY;
    for (int k = 0; k < n && n > 1; k++) {
        const double v = bandwidth[order[k] * n + order[(k + 1) % n]];
        slowest = fmin(slowest, v > 0 ? v : 0);
    }
    return slowest;
}
