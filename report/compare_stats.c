#include "report/compare_stats.h"

#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT = 20, REPLICAS = 400 };

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *sorted_copy(struct sample s)
{
    double *v = rb_malloc(s.n * sizeof *v);
    memcpy(v, s.values, s.n * sizeof *v);
    qsort(v, s.n, sizeof *v, ascending);
    return v;
}

static double middle(const double *sorted, size_t n)
{
    return n % 2 == 1 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

double compare_median(struct sample s)
{
    if (s.n == 0)
        return NAN;
    double *v = sorted_copy(s);
    const double m = middle(v, s.n);
    free(v);
    return m;
}

/* --- Mann-Whitney --- */

/* How often b is larger than a, ties counting half; *ties_p: sum of t^3 - t over groups of equal values. */
static double count_u(struct sample a, struct sample b, double *ties_p)
{
    double *x = sorted_copy(a), *y = sorted_copy(b);
    double u = 0, ties = 0;
    for (size_t i = 0, j = 0; i < a.n || j < b.n;) {
        const double v = j == b.n || (i < a.n && x[i] <= y[j]) ? x[i] : y[j];
        size_t in_a = 0, in_b = 0;
        while (i + in_a < a.n && x[i + in_a] == v)
            in_a++;
        while (j + in_b < b.n && y[j + in_b] == v)
            in_b++;
        u += (double)in_b * ((double)i + 0.5 * (double)in_a);
        const double t = (double)(in_a + in_b);
        ties += t * t * t - t;
        i += in_a;
        j += in_b;
    }
    free(x);
    free(y);
    *ties_p = ties;
    return u;
}

/* P(U <= u) for n against m values without ties: coefficients of the product of (1 - q^(m+i)) / (1 - q^i), i = 1..n. */
static double exact_tail(size_t n, size_t m, double u)
{
    const size_t top = n * m;
    double *ways = rb_calloc(top + 1, sizeof *ways);
    ways[0] = 1;
    for (size_t i = 1; i <= n; i++) {
        for (size_t k = top; k >= m + i && k <= top; k--)
            ways[k] -= ways[k - m - i];
        for (size_t k = i; k <= top; k++)
            ways[k] += ways[k - i];
    }
    double below = 0, all = 0;
    for (size_t k = 0; k <= top; k++) {
        all += ways[k];
        below += (double)k <= u ? ways[k] : 0;
    }
    free(ways);
    return below / all;
}

static double normal_p(double n, double m, double u, double ties)
{
    const double all = n + m, mean = n * m / 2;
    const double variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
    const double distance = fabs(u - mean) - 0.5;
    if (!(variance > 0) || distance <= 0)
        return 1;
    return erfc(distance / sqrt(2 * variance));
}

double compare_mann_whitney(struct sample a, struct sample b, bool *exact_p)
{
    if (exact_p != NULL)
        *exact_p = false;
    if (a.n == 0 || b.n == 0)
        return 1;
    double ties;
    const double u = count_u(a, b, &ties), n = (double)a.n, m = (double)b.n;
    if (ties > 0 || a.n > EXACT || b.n > EXACT)
        return normal_p(n, m, u, ties);
    if (exact_p != NULL)
        *exact_p = true;
    return fmin(1, 2 * exact_tail(a.n, b.n, fmin(u, n * m - u)));
}

double compare_cliff_delta(struct sample a, struct sample b)
{
    if (a.n == 0 || b.n == 0)
        return NAN;
    double ties;
    return 2 * count_u(a, b, &ties) / ((double)a.n * (double)b.n) - 1;
}

/* --- Student and Welch --- */

/* Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 / fmax(fabs(1 - (a + b) * x / (a + 1)), tiny) * (1 - (a + b) * x / (a + 1) < 0 ? -1 : 1), h = d;
    for (int m = 1; m < 500; m++) {
        const double steps[2] = { m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                                  -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) };
        double change = 1;
        for (int k = 0; k < 2; k++) {
            d = 1 + steps[k] * d;
            c = 1 + steps[k] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            change *= d * c;
        }
        h *= change;
        if (fabs(change - 1) < 1e-14)
            break;
    }
    return h;
}

static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double compare_student(double t, double freedom)
{
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

static void log_moments(struct sample s, double *mean_p, double *variance_p)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < s.n; i++)
        mean += log(s.values[i]) / (double)s.n;
    for (size_t i = 0; i < s.n; i++)
        squares += pow(log(s.values[i]) - mean, 2);
    *mean_p = mean;
    *variance_p = s.n > 1 ? squares / (double)(s.n - 1) : 0;
}

double compare_welch(struct sample a, struct sample b)
{
    if (a.n == 0 || b.n == 0 || a.n + b.n < 3)
        return NAN;
    double mean[2], variance[2];
    log_moments(a, &mean[0], &variance[0]);
    log_moments(b, &mean[1], &variance[1]);
    const double n[2] = { (double)a.n, (double)b.n };
    double freedom;
    if (a.n == 1 || b.n == 1) {
        const int many = a.n == 1;
        variance[!many] = variance[many];
        freedom = n[many] - 1;
    } else {
        const double u = variance[0] / n[0], v = variance[1] / n[1];
        freedom = u + v > 0 ? (u + v) * (u + v) / (u * u / (n[0] - 1) + v * v / (n[1] - 1)) : n[0] + n[1] - 2;
    }
    const double error = sqrt(variance[0] / n[0] + variance[1] / n[1]), difference = fabs(mean[1] - mean[0]);
    /* Times are printed to a few digits: equal ones say that the spread is under the last digit, not that there is none. */
    const double least = 1e-6;
    return difference <= least ? 1 : compare_student(difference / fmax(error, least), freedom);
}

/* --- Holm --- */

struct ranked {
    double p;
    size_t index;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->p > y->p) - (x->p < y->p);
}

void compare_holm(double *p, size_t n)
{
    struct ranked *order = rb_malloc(n * sizeof *order);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(p[i]))
            order[m++] = (struct ranked){ p[i], i };
    qsort(order, m, sizeof *order, by_p);
    double least = 0;
    for (size_t i = 0; i < m; i++) {
        least = fmax(least, fmin(1, order[i].p * (double)(m - i)));
        p[order[i].index] = least;
    }
    free(order);
}

/* --- bootstrap --- */

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1d;
}

static size_t draw_below(uint64_t *state, size_t n)
{
    return (size_t)((draw(state) >> 32) * (uint64_t)n >> 32);
}

/* The median of as many draws from sorted values, without sorting again: counts per place. */
static double resampled_median(const double *sorted, size_t n, unsigned *counts, uint64_t *state)
{
    memset(counts, 0, n * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        counts[draw_below(state, n)]++;
    const size_t low = (n - 1) / 2, high = n / 2;
    size_t seen = 0, at = 0;
    while (seen + counts[at] <= low)
        seen += counts[at++];
    const double first = sorted[at];
    while (seen + counts[at] <= high)
        seen += counts[at++];
    return 0.5 * (first + sorted[at]);
}

struct side {
    double **sorted;
    const struct side_runs *runs;
    double *medians;  /* of a replica */
    unsigned *counts;
};

static void side_open(struct side *s, const struct side_runs *runs)
{
    size_t most = 1;
    *s = (struct side){ .runs = runs };
    s->sorted = rb_malloc(runs->n * sizeof *s->sorted);
    s->medians = rb_malloc(runs->n * sizeof *s->medians);
    for (size_t i = 0; i < runs->n; i++) {
        s->sorted[i] = sorted_copy(runs->runs[i]);
        most = runs->runs[i].n > most ? runs->runs[i].n : most;
    }
    s->counts = rb_malloc(most * sizeof *s->counts);
}

static void side_close(struct side *s)
{
    for (size_t i = 0; i < s->runs->n; i++)
        free(s->sorted[i]);
    free(s->sorted);
    free(s->medians);
    free(s->counts);
}

static double side_median(struct side *s)
{
    for (size_t i = 0; i < s->runs->n; i++)
        s->medians[i] = middle(s->sorted[i], s->runs->runs[i].n);
    return compare_median((struct sample){ s->medians, s->runs->n });
}

static double side_replica(struct side *s, uint64_t *state)
{
    for (size_t i = 0; i < s->runs->n; i++) {
        const size_t k = s->runs->n > 1 ? draw_below(state, s->runs->n) : 0;
        s->medians[i] = resampled_median(s->sorted[k], s->runs->runs[k].n, s->counts, state);
    }
    return compare_median((struct sample){ s->medians, s->runs->n });
}

static bool has_spread(const struct side_runs *s)
{
    return s->n > 1 || (s->n == 1 && s->runs[0].n > 1);
}

struct ratio_interval compare_ratio(const struct side_runs *a, const struct side_runs *b, uint64_t seed)
{
    struct side x, y;
    side_open(&x, a);
    side_open(&y, b);
    struct ratio_interval r = { .ratio = side_median(&y) / side_median(&x), .low = NAN, .high = NAN };
    if (has_spread(a) || has_spread(b)) {
        uint64_t state = seed * 2 + 0x9e3779b97f4a7c15;
        double ratios[REPLICAS];
        for (int i = 0; i < REPLICAS; i++)
            ratios[i] = side_replica(&y, &state) / side_replica(&x, &state);
        qsort(ratios, REPLICAS, sizeof *ratios, ascending);
        r.low = ratios[REPLICAS / 40];
        r.high = ratios[REPLICAS - 1 - REPLICAS / 40];
    }
    side_close(&x);
    side_close(&y);
    return r;
}
