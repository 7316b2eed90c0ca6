/* report/compare_stats.h - the tests behind `ringbench compare`. Knows nothing of records.
 *
 * Mann-Whitney: H. B. Mann, D. R. Whitney, Ann. Math. Stat. 18 (1947) 50; two-sided. Exact for up to 20 values a side without
 * ties (the distribution of U is the Gaussian binomial), else normal with tie and continuity correction.
 * Welch: B. L. Welch, Biometrika 34 (1947) 28, on logarithms; the only one of the two that can say something of three runs a side:
 * the smallest p of a rank test of r against r is 2 / C(2r, r), 0.1 for three.
 * Cliff's delta: N. Cliff, Psych. Bull. 114 (1993) 494.
 * Holm: S. Holm, Scand. J. Stat. 6 (1979) 65. */
#ifndef RB_REPORT_COMPARE_STATS_H
#define RB_REPORT_COMPARE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values of one side; not sorted. */
struct sample {
    const double *values;
    size_t n;
};

/* Two-sided p of "a and b come from the same distribution". *exact_p may be NULL. 1 when a side is empty. */
double compare_mann_whitney(struct sample a, struct sample b, bool *exact_p);

/* P(b > a) - P(b < a) over all pairs, -1 .. 1; with times, positive means that b is slower. */
double compare_cliff_delta(struct sample a, struct sample b);

/* Two-sided p of "the logarithms of a and b have the same mean". A side of one value takes the variance of the other. Needs three
 * values in all, else NAN. Values must be positive. */
double compare_welch(struct sample a, struct sample b);

/* P(|T| > t) of Student's distribution. */
double compare_student(double t, double freedom);

/* Replaces n p-values by those that Holm's step-down rule allows to be held against alpha one by one. NANs are left out. */
void compare_holm(double *p, size_t n);

/* Of a copy; NAN for none. */
double compare_median(struct sample s);

/* Runs of a side: each has its samples, or only its median. */
struct side_runs {
    struct sample *runs;
    size_t n;
};
struct ratio_interval {
    double ratio, low, high; /* b / a, 95 % */
};
/* Ratio of the medians of the run medians. The interval is a bootstrap over samples, and over runs where a side has several.
 * Deterministic for a seed. Without any spread to resample low and high are NAN. */
struct ratio_interval compare_ratio(const struct side_runs *a, const struct side_runs *b, uint64_t seed);

#endif
