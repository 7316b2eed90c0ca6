#include "bench/stats.h"

#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void stats_sort(double *values, size_t n)
{
    qsort(values, n, sizeof *values, ascending);
}

double stats_percentile(const double *sorted, size_t n, double p)
{
    const double at = p / 100 * (double)(n - 1);
    const size_t i = (size_t)at;
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

/* The sample number k (from 0) lies above the median with probability P(Binomial(n, 1/2) <= k). The largest k for which
 * that is at most 2.5 % is the lower end; the upper one is its mirror image. */
static size_t exact_low(size_t n)
{
    double term = pow(0.5, (double)n), below = 0;
    size_t k = 0;
    for (; k < n && below + term <= 0.025; k++) {
        below += term;
        term *= (double)(n - k) / (double)(k + 1);
    }
    return k == 0 ? 0 : k - 1;
}

void stats_median_ranks(size_t n, size_t *low_p, size_t *high_p)
{
    size_t low = 0;
    if (n > 60) {
        const double at = floor((double)n / 2 - 0.98 * sqrt((double)n)) - 1;
        low = at > 0 ? (size_t)at : 0;
    } else if (n > 0) {
        low = exact_low(n);
    }
    *low_p = low;
    *high_p = n > 0 ? n - 1 - low : 0;
}

static double mean_of(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum / (double)n;
}

static double deviation(const double *v, size_t n, double mean)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (v[i] - mean) * (v[i] - mean);
    return n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
}

static double *sorted_copy(const double *values, size_t n)
{
    double *v = rb_malloc(n * sizeof *v);
    memcpy(v, values, n * sizeof *v);
    stats_sort(v, n);
    return v;
}

void stats_of(struct stats *s, const double *samples, size_t n)
{
    if (n == 0) {
        *s = (struct stats){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0 };
        return;
    }
    double *v = sorted_copy(samples, n);
    size_t low, high;
    stats_median_ranks(n, &low, &high);
    const double mean = mean_of(v, n);
    *s = (struct stats){
        .median = stats_percentile(v, n, 50), .min = v[0], .max = v[n - 1], .mean = mean,
        .p95 = stats_percentile(v, n, 95), .p99 = stats_percentile(v, n, 99),
        .ci_low = v[low], .ci_high = v[high],
        .cv = mean > 0 ? deviation(v, n, mean) / mean : 0, .n = n,
    };
    free(v);
}

double stats_half_width(const struct stats *s)
{
    if (s->n < 6 || !(s->median > 0))
        return INFINITY;
    return (s->ci_high - s->ci_low) / 2 / s->median;
}

void stats_ratio(struct ratio *r, const double *theirs, const double *ours, size_t n)
{
    double *logs = rb_malloc(n * sizeof *logs);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (theirs[i] > 0 && ours[i] > 0)
            logs[m++] = log(theirs[i] / ours[i]);
    struct stats s;
    stats_of(&s, logs, m);
    free(logs);
    *r = (struct ratio){ exp(s.median), exp(s.ci_low), exp(s.ci_high) };
}

size_t stats_thin(double *to, const double *from, size_t n, size_t keep)
{
    if (n <= keep) {
        memmove(to, from, n * sizeof *to);
        return n;
    }
    for (size_t i = 0; i < keep; i++)
        to[i] = from[keep > 1 ? i * (n - 1) / (keep - 1) : 0];
    return keep;
}

double stats_geometric_mean(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += log(values[i]);
    return n > 0 ? exp(sum / (double)n) : (double)NAN;
}

double stats_spread(const double *values, size_t n)
{
    if (n == 0)
        return NAN;
    double *v = sorted_copy(values, n);
    const double median = stats_percentile(v, n, 50);
    for (size_t i = 0; i < n; i++)
        v[i] = fabs(v[i] - median);
    stats_sort(v, n);
    const double spread = 1.4826 * stats_percentile(v, n, 50);
    free(v);
    return spread;
}
