/* What a suite prints and records. Every line begins with #: parsers of the tables above look past them. */
#include "workload/suite.h"

#include "core/units.h"
#include "workload/samples.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct workload_parts parts_of(const double sec[PLAY_MODES])
{
    struct workload_parts p = { .compute = fmin(sec[PLAY_COMPUTE], sec[PLAY_ALL]) };
    p.waiting = fmin(fmax(sec[PLAY_TOKENS] - sec[PLAY_COMPUTE], 0), sec[PLAY_ALL] - p.compute);
    p.exposed = sec[PLAY_ALL] - p.compute - p.waiting;
    p.hidden = fmax(sec[PLAY_CALLS] - p.exposed, 0);
    return p;
}

void result_note(struct workload_result *r, const char *format, ...)
{
    const size_t used = strlen(r->note);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->note + used, sizeof r->note - used, format, arguments);
    va_end(arguments);
}

struct workload_error result_error(const struct workload_result *r)
{
    const double *p = r->predicted, *m = r->measured;
    struct workload_error e = { .relative = (p[PLAY_ALL] - m[PLAY_ALL]) / m[PLAY_ALL], .compute = p[PLAY_COMPUTE] - m[PLAY_COMPUTE],
                                .calls = p[PLAY_CALLS] - m[PLAY_CALLS] };
    e.overlap = p[PLAY_ALL] - m[PLAY_ALL] - e.compute - e.calls;
    const double c = fabs(e.compute), k = fabs(e.calls), o = fabs(e.overlap);
    e.worst = c >= k && c >= o ? "compute" : k >= o ? "communication" : "overlap";
    return e;
}

/* "2 x 1 x 4" */
static const char *grid_text(char text[48], const struct grid *g)
{
    snprintf(text, 48, "%dx%dx%d", g->size[AXIS_TENSOR], g->size[AXIS_PIPELINE], g->size[AXIS_DATA]);
    return text;
}

void suite_print_head(const struct workload_suite *s)
{
    const struct workload_model *m = &s->setup.model;
    if (s->out == NULL)
        return;
    fprintf(s->out, "#\n# Workloads: %s, --scale %g: %d layers, hidden %d, feed-forward %d, %d tokens a micro-batch of a rank, %.4g million weights\n",
            m->preset->name, m->scale, m->layers, m->hidden, m->ffn, m->tokens, (double)model_params(m) / 1e6);
    fprintf(s->out, "# Compute: %s, %.3g GFLOP/s a rank, %s%s%s%s\n", s->compute.ops->summary, s->compute.flops / 1e9,
            s->products != NULL ? s->numbers : "floats", s->compute.why != NULL ? " (" : "", s->compute.why != NULL ? s->compute.why : "", s->compute.why != NULL ? ")" : "");
    fprintf(s->out, "# %-18s %8s %10s %10s %11s %11s %8s %11s %11s %11s %11s\n", "name", "TxPxD", "MB moved", "formula", "predicted", "measured", "error",
            "compute", "waiting", "exposed", "hidden");
    fprintf(s->out, "# %-18s %8s %10s %10s %11s %11s %8s %11s %11s %11s %11s\n", "", "", "all ranks", "MB", "ms", "ms", "%", "ms", "ms", "ms", "ms");
    fflush(s->out);
}

static void explain(FILE *out, const struct workload_result *r)
{
    const struct workload_error e = result_error(r);
    const double *p = r->predicted, *m = r->measured;
    if (fabs(e.relative) <= SUITE_TOLERANCE || r->variant[0] != '\0')
        return;
    fprintf(out, "#   %s is off by %+.0f %%, most of it %s. Alone, predicted / measured: compute %.3g / %.3g ms, calls %.3g / %.3g ms; overlap accounts for %+.3g ms\n",
            r->workload->name, e.relative * 100, e.worst, p[PLAY_COMPUTE] * 1e3, m[PLAY_COMPUTE] * 1e3, p[PLAY_CALLS] * 1e3, m[PLAY_CALLS] * 1e3,
            e.overlap * 1e3);
}

void suite_print_result(const struct workload_suite *s, const struct workload_result *r)
{
    char grid[48];
    if (s->out == NULL || r->workload->run != NULL)
        return;
    if (r->skipped != NULL) {
        fprintf(s->out, "# %-18s not run: %s\n", r->workload->name, r->skipped);
        return;
    }
    const struct workload_parts parts = parts_of(r->measured);
    fprintf(s->out, "# %-18s %8s %10.4g %10.4g %11.4g %11.4g %+8.1f %11.4g %11.4g %11.4g %11.4g%s\n", r->variant[0] != '\0' ? r->variant : r->workload->name, grid_text(grid, &r->grid),
            (double)(r->traffic.total + r->traffic.copied) / 1e6, r->formula / 1e6, r->predicted[PLAY_ALL] * 1e3, r->measured[PLAY_ALL] * 1e3,
            result_error(r).relative * 100, parts.compute * 1e3, parts.waiting * 1e3, parts.exposed * 1e3, parts.hidden * 1e3,
            r->wrong > 0 ? " WRONG" : "");
    fputs(r->note, s->out);
    explain(s->out, r);
    fflush(s->out);
}

void suite_print_end(const struct workload_suite *s, const double *errors, size_t n)
{
    if (s->out == NULL || n == 0)
        return;
    fprintf(s->out, "# Prediction: median error %.1f %% over %zu workload%s; a call needs %.0f %% of its length from %s that computes (measured)\n",
            samples_median(errors, n) * 100, n, n == 1 ? "" : "s", s->prices.core_share * 100, s->products != NULL ? "the GPU" : "the core");
    fflush(s->out);
}

json_t *modes_json(const double sec[PLAY_MODES])
{
    const struct workload_parts p = parts_of(sec);
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "step_us", sec[PLAY_ALL] * 1e6, "compute_us", p.compute * 1e6, "waiting_us", p.waiting * 1e6,
                     "exposed_us", p.exposed * 1e6, "hidden_us", p.hidden * 1e6, "calls_us", sec[PLAY_CALLS] * 1e6);
}

static json_t *model_json(const struct workload_suite *s)
{
    const struct workload_model *m = &s->setup.model;
    return json_pack("{s:s, s:f, s:i, s:i, s:i, s:i, s:I}", "name", m->preset->name, "scale", m->scale, "layers", m->layers, "hidden", m->hidden, "ffn", m->ffn,
                     "tokens", m->tokens, "params", (json_int_t)model_params(m));
}

static void add_measured(json_t *o, const struct workload_suite *s, const struct workload_result *r)
{
    const struct workload_error e = result_error(r);
    json_t *samples = json_array();
    for (size_t i = 0; i < r->nsamples; i++)
        json_array_append_new(samples, json_real(r->samples[i] * 1e6));
    json_object_set_new(o, "per", json_string(r->workload->per));
    json_object_set_new(o, "bytes", json_integer((json_int_t)(r->traffic.total + r->traffic.copied)));
    json_object_set_new(o, "formula_bytes", json_real(r->formula));
    json_object_set_new(o, "busiest_bytes", json_integer((json_int_t)r->traffic.busiest_egress));
    json_object_set_new(o, "flop", json_real(r->traffic.flop));
    json_object_set_new(o, "predicted", modes_json(r->predicted));
    json_object_set_new(o, "measured", modes_json(r->measured));
    json_object_set_new(o, "error", json_real(e.relative));
    json_object_set_new(o, "worst_term", json_string(e.worst));
    json_object_set_new(o, "core_share", json_real(s->prices.core_share));
    json_object_set_new(o, "wrong", json_integer((json_int_t)r->wrong));
    json_object_set_new(o, "samples_us", samples);
}

json_t *result_json(const struct workload_suite *s, const struct workload_result *r)
{
    char grid[48];
    json_t *o = json_object();
    json_object_set_new(o, "name", json_string(r->workload->name));
    json_object_set_new(o, "variant", json_string(r->variant));
    json_object_set_new(o, "ranks", json_integer(s->job->nranks));
    json_object_set_new(o, "transport", json_string(comm_transport(s->all)));
    json_object_set_new(o, "grid", json_string(grid_text(grid, &r->grid)));
    json_object_set_new(o, "model", model_json(s));
    json_object_set_new(o, "compute", json_string(s->compute.ops->name));
    if (r->skipped != NULL)
        json_object_set_new(o, "skipped", json_string(r->skipped));
    else if (r->workload->run == NULL)
        add_measured(o, s, r);
    if (r->more != NULL)
        json_object_update(o, r->more);
    return o;
}
