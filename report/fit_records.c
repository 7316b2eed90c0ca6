/* The fits of a whole list of records, and their JSON. */
#include "report/fit.h"

#include "core/error.h"
#include "core/text.h"
#include "report/fit_line.h"

#include <math.h>
#include <stdlib.h>

/* Relative standard error of a median, from its 95 % interval; 0 when there is none. */
static double relative_error(const struct record_time *t)
{
    const double width = t->ci_high - t->ci_low;
    return isfinite(width) && width > 0 ? width / (2 * 1.96 * t->median) : 0;
}

static void fit_curve(struct fit *fit, const struct curve *c)
{
    double *x = rb_malloc(3 * c->npoints * sizeof *x), *t = x + c->npoints, *sd = t + c->npoints;
    for (size_t i = 0; i < c->npoints; i++) {
        x[i] = curves_wire_bytes(c->points[i]);
        t[i] = c->points[i]->time_us.median;
        sd[i] = relative_error(&c->points[i]->time_us);
    }
    *fit = (struct fit){ .curve = *c->points[0] };
    fit->curve.samples_us = NULL;
    fit->curve.nsamples = 0;
    fit_points(fit, x, t, sd, c->npoints);
    free(x);
}

void fits_make(struct fits *f, const struct records *r)
{
    struct curves c;
    curves_make(&c, r);
    *f = (struct fits){ .list = rb_calloc(c.count, sizeof *f->list), .count = c.count };
    for (size_t i = 0; i < c.count; i++)
        fit_curve(&f->list[i], &c.list[i]);
    fit_across_make(f, &c);
    curves_free(&c);
}

void fits_free(struct fits *f)
{
    for (size_t i = 0; i < f->count; i++)
        fit_free(&f->list[i]);
    for (size_t i = 0; i < f->nacross; i++)
        free(f->across[i].replicas);
    free(f->list);
    free(f->across);
    *f = (struct fits){0};
}

const struct fit *fits_find(const struct fits *f, const struct record_case *curve)
{
    for (size_t i = 0; i < f->count; i++)
        if (curves_same(&f->list[i].curve, curve))
            return &f->list[i];
    return NULL;
}

/* --- JSON --- */

static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *range(double low, double high)
{
    return json_pack("[o, o]", number(low), number(high));
}

static json_t *names(const struct record_case *c, const char *form)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "form", form, "collective", c->collective, "algorithm", c->algorithm, "transport", c->transport);
    json_object_set_new(j, "baseline", c->baseline[0] != '\0' ? json_string(c->baseline) : json_false());
    json_t *rest = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:i, s:b}", "label", c->label, "evidence", c->evidence, "gpu", c->gpu,
                             "source", c->source, "ranks", c->ranks, "nodes", c->nodes, "servers", c->servers, "type", c->type, "op", c->op,
                             "root", c->root, "in_place", c->in_place);
    json_object_update(j, rest);
    json_decref(rest);
    return j;
}

static json_t *refused_json(const char *why)
{
    return why[0] != '\0' ? json_string(why) : json_null();
}

static json_t *segment_json(const struct fit_segment *g)
{
    json_t *j = json_object();
    json_object_set_new(j, "from_bytes", number(g->from));
    json_object_set_new(j, "to_bytes", number(g->to));
    json_object_set_new(j, "points", json_integer((json_int_t)g->points));
    json_object_set_new(j, "alpha_us", number(g->line.alpha_us));
    json_object_set_new(j, "alpha_us_ci95", range(g->low.alpha_us, g->high.alpha_us));
    json_object_set_new(j, "beta_us_per_byte", number(g->line.beta_us));
    json_object_set_new(j, "beta_us_per_byte_ci95", range(g->low.beta_us, g->high.beta_us));
    json_object_set_new(j, "GBps", number(1e-3 / g->line.beta_us));
    json_object_set_new(j, "GBps_ci95", range(1e-3 / g->high.beta_us, 1e-3 / g->low.beta_us));
    return j;
}

static void add_quality(json_t *j, double r2, double error_median, double error_max)
{
    json_object_set_new(j, "r2", number(r2));
    json_object_set_new(j, "error_median", number(error_median));
    json_object_set_new(j, "error_max", number(error_max));
}

json_t *fit_json(const struct fit *fit)
{
    json_t *j = names(&fit->curve, "curve");
    json_object_set_new(j, "points", json_integer((json_int_t)fit->points));
    json_object_set_new(j, "refused", refused_json(fit->refused));
    if (fit->refused[0] != '\0')
        return j;
    json_object_set_new(j, "wire_bytes", range(fit->from, fit->to));
    json_t *pieces = json_array(), *breaks = json_array();
    for (size_t s = 0; s < fit->nsegments; s++) {
        json_array_append_new(pieces, segment_json(&fit->segments[s]));
        if (s > 0)
            json_array_append_new(breaks, range(fit->segments[s - 1].to, fit->segments[s].from));
    }
    json_object_set_new(j, "breaks_bytes", breaks);
    json_object_set_new(j, "segments", pieces);
    add_quality(j, fit->r2, fit->error_median, fit->error_max);
    return j;
}

json_t *fit_across_json(const struct fit_across *fit)
{
    json_t *j = names(&fit->curve, "across");
    json_object_set_new(j, "points", json_integer((json_int_t)fit->points));
    json_object_set_new(j, "refused", refused_json(fit->refused));
    json_object_set_new(j, "ranks_from", json_integer(fit->ranks_low));
    json_object_set_new(j, "ranks_to", json_integer(fit->ranks_high));
    if (fit->refused[0] != '\0')
        return j;
    json_object_set_new(j, "hops", json_pack("[i, i]", fit->hops_low, fit->hops_high));
    json_object_set_new(j, "wire_bytes", range(fit->from, fit->to));
    json_object_set_new(j, "a_us", number(fit->a_us));
    json_object_set_new(j, "a_us_ci95", range(fit->a_ci[0], fit->a_ci[1]));
    json_object_set_new(j, "b_us_per_hop", number(fit->b_us));
    json_object_set_new(j, "b_us_per_hop_ci95", range(fit->b_ci[0], fit->b_ci[1]));
    json_object_set_new(j, "c_us_per_byte", number(fit->c_us));
    json_object_set_new(j, "c_us_per_byte_ci95", range(fit->c_ci[0], fit->c_ci[1]));
    add_quality(j, fit->r2, fit->error_median, fit->error_max);
    return j;
}

static int write_new(FILE *out, json_t *object)
{
    const int rc = records_put_json(out, "fit", object);
    json_decref(object);
    return rc;
}

int fits_write(FILE *out, const struct fits *f)
{
    for (size_t i = 0; i < f->count; i++)
        RB_TRY(write_new(out, fit_json(&f->list[i])));
    for (size_t i = 0; i < f->nacross; i++)
        RB_TRY(write_new(out, fit_across_json(&f->across[i])));
    return RB_OK;
}
