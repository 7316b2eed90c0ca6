#include "report/fit.h"

#include "core/text.h"
#include "report/fit_line.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 21, FIT_ACROSS_POINTS = 6 };

struct plane_point {
    double hops, x, t;
};

static bool solve_line(const struct plane_point *p, size_t n, double out[3])
{
    struct fit_sums s = {0};
    double rss;
    for (size_t i = 0; i < n; i++)
        fit_sums_add(&s, p[i].x, p[i].t);
    const struct fit_line l = fit_sums_solve(&s, true, &rss);
    out[0] = l.alpha_us;
    out[1] = 0;
    out[2] = l.beta_us;
    return true;
}

/* Relative least squares of t = a + b hops + c x; with one number of hops b is held at 0. False: the points do not tell them apart. */
static bool solve(const struct fit_across *f, const struct plane_point *p, double out[3])
{
    const size_t n = f->points;
    if (f->hops_low == f->hops_high)
        return solve_line(p, n, out);
    double a[3][3] = {{0}}, b[3] = {0};
    for (size_t i = 0; i < n; i++) {
        const double row[3] = { 1 / p[i].t, p[i].hops / p[i].t, p[i].x / p[i].t };
        for (int j = 0; j < 3; j++) {
            b[j] += row[j];
            for (int k = 0; k < 3; k++)
                a[j][k] += row[j] * row[k];
        }
    }
    return fit_solve3(a, b, out);
}

static double at(const double abc[3], double hops, double x)
{
    return abc[0] + abc[1] * hops + abc[2] * x;
}

static void quality(struct fit_across *f, const struct plane_point *p, double *errors)
{
    const double abc[3] = { f->a_us, f->b_us, f->c_us };
    double weights = 0, mean = 0, left = 0, all = 0;
    double *sizes = rb_malloc(f->points * sizeof *sizes);
    for (size_t i = 0; i < f->points; i++) {
        weights += 1 / (p[i].t * p[i].t);
        mean += 1 / p[i].t;
        errors[i] = 1 - at(abc, p[i].hops, p[i].x) / p[i].t;
        sizes[i] = fabs(errors[i]);
        left += errors[i] * errors[i];
    }
    for (size_t i = 0; i < f->points; i++)
        all += pow(1 - mean / weights / p[i].t, 2);
    f->r2 = all > 0 ? 1 - left / all : NAN;
    f->error_median = fit_quantile(sizes, f->points, 0.5);
    f->error_max = sizes[f->points - 1];
    free(sizes);
}

static void bootstrap(struct fit_across *f, const struct plane_point *p, const double *errors)
{
    const double abc[3] = { f->a_us, f->b_us, f->c_us };
    const double widen = sqrt((double)f->points / (double)(f->points - 3)) * fit_student_factor(f->points - 3);
    struct plane_point *q = rb_malloc(f->points * sizeof *q);
    struct dice d = { SEED };
    for (size_t k = 0; k < FIT_REPLICAS; k++) {
        for (size_t i = 0; i < f->points; i++) {
            q[i] = p[i];
            q[i].t = fmax(at(abc, p[i].hops, p[i].x) * (1 + widen * errors[dice_below(&d, f->points)]), 0.01 * p[i].t);
        }
        if (!solve(f, q, f->replicas[k]))
            memcpy(f->replicas[k], abc, sizeof abc);
    }
    free(q);
}

static void interval(const struct fit_across *f, int which, double estimate, double ci[2])
{
    double values[FIT_REPLICAS];
    for (size_t k = 0; k < FIT_REPLICAS; k++)
        values[k] = f->replicas[k][which];
    ci[0] = fmin(fit_quantile(values, FIT_REPLICAS, 0.025), estimate);
    ci[1] = fmax(fit_quantile(values, FIT_REPLICAS, 0.975), estimate);
}

static const char *refusal(const struct fit_across *f)
{
    if (f->hops_low == 0)
        return "the number of messages one after the other is not known";
    return f->points < FIT_ACROSS_POINTS ? "too few points" : NULL;
}

static void fit_plane(struct fit_across *f, const struct plane_point *p)
{
    double abc[3];
    const char *why = refusal(f);
    if (why == NULL && !solve(f, p, abc))
        why = "the points do not tell the constant, the hops and the bytes apart";
    if (why != NULL) {
        snprintf(f->refused, sizeof f->refused, "%s", why);
        return;
    }
    f->a_us = abc[0];
    f->b_us = abc[1];
    f->c_us = abc[2];
    f->replicas = rb_malloc(FIT_REPLICAS * sizeof *f->replicas);
    double *errors = rb_malloc(f->points * sizeof *errors);
    quality(f, p, errors);
    bootstrap(f, p, errors);
    free(errors);
    interval(f, 0, f->a_us, f->a_ci);
    interval(f, 1, f->b_us, f->b_ci);
    interval(f, 2, f->c_us, f->c_ci);
}

static bool same_but_ranks(const struct record_case *a, const struct record_case *b)
{
    struct record_case c = *b;
    c.ranks = a->ranks;
    return curves_same(a, &c);
}

/* Takes the points of one curve into the plane's. */
static void gather(struct fit_across *f, const struct curve *c, struct plane_point **p)
{
    *p = rb_realloc(*p, (f->points + c->npoints) * sizeof **p);
    for (size_t i = 0; i < c->npoints; i++) {
        const struct record_case *r = c->points[i];
        const double x = curves_wire_bytes(r);
        (*p)[f->points++] = (struct plane_point){ r->hops, x, r->time_us.median };
        f->from = fmin(f->from, x);
        f->to = fmax(f->to, x);
        f->hops_low = r->hops < f->hops_low ? r->hops : f->hops_low;
        f->hops_high = r->hops > f->hops_high ? r->hops : f->hops_high;
    }
    if (c->points[0]->ranks > f->ranks_high)
        f->curve = *c->points[0];
    f->ranks_low = c->points[0]->ranks < f->ranks_low ? c->points[0]->ranks : f->ranks_low;
    f->ranks_high = c->points[0]->ranks > f->ranks_high ? c->points[0]->ranks : f->ranks_high;
}

static bool is_first_of_its_kind(const struct curves *c, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (same_but_ranks(c->list[j].points[0], c->list[i].points[0]))
            return false;
    return true;
}

void fit_across_make(struct fits *f, const struct curves *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!is_first_of_its_kind(c, i))
            continue;
        struct fit_across a = { .from = INFINITY, .ranks_low = INT_MAX, .hops_low = INT_MAX };
        struct plane_point *p = NULL;
        for (size_t j = i; j < c->count; j++)
            if (same_but_ranks(c->list[i].points[0], c->list[j].points[0]))
                gather(&a, &c->list[j], &p);
        if (a.ranks_low < a.ranks_high) {
            a.curve.samples_us = NULL;
            a.curve.nsamples = 0;
            fit_plane(&a, p);
            f->across = rb_realloc(f->across, (f->nacross + 1) * sizeof *f->across);
            f->across[f->nacross++] = a;
        }
        free(p);
    }
}

struct fit_value fit_across_predict(const struct fit_across *fit, int hops, double wire_bytes)
{
    const double abc[3] = { fit->a_us, fit->b_us, fit->c_us };
    double values[FIT_REPLICAS];
    for (size_t k = 0; k < FIT_REPLICAS; k++)
        values[k] = at(fit->replicas[k], hops, wire_bytes);
    struct fit_value v = { .us = at(abc, hops, wire_bytes) };
    v.low = fmin(fit_quantile(values, FIT_REPLICAS, 0.025), v.us);
    v.high = fmax(fit_quantile(values, FIT_REPLICAS, 0.975), v.us);
    v.extrapolated = hops < fit->hops_low || hops > fit->hops_high || wire_bytes < fit->from || wire_bytes > fit->to;
    return v;
}
