#include "report/purchase.h"

#include "core/error.h"
#include "report/memory_model.h"

#include <math.h>
#include <string.h>

const char *const serving_form_names[] = { "tensor", "pipeline", "hybrid" };

static const double DAY = 86400;

static struct serving serving_of(const struct server *s, const struct purchase_settings *set, double batch)
{
    return (struct serving){
        .decoder = { .params = set->params, .layers = set->shape.decoder.layers, .hidden = set->shape.layer.hidden, .batch = batch,
                     .weight_bytes = 2, .bytes = set->shape.bytes, .flops = s->flops, .memory_Bps = s->memory_Bps },
        .tensor_Bps = s->link_Bps,
        .tensor_latency_s = s->link_latency_s,
        .handover_Bps = s->handover_Bps,
        .overlap = true,
    };
}

static bool form_fits(const struct server *s, enum serving_form form, double *tensor_p, double *pipeline_p)
{
    *tensor_p = form == FORM_TENSOR ? s->gpus : form == FORM_PIPELINE ? 1 : s->gpus / 2;
    *pipeline_p = s->gpus / *tensor_p;
    return form == FORM_TENSOR || s->gpus > 1 ? (form != FORM_HYBRID || (s->gpus >= 4 && fmod(s->gpus, 2) == 0)) : false;
}

double purchase_cache_bytes(const struct purchase_settings *set)
{
    const struct layer *l = &set->shape.layer;
    return cache_bytes(set->shape.decoder.layers, l->hidden * l->kv_heads / l->heads, set->context, 1, 2);
}

/* As many batches are under way as there are stages, two where transfers of one run beside arithmetic of the other. */
static double batch_that_fits(const struct server *s, const struct purchase_settings *set, const struct offer *o)
{
    const double room = s->gpus * s->memory_bytes - 2 * set->params, under_way = fmax(o->pipeline, 2);
    return fmin(o->batch, fmax(0, floor(room / under_way / purchase_cache_bytes(set))));
}

static struct served serve_batch(const struct server *s, const struct purchase_settings *set, const struct offer *o, double batch)
{
    struct serving v = serving_of(s, set, batch);
    v.tensor = o->tensor;
    v.pipeline = o->pipeline;
    v.handover_sharers = fmin(s->handover_sharers, o->tensor);
    return serve(&v);
}

static void fill(struct offer *o, const struct server *s, const struct purchase_settings *set)
{
    const double hour = cost_hour(&s->cost);
    o->as_configured = o->tensor == s->tensor && o->pipeline == s->pipeline;
    o->batch = set->batch > 0 ? set->batch : fmax(1, floor(decode_balance_batch(s->flops, s->memory_Bps)));
    o->served = serve_batch(s, set, o, o->batch);
    o->tokens_per_usd = tokens_per_usd(o->served.tokens_per_s, hour);
    o->fit_batch = batch_that_fits(s, set, o);
    if (o->fit_batch >= 1) {
        o->fit_served = serve_batch(s, set, o, o->fit_batch);
        o->fit_tokens_per_usd = tokens_per_usd(o->fit_served.tokens_per_s, hour);
    }
}

bool purchase_offer(struct offer *o, const struct server *s, const struct purchase_settings *set, enum serving_form form)
{
    struct offer r = { .form = form };
    if (!form_fits(s, form, &r.tensor, &r.pipeline))
        return false;
    fill(&r, s, set);
    *o = r;
    return true;
}

struct offer purchase_configured(const struct server *s, const struct purchase_settings *set)
{
    struct offer o = { .tensor = s->tensor, .pipeline = s->pipeline,
                       .form = s->pipeline <= 1 ? FORM_TENSOR : s->tensor <= 1 ? FORM_PIPELINE : FORM_HYBRID };
    fill(&o, s, set);
    return o;
}

/* Training sums in FP32, whatever rate the row serves with. */
static double training_rate(const struct server *s)
{
    const double dense = gpu_dense16(s->gpu).value * 1e12;
    return isnan(dense) ? s->flops : fmin(dense, s->flops);
}

/* Arithmetic's share of a training layer at the server's tensor-parallel size. */
static double layer_share(const struct server *s, const struct purchase_settings *set)
{
    const struct layer_setup setup = { .layer = set->shape.layer, .flops = training_rate(s), .split = SPLIT_1D,
                                       .link = { .bulk = { 0, s->link_latency_s, s->link_Bps } } };
    return layer_time(&setup, s->tensor).efficiency;
}

/* Share of the time that a pipeline's stages are busy: micro-batches m of the sequences of a step in each group, (p - 1) idle slots
 * of m + p - 1 (GPipe, arXiv:1811.06965). */
static double pipeline_share(const struct server *s, const struct purchase_settings *set, double groups)
{
    const double m = fmax(1, set->step_tokens / (set->shape.layer.seq * groups));
    return m / (m + s->pipeline - 1);
}

struct training purchase_training(const struct server *s, const struct purchase_settings *set)
{
    const struct layer *l = &set->shape.layer;
    struct training t = { .efficiency = layer_share(s, set) };
    t.memory_bytes = state_bytes(set->params) +
                     activations_selective(l->seq, set->micro_batch, l->hidden, set->shape.decoder.layers, 1);
    t.cards = cards_needed(t.memory_bytes, s->memory_bytes);
    t.servers = ceil(fmax(t.cards, set->gpus) / s->gpus);
    t.gpus = t.servers * s->gpus;
    t.pipeline_efficiency = pipeline_share(s, set, t.servers);
    const double busy = training_seconds(set->params, set->tokens, t.gpus, training_rate(s) * t.efficiency * t.pipeline_efficiency, set->utilisation);
    const double interval = failure_interval(set->fail_days * 24 * 60, t.gpus);
    t.lost = fmin(1, set->recovery_min / interval);
    t.failures_a_day = 24 * 60 / interval;
    t.days = t.lost < 1 ? busy / DAY / (1 - t.lost) : INFINITY;
    t.usd = t.days * 24 * t.servers * cost_hour(&s->cost);
    return t;
}

struct sharding purchase_sharding(const struct server *s, const struct purchase_settings *set, const struct training *t, int stage)
{
    const double share = s->tensor * s->pipeline, groups = t->servers, params = set->params / share;
    struct sharding r = { .stage = stage, .memory_bytes = zero_state_bytes(params, groups, stage) };
    r.sent_bytes = zero_volume_bytes(params, groups, stage, 2);
    r.comm_s = r.sent_bytes / (s->handover_Bps / fmax(1, s->handover_sharers));
    r.step_s = training_seconds(set->params, set->step_tokens, t->gpus, training_rate(s) * t->efficiency * t->pipeline_efficiency, set->utilisation);
    return r;
}
