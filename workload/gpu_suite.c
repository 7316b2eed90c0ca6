#include "workload/gpu_suite.h"

#include "collectives/device/gpu_queue.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "workload/gpu_beside.h"
#include "workload/gpu_prices.h"
#include "workload/gpu_rates.h"
#include "workload/predict.h"
#include "workload/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double GIGA = 1e9, TERA = 1e12, MICRO = 1e-6, MILLI = 1e-3;
static const double LAUNCH_BOUND = 0.5; /* a step whose queueing takes a larger share of it may be the host's */

bool gpu_suite_can(const struct workload_settings *s)
{
    bool can = s->names != NULL && strcmp(s->names, "all") != 0 && (strcmp(s->compute, "auto") == 0 || strcmp(s->compute, "cublas") == 0);
    char *copy = rb_strdup(s->names != NULL ? s->names : ""), *at = copy;
    for (char *word; can && (word = strsep(&at, ",")) != NULL;) {
        const struct workload *w = NULL;
        for (size_t i = 0; i < workload_count; i++)
            w = strcmp(workloads[i]->name, word) == 0 ? workloads[i] : w;
        can = w != NULL && w->gpu;
    }
    free(copy);
    return can;
}

int gpu_suite_type(const struct workload_settings *s, enum cublas_type *type_p)
{
    for (int t = 0; t < CUBLAS_TYPES; t++)
        if (strcmp(s->compute_type, cublas_type_names[t]) == 0) {
            *type_p = (enum cublas_type)t;
            return RB_OK;
        }
    const char *near = text_nearest(s->compute_type, cublas_type_names, CUBLAS_TYPES);
    return rb_fail(RB_EUSAGE, "--compute-type %s: no such type; did you mean %s?", s->compute_type, near != NULL ? near : cublas_type_names[0]);
}

struct workload_model gpu_suite_model(const struct workload_suite *s, const struct preset *preset)
{
    return gpu_model(preset, s->settings.scale, s->job->nranks, s->products->type);
}

/* What a rank multiplies, for the header. */
static int measure_rate(struct workload_suite *s)
{
    const struct preset *preset;
    struct gpu_rate rate;
    RB_TRY(preset_find(s->settings.model, &preset));
    const struct workload_model m = gpu_suite_model(s, preset);
    RB_TRY(gpu_rate_measure(&rate, s->products, &m));
    s->compute.flops = rate.all;
    return RB_OK;
}

int gpu_suite_open(struct workload_suite *s)
{
    extern const struct compute_ops compute_cublas;
    struct gpu_products_setup setup = { .library = s->settings.cublas };
    if (s->job->nnodes > 1)
        return s->job->rank == 0 ? rb_fail(RB_ENOTIMPL, "--workload on GPUs: ranks of one machine only") : RB_ENOTIMPL;
    RB_TRY(gpu_suite_type(&s->settings, &setup.type));
    RB_TRY(gpu_products_open(&s->products, comm_gang(s->all), &setup));
    s->compute.ops = &compute_cublas;
    snprintf(s->numbers, sizeof s->numbers, "%s, cuBLAS %s, %s", cublas_type_names[setup.type], s->products->version, s->products->how);
    return measure_rate(s);
}

/* After other failures work may still be queued on what would be freed; the process ends then. */
static bool is_idle(int result)
{
    return result == RB_OK || result == RB_EUSAGE || result == RB_ENOTIMPL;
}

void gpu_suite_close(struct workload_suite *s, int result)
{
    if (!is_idle(result))
        return;
    gpu_products_close(s->products);
    s->products = NULL;
}

/* --- measuring --- */

struct gpu_run {
    struct program *programs;
    struct program *mine;
    struct gpu_player *player;
    struct gpu_made made[GPU_MAKERS]; /* 0: by us */
    int nmade;
};

/* Optimiser and copies are not played: the prediction must not have them either. */
static void strip(struct program *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->nactions; i++)
        if (p->actions[i].kind != ACTION_UPDATE && p->actions[i].kind != ACTION_COPY)
            p->actions[n++] = p->actions[i];
    p->nactions = n;
}

static int go_on(struct workload_suite *s, double start, size_t n, bool *more_p)
{
    const double spent = clock_sec() - start;
    double more = n < SUITE_SAMPLES && (spent < s->settings.budget || (n < SUITE_FEWEST && spent < SUITE_PATIENCE * s->settings.budget));
    RB_TRY(job_broadcast(s->job, &more, sizeof more, 0));
    *more_p = more > 0;
    if (s->config.heartbeat != NULL)
        heartbeat_beat(s->config.heartbeat);
    return RB_OK;
}

/* Those of the others who can make this program's calls. */
static int add_makers(struct workload_suite *s, struct gpu_run *o)
{
    o->nmade = 1;
    for (size_t i = 0; i < s->nrivals && o->mine->ncalls > 0; i++) {
        struct gpu_made *m = &o->made[o->nmade];
        const char *why = gpu_beside_lack(s, &s->rivals[i], o->mine);
        if (why != NULL)
            continue;
        m->rival = &s->rivals[i];
        RB_TRY(gpu_player_add(o->player, s->rivals[i].open, &m->maker));
        o->nmade++;
    }
    return RB_OK;
}

static int step(struct gpu_run *o, struct gpu_made *m, size_t sample)
{
    gpu_player_choose(o->player, m->maker);
    for (int mode = 0; mode < PLAY_MODES; mode++)
        RB_TRY(gpu_player_step(o->player, (enum play_mode)mode, &m->sec[mode][sample], mode == PLAY_ALL ? &m->queue_sec[sample] : NULL));
    return RB_OK;
}

static int warm_up(struct gpu_run *o)
{
    double warm;
    for (int k = 0; k < o->nmade; k++) {
        gpu_player_choose(o->player, o->made[k].maker);
        RB_TRY(gpu_player_step(o->player, PLAY_ALL, &warm, NULL));
    }
    return RB_OK;
}

/* In turns with who else makes the calls. */
static int measure(struct workload_suite *s, struct gpu_run *o, struct workload_result *r)
{
    const double start = clock_sec();
    bool more = true;
    RB_TRY(warm_up(o));
    while (more) {
        for (int k = 0; k < o->nmade; k++)
            RB_TRY(step(o, &o->made[k], r->nsamples));
        r->nsamples++;
        RB_TRY(go_on(s, start, r->nsamples, &more));
    }
    for (int k = 0; k < o->nmade; k++)
        for (int mode = 0; mode < PLAY_MODES; mode++)
            o->made[k].measured[mode] = samples_median(o->made[k].sec[mode], r->nsamples);
    memcpy(r->measured, o->made[0].measured, sizeof r->measured);
    memcpy(r->samples, o->made[0].sec[PLAY_ALL], r->nsamples * sizeof *r->samples);
    return RB_OK;
}

static int check(struct gpu_run *o, struct workload_result *r)
{
    for (int k = 0; k < o->nmade; k++) {
        uint64_t wrong, compared;
        gpu_player_choose(o->player, o->made[k].maker);
        RB_TRY(gpu_player_check(o->player, &wrong, &compared));
        *(k == 0 ? &r->wrong : &r->rivals_wrong) += wrong;
        o->made[k].wrong += wrong;
        o->made[k].compared += compared;
        snprintf(o->made[k].chosen, sizeof o->made[k].chosen, "%s", gpu_player_chosen(o->player));
    }
    return RB_OK;
}

static int predict_all(struct workload_suite *s, struct gpu_run *o, struct workload_result *r)
{
    for (int mode = 0; mode < PLAY_MODES; mode++)
        RB_TRY(predict(o->programs, &s->setup.grid, &s->prices, (enum play_mode)mode, &r->predicted[mode]));
    return RB_OK;
}

/* --- the layer's model --- */

struct layer_answer {
    double flops, Bps, hop_s;
    struct layer_time model; /* of all layers of the step */
    double measured;         /* efficiency: compute over the step */
};

static struct layer_answer model_of(const struct workload_suite *s, const struct workload_result *r)
{
    const double t = s->job->nranks, layers = s->setup.model.layers;
    struct layer_setup setup = { .layer = model_layer(&s->setup.model, s->setup.model.tokens) };
    const double S = setup.layer.batch * setup.layer.seq * setup.layer.hidden * setup.layer.bytes, wire = 2 * (t - 1) / t * S;
    const struct fit *fit = &s->prices.calls[0].fit;
    const bool fitted = fit->refused[0] == '\0';
    struct layer_answer a = { .flops = r->traffic.flop / r->measured[PLAY_COMPUTE], .hop_s = s->links.latency_sec };
    a.Bps = s->links.GBps > 0 ? s->links.GBps * GIGA : NAN;
    if (s->links.GBps == 0 && fitted) { /* of the piece at that size, bytes of a block to bytes on the wire */
        a.Bps = fit_bandwidth(fit, S).us * GIGA * wire / S;
        a.hop_s = fmax(fit_predict(fit, S).us * MICRO - wire / a.Bps, 0) / (2 * (t - 1));
    }
    setup.flops = a.flops;
    setup.link = (struct link_model){ .bulk = { .hop_s = a.hop_s, .Bps = a.Bps } };
    a.model = layer_time(&setup, t);
    a.model.compute_s *= layers;
    a.model.exposed_s *= layers;
    a.measured = r->measured[PLAY_COMPUTE] / r->measured[PLAY_ALL];
    return a;
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static void add_ratio(const struct workload_suite *s, const struct layer_answer *a, struct workload_result *r)
{
    const struct suite_links *k = &s->links;
    const double here = a->flops / a->Bps;
    json_object_set_new(r->more, "flop_per_byte", number(here));
    if (k->gpu[0] == '\0' || !(k->model_flops > 0))
        return;
    const double theirs = required_flop_per_byte(k->model_flops, k->model_GBps * GIGA);
    json_object_set_new(r->more, "emulated_gpu", json_string(k->gpu));
    json_object_set_new(r->more, "emulated_scale", json_real(k->scale));
    json_object_set_new(r->more, "emulated_flop_per_byte", json_real(theirs));
    result_note(r, "#   FLOP per byte: %.4g on the %s (%.4g dense TFLOP/s, %.4g GB/s effective); here %.4g, %.3g %% of it, at scale %.3g (%.4g TFLOP/s, %.4g GB/s)\n", theirs,
         k->gpu, k->model_flops / TERA, k->model_GBps, here, 100 * here / theirs, k->scale, a->flops / TERA, k->GBps);
}

static const struct gpu_made *made_by(const struct gpu_run *o, const struct suite_rival *rival)
{
    for (int k = 1; k < o->nmade; k++)
        if (o->made[k].rival == rival)
            return &o->made[k];
    return NULL;
}

static void print_efficiency(const struct layer_answer *a, struct workload_result *r)
{
    if (isfinite(a->model.efficiency))
        result_note(r, "#   efficiency %.3g as measured; by the layer's model %.3g: %.4g ms of products at %.4g TFLOP/s a rank, %.4g ms of calls at %.4g GB/s, none hidden\n",
                    a->measured, a->model.efficiency, a->model.compute_s / MILLI, a->flops / TERA, a->model.exposed_s / MILLI, a->Bps / GIGA);
    else
        result_note(r, "#   efficiency %.3g as measured; by the layer's model n/a: the times of calls follow no curve that tells a rate\n", a->measured);
}

static void add_model(const struct workload_suite *s, const struct gpu_run *o, struct workload_result *r)
{
    const struct layer_answer a = model_of(s, r);
    const struct gpu_products *p = s->products;
    const double queue = samples_median(o->made[0].queue_sec, r->nsamples);
    r->more = json_pack("{s:s, s:s, s:s, s:i, s:b, s:s, s:i, s:f, s:f, s:f, s:I, s:f}", "provider", "ours", "compute_type", cublas_type_names[p->type], "library", p->version, "sms", p->sms,
                        "cut", p->cut, "sharing", p->how, "ranks_per_gpu", p->gang->nmembers, "layer_tflops", a.flops / TERA, "model_compute_us",
                        a.model.compute_s / MICRO, "efficiency", a.measured, "compared", (json_int_t)o->made[0].compared, "queue_us", queue / MICRO);
    json_object_set_new(r->more, "model_exposed_us", number(a.model.exposed_s / MICRO));
    json_object_set_new(r->more, "model_efficiency", number(a.model.efficiency));
    print_efficiency(&a, r);
    add_ratio(s, &a, r);
    for (size_t i = 0; i < s->nrivals; i++)
        gpu_beside_report(s, r, &s->rivals[i], &(struct gpu_beside){ .made = made_by(o, &s->rivals[i]), .program = o->mine, .model_efficiency = a.model.efficiency });
    if (queue > LAUNCH_BOUND * r->measured[PLAY_ALL])
        result_note(r, "#   the host needed %.4g ms to queue a step of %.4g ms: the GPU may have waited for it; larger shapes (a smaller --scale) tell more\n", queue / MILLI,
             r->measured[PLAY_ALL] / MILLI);
}

/* --- one workload --- */

static int play(struct workload_suite *s, struct gpu_run *o, struct workload_result *r)
{
    RB_TRY(traffic_count(o->programs, &s->setup.grid, s->setup.model.bytes, &r->traffic));
    prices_free(&s->prices);
    RB_TRY(gpu_prices_measure(&s->prices, o->mine, s->all, s->products));
    RB_TRY(gpu_player_open(&o->player, o->mine, s->all, s->products));
    RB_TRY(add_makers(s, o));
    RB_TRY(check(o, r));
    RB_TRY(measure(s, o, r));
    RB_TRY(check(o, r));
    RB_TRY(predict_all(s, o, r));
    if (s->job->rank == 0)
        add_model(s, o, r);
    return RB_OK;
}

int gpu_suite_run(struct workload_suite *s, const struct workload *w, struct workload_result *r)
{
    struct gpu_run *o = rb_calloc(1, sizeof *o);
    o->programs = programs_make(w, &s->setup);
    for (int i = 0; i < s->job->nranks; i++)
        strip(&o->programs[i]);
    o->mine = &o->programs[s->job->rank];
    const int rc = play(s, o, r);
    if (is_idle(rc))
        gpu_player_close(o->player);
    programs_free(o->programs, s->job->nranks);
    free(o);
    return rc;
}
