/* report/fit.h - what a curve says in two numbers a piece: t = alpha + beta * bytes.
 *
 * Bytes are those on the wire (curves_wire_bytes), so that 1/beta is the link's bandwidth whatever the algorithm.
 *
 * Line      weighted least squares on relative errors: the sum of ((t - alpha - beta x) / t)^2 is least. beta >= 0; alpha >= 0 in
 *           the first piece, later ones may have any (a curve that bends upwards has a negative intercept there).
 * Pieces    the best cut for every number of pieces by dynamic programming (Bellman 1961), at least FIT_SEGMENT_POINTS points a
 *           piece; the number k of pieces by the least N ln(RSS / (N - 2k)) + 4 (k - 1) ln N: a Bayes penalty in which another piece
 *           costs its line and, twice, its break, whose place is searched for. Relative errors under FIT_FLOOR count as
 *           FIT_FLOOR: no piece is won by noise. On straight lines with noise of 1 to 5 % this invents a break in at most 7 of
 *           100 curves of 6 to 10 sizes and 4 of 100 of more (measured). Where the errors are larger than FIT_POOR, as the noise
 *           of medians is not, the number with the least RSS / (N - 2k) is taken if that is lower by a quarter.
 * Intervals 95 %, by bootstrap with a fixed seed: the residuals, pooled over the curve and widened by the degrees of freedom, are
 *           drawn anew on the fitted times, and the median of a case's samples is drawn anew too; percentiles of FIT_REPLICAS
 *           such fits. The breaks are held where they are.
 * Refusals  fewer than FIT_POINTS sizes, or less than two decades between the smallest and the largest: `refused` says so.
 *
 * Across    where several numbers of ranks were run: t = a + hops * b + c * bytes, the same weights; for another number of ranks.
 *           b is 0 where the hops do not vary with the ranks.
 *
 * Units     microseconds, bytes, GB/s = 1e9 bytes per second one direction.
 * Ownership fits_free(); nothing is borrowed from the records. */
#ifndef RB_REPORT_FIT_H
#define RB_REPORT_FIT_H

#include "report/curves.h"

enum { FIT_POINTS = 4, FIT_SEGMENT_POINTS = 3, FIT_SEGMENTS = 5, FIT_REPLICAS = 400 };
#define FIT_DECADES 2.0
#define FIT_FLOOR 0.02
#define FIT_POOR 0.10 /* a fit that errs by more gives a trend, no numbers */

struct fit_line {
    double alpha_us, beta_us; /* beta: microseconds per byte */
};

struct fit_segment {
    double from, to; /* wire bytes: the smallest and the largest point of the piece */
    size_t points;
    struct fit_line line, low, high; /* low and high: ends of the 95 % interval, number by number */
    struct fit_line *replicas;       /* FIT_REPLICAS */
};

struct fit {
    struct record_case curve; /* names the curve; its numbers mean nothing and it has no samples */
    char refused[160];        /* "" or why there is no fit */
    size_t points;
    double from, to; /* wire bytes */
    struct fit_segment segments[FIT_SEGMENTS];
    size_t nsegments;
    double r2;                       /* weighted as the fit */
    double error_median, error_max; /* |measured - fitted| / measured */
};

/* One plane over several numbers of ranks. */
struct fit_across {
    struct record_case curve; /* ranks is the largest that was run */
    char refused[160];
    size_t points;
    int ranks_low, ranks_high;
    int hops_low, hops_high;
    double from, to;                        /* wire bytes */
    double a_us, b_us, c_us;                /* constant, per hop, per byte */
    double a_ci[2], b_ci[2], c_ci[2];       /* 95 % */
    double r2, error_median, error_max;
    double (*replicas)[3]; /* FIT_REPLICAS */
};

struct fits {
    struct fit *list; /* one a curve, in the order of the records */
    size_t count;
    struct fit_across *across;
    size_t nacross;
};

/* A time with its interval. */
struct fit_value {
    double us, low, high;
    bool extrapolated; /* outside what was measured */
};

void fits_make(struct fits *f, const struct records *r);
void fits_free(struct fits *f);

/* x[i] > 0 wire bytes, ascending; t[i] > 0 microseconds. sd[i]: relative standard error of t[i], or sd is NULL. Fills everything
 * but curve; fit_free() releases it. */
void fit_points(struct fit *fit, const double *x, const double *t, const double *sd, size_t n);
void fit_free(struct fit *fit);

/* Not for refused fits. The piece is the one whose points lie nearest, on a logarithmic scale. */
struct fit_value fit_predict(const struct fit *fit, double wire_bytes);
struct fit_value fit_across_predict(const struct fit_across *fit, int hops, double wire_bytes);
/* Of the piece at that size: GB/s one direction with its interval; .us is then GB/s. NAN where the time does not grow with size. */
struct fit_value fit_bandwidth(const struct fit *fit, double wire_bytes);

/* The fit of this curve, or NULL. */
const struct fit *fits_find(const struct fits *f, const struct record_case *curve);

/* New references: the records of kind "fit", forms "curve" and "across". */
json_t *fit_json(const struct fit *fit);
json_t *fit_across_json(const struct fit_across *fit);
/* One line each. */
int fits_write(FILE *out, const struct fits *f);

#endif
