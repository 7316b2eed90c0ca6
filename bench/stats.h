/* bench/stats.h - what a list of samples says. Knows nothing of what was measured.
 *
 * Units    those of the samples. A sample list must not be empty unless said otherwise.
 * Threads  any; nothing is shared. */
#ifndef RB_BENCH_STATS_H
#define RB_BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

struct stats {
    double median, min, max, mean, p95, p99;
    double ci_low, ci_high; /* 95 % interval of the median */
    double cv;              /* standard deviation / mean */
    size_t n;
};

/* Sorts a copy; samples stay in order. n = 0 gives NANs. */
void stats_of(struct stats *s, const double *samples, size_t n);

/* Sorts in place, ascending. */
void stats_sort(double *values, size_t n);
/* Percentile of sorted values by linear interpolation between the closest ranks, p in 0 .. 100. */
double stats_percentile(const double *sorted, size_t n, double p);

/* Ranks (from 0) of the order statistics that enclose the median with at least 95 % confidence: the binomial interval,
 * exact up to n = 60, n/2 -+ 0.98 sqrt(n) beyond. Under n = 6 no pair reaches 95 %: the whole range is returned. */
void stats_median_ranks(size_t n, size_t *low_p, size_t *high_p);
/* Half the width of the interval, relative to the median; infinite under n = 6. */
double stats_half_width(const struct stats *s);

/* Paired ratio: the median of theirs[i] / ours[i] and its 95 % interval (of the medians of logarithms, so that a ratio and
 * its inverse agree). NANs when n = 0. */
struct ratio {
    double median, low, high;
};
void stats_ratio(struct ratio *r, const double *theirs, const double *ours, size_t n);

/* At most `keep` of n samples, evenly spread, first and last included; returns how many. to may be from. */
size_t stats_thin(double *to, const double *from, size_t n, size_t keep);

double stats_geometric_mean(const double *values, size_t n);
/* Median absolute deviation from the median, times 1.4826: a standard deviation that outliers cannot move. */
double stats_spread(const double *values, size_t n);

#endif
