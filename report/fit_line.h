/* report/fit_line.h - the arithmetic under fit.h: weighted lines, the best cut into pieces, reproducible random numbers.
 *
 * Knows no records. Private to fit*.c. */
#ifndef RB_REPORT_FIT_LINE_H
#define RB_REPORT_FIT_LINE_H

#include "report/fit.h"

struct points {
    const double *x, *t;
    size_t n;
};

/* Sums of u = 1/t and v = x/t: what the normal equations of a relative fit need. */
struct fit_sums {
    double n, u, v, uu, uv, vv;
};

void fit_sums_add(struct fit_sums *s, double x, double t);
/* free_alpha: alpha may be negative. *rss_p: sum of squared relative errors. */
struct fit_line fit_sums_solve(const struct fit_sums *s, bool free_alpha, double *rss_p);
struct fit_line fit_line_solve(const double *x, const double *t, size_t n, bool free_alpha);

/* ends[i]: index behind the last point of piece i. Returns the number of pieces, 1 .. FIT_SEGMENTS. */
size_t fit_cut(const struct points *p, size_t ends[FIT_SEGMENTS]);

/* Solves the symmetric 3 x 3 system a x = b; false when it is singular. */
bool fit_solve3(double a[3][3], double b[3], double x[3]);

/* Deterministic: splitmix64 (Steele, Lea, Flood 2014). */
struct dice {
    uint64_t state;
};
double dice_uniform(struct dice *d); /* [0, 1) */
size_t dice_below(struct dice *d, size_t n);
double dice_normal(struct dice *d); /* standard, Box-Muller */

/* Two-sided 95 % quantile of Student's t over that of the normal distribution. */
double fit_student_factor(size_t freedom);
/* Sorts values in place and returns the q-quantile, linear between neighbours. */
double fit_quantile(double *values, size_t n, double q);

/* Adds to f->across one fit for every curve that was run with several numbers of ranks. */
void fit_across_make(struct fits *f, const struct curves *c);

#endif
