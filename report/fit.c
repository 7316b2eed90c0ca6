#include "report/fit.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "report/fit_line.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 20 };

static bool refuse(struct fit *fit, const double *x, size_t n)
{
    size_t sizes = n > 0;
    for (size_t i = 1; i < n; i++)
        sizes += x[i] > x[i - 1];
    char from[UNITS_TEXT], to[UNITS_TEXT];
    if (sizes < FIT_POINTS)
        snprintf(fit->refused, sizeof fit->refused, "%zu size%s; at least %d are needed", sizes, sizes == 1 ? "" : "s", FIT_POINTS);
    else if (log10(x[n - 1] / x[0]) < FIT_DECADES - 1e-9)
        snprintf(fit->refused, sizeof fit->refused, "sizes from %s to %s; two decades are needed", units_bytes(from, (uint64_t)x[0]),
                 units_bytes(to, (uint64_t)x[n - 1]));
    return fit->refused[0] != '\0';
}

static double at(struct fit_line l, double x)
{
    return l.alpha_us + l.beta_us * x;
}

static void fit_segments(struct fit *fit, const struct points *p)
{
    size_t ends[FIT_SEGMENTS];
    fit->nsegments = fit_cut(p, ends);
    for (size_t s = 0, begin = 0; s < fit->nsegments; begin = ends[s++]) {
        struct fit_segment *g = &fit->segments[s];
        *g = (struct fit_segment){ .from = p->x[begin], .to = p->x[ends[s] - 1], .points = ends[s] - begin };
        g->line = fit_line_solve(p->x + begin, p->t + begin, g->points, s > 0);
        g->replicas = rb_malloc(FIT_REPLICAS * sizeof *g->replicas);
    }
}

/* fitted[i] and the relative residual of every point. */
static void residuals(const struct fit *fit, const struct points *p, double *fitted, double *errors)
{
    for (size_t s = 0, i = 0; s < fit->nsegments; s++)
        for (size_t end = i + fit->segments[s].points; i < end; i++) {
            fitted[i] = at(fit->segments[s].line, p->x[i]);
            errors[i] = (p->t[i] - fitted[i]) / p->t[i];
        }
}

static void quality(struct fit *fit, const struct points *p, const double *fitted)
{
    double weights = 0, mean = 0, left = 0, all = 0;
    for (size_t i = 0; i < p->n; i++) {
        weights += 1 / (p->t[i] * p->t[i]);
        mean += 1 / p->t[i];
    }
    mean /= weights;
    double *sizes = rb_malloc(p->n * sizeof *sizes);
    for (size_t i = 0; i < p->n; i++) {
        sizes[i] = fabs(p->t[i] - fitted[i]) / p->t[i];
        left += sizes[i] * sizes[i];
        all += pow((p->t[i] - mean) / p->t[i], 2);
    }
    fit->r2 = all > 0 ? 1 - left / all : NAN;
    fit->error_median = fit_quantile(sizes, p->n, 0.5);
    fit->error_max = sizes[p->n - 1];
    free(sizes);
}

/* Times as they might have come out: the fitted ones with other residuals, and medians of other samples. */
static void redraw(struct dice *d, const struct points *p, const double *fitted, const double *errors, double *out)
{
    for (size_t i = 0; i < p->n; i++)
        out[i] = fmax(fitted[i] * (1 + errors[dice_below(d, p->n)]), 0.01 * p->t[i]);
}

static void bootstrap(struct fit *fit, const struct points *p, const double *sd, const double *fitted, double *errors)
{
    const size_t parameters = 2 * fit->nsegments, freedom = p->n > parameters ? p->n - parameters : 1;
    const double widen = sqrt((double)p->n / (double)freedom) * fit_student_factor(freedom);
    for (size_t i = 0; i < p->n; i++)
        errors[i] *= widen;
    struct dice d = { SEED };
    double *t = rb_malloc(p->n * sizeof *t);
    for (size_t k = 0; k < FIT_REPLICAS; k++) {
        redraw(&d, p, fitted, errors, t);
        for (size_t i = 0; sd != NULL && i < p->n; i++)
            t[i] *= fmax(1 + sd[i] * dice_normal(&d), 0.01);
        for (size_t s = 0, begin = 0; s < fit->nsegments; begin += fit->segments[s++].points)
            fit->segments[s].replicas[k] = fit_line_solve(p->x + begin, t + begin, fit->segments[s].points, s > 0);
    }
    free(t);
}

/* The percentiles; the estimate itself always lies inside. */
static void interval(double *values, double estimate, double *low_p, double *high_p)
{
    const double low = fit_quantile(values, FIT_REPLICAS, 0.025);
    *low_p = fmin(low, estimate);
    *high_p = fmax(fit_quantile(values, FIT_REPLICAS, 0.975), estimate);
}

static void segment_intervals(struct fit_segment *g)
{
    double values[FIT_REPLICAS];
    for (size_t k = 0; k < FIT_REPLICAS; k++)
        values[k] = g->replicas[k].alpha_us;
    interval(values, g->line.alpha_us, &g->low.alpha_us, &g->high.alpha_us);
    for (size_t k = 0; k < FIT_REPLICAS; k++)
        values[k] = g->replicas[k].beta_us;
    interval(values, g->line.beta_us, &g->low.beta_us, &g->high.beta_us);
}

void fit_points(struct fit *fit, const double *x, const double *t, const double *sd, size_t n)
{
    fit->points = n;
    fit->refused[0] = '\0';
    fit->nsegments = 0;
    if (refuse(fit, x, n))
        return;
    const struct points p = { x, t, n };
    double *fitted = rb_malloc(2 * n * sizeof *fitted), *errors = fitted + n;
    fit->from = x[0];
    fit->to = x[n - 1];
    fit_segments(fit, &p);
    residuals(fit, &p, fitted, errors);
    quality(fit, &p, fitted);
    bootstrap(fit, &p, sd, fitted, errors);
    for (size_t s = 0; s < fit->nsegments; s++)
        segment_intervals(&fit->segments[s]);
    free(fitted);
}

void fit_free(struct fit *fit)
{
    for (size_t s = 0; s < fit->nsegments; s++)
        free(fit->segments[s].replicas);
    fit->nsegments = 0;
}

static const struct fit_segment *segment_at(const struct fit *fit, double x)
{
    size_t s = 0;
    while (s + 1 < fit->nsegments && x * x > fit->segments[s].to * fit->segments[s + 1].from)
        s++;
    return &fit->segments[s];
}

struct fit_value fit_predict(const struct fit *fit, double wire_bytes)
{
    const struct fit_segment *g = segment_at(fit, wire_bytes);
    struct fit_value v = { .us = at(g->line, wire_bytes), .extrapolated = wire_bytes < fit->from || wire_bytes > fit->to };
    double values[FIT_REPLICAS];
    for (size_t k = 0; k < FIT_REPLICAS; k++)
        values[k] = at(g->replicas[k], wire_bytes);
    interval(values, v.us, &v.low, &v.high);
    return v;
}

static double GBps(double beta_us)
{
    return beta_us > 0 ? 1e-3 / beta_us : NAN;
}

struct fit_value fit_bandwidth(const struct fit *fit, double wire_bytes)
{
    const struct fit_segment *g = segment_at(fit, wire_bytes);
    return (struct fit_value){ .us = GBps(g->line.beta_us), .low = GBps(g->high.beta_us), .high = GBps(g->low.beta_us),
                               .extrapolated = wire_bytes < fit->from || wire_bytes > fit->to };
}
