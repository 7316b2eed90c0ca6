#include "report/limits_measured.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double MICRO = 1e-6, TERA = 1e12, GIGA = 1e9;

static double ring_share(double t)
{
    return 2 * (t - 1) / t;
}

struct limit_range measured_all_reduce(const struct fit *fit, double t, double bytes)
{
    const double n = fit->curve.ranks, wire = ring_share(n) * bytes;
    const struct fit_value time = fit_predict(fit, wire), speed = fit_bandwidth(fit, wire);
    const double Bps = isfinite(speed.us) ? speed.us * GIGA : wire / (time.us * MICRO);
    const double rest = fmax(0, time.us * MICRO - wire / Bps); /* what hops take */
    const double at = rest * (t - 1) / (n - 1) + ring_share(t) * bytes / Bps;
    return (struct limit_range){ at * time.low / time.us, at, at * time.high / time.us };
}

void measured_fits(struct fits *fits, const struct records *r)
{
    struct records only = *r; /* a view: the cases' insides stay the records' own */
    only.ncases = 0;
    only.cases = rb_malloc(r->ncases * sizeof *only.cases);
    for (size_t i = 0; i < r->ncases; i++)
        if (strcmp(r->cases[i].collective, "all_reduce") == 0)
            only.cases[only.ncases++] = r->cases[i];
    fits_make(fits, &only);
    free(only.cases);
}

static bool over_link(const char *transport, enum limit_link link)
{
    static const char *const words[LIMIT_LINKS][10] = {
        [LIMIT_PCIE] = { "pcie", "shm", "cuda_staged" },
        [LIMIT_SCALEUP] = { "nvlink", "cuda_peer", "xgmi" },
        [LIMIT_NIC] = { "roce", "ib", "efa", "tcp", "slingshot", "rdma", "verbs", "mpi" },
    };
    for (size_t i = 0; i < RB_LEN(words[link]) && words[link][i] != NULL; i++)
        if (strcmp(words[link][i], transport) == 0)
            return true;
    return false;
}

static bool fits_row(const struct limit *l, const struct fit *f, const struct catalogue *c)
{
    const struct record_case *k = &f->curve;
    return f->refused[0] == '\0' && strcmp(k->collective, "all_reduce") == 0 && k->ranks > 1 && k->gpu[0] != '\0' &&
           over_link(k->transport, l->link) && (l->link == LIMIT_NIC ? k->nodes == k->ranks : k->nodes <= 1) && catalogue_match_gpu(c, k->gpu) == l->gpu;
}

/* Bytes of the all-reduce that the model sends. */
static double message_bytes(const struct limit_settings *s, double memory_balance)
{
    const double tokens = s->inference ? (s->batch > 0 ? s->batch : memory_balance) : s->layer.batch * s->layer.seq;
    return tokens * s->layer.hidden * s->bytes;
}

static double balance_of(const struct limit *l)
{
    return l->gpu == NULL ? 1 : fmax(1, floor(decode_balance_batch(l->flops_nominal, l->gpu->memory_GBps.value * GIGA)));
}

/* Seconds of arithmetic on one GPU that the transfers of one layer stand against. */
static double arithmetic_s(const struct limit *l, const struct limit_settings *s, double flops)
{
    if (!s->inference)
        return layer_training_flop(&s->layer) / flops;
    struct decoder d = s->decoder;
    d.batch = s->batch > 0 ? s->batch : balance_of(l);
    d.flops = flops;
    d.memory_Bps = l->gpu != NULL ? l->gpu->memory_GBps.value * GIGA : INFINITY;
    return decode_stage(&d, 1).stage_s / d.layers;
}

/* slow: 0 low, 1 central, 2 high time of the all-reduce. */
static double largest(const struct limit *l, const struct limit_settings *s, const struct fit *f, double flops, int slow)
{
    const double bytes = message_bytes(s, balance_of(l)), calls = s->inference ? 2 : 4;
    const double whole = arithmetic_s(l, s, flops);
    double best = 1;
    for (double t = 2; t <= LAYER_MOST; t++) {
        const struct limit_range one = measured_all_reduce(f, t, bytes);
        const double comm = (1 - s->overlap) * calls * (slow == 0 ? one.low : slow == 1 ? one.value : one.high);
        if (whole / t / (whole / t + comm) < s->efficiency)
            break;
        best = t;
    }
    return best;
}

static bool is_simulated(const struct fit *f)
{
    return strcmp(f->curve.evidence, "simulated") == 0;
}

static void fill(struct limit *l, const struct limit_settings *s, const struct fit *f)
{
    l->measured = (struct limit_range){ largest(l, s, f, l->flops.high, 2), largest(l, s, f, l->flops.value, 1), largest(l, s, f, l->flops.low, 0) };
    const struct record_case *k = &f->curve;
    l->simulated = is_simulated(f);
    snprintf(l->evidence, sizeof l->evidence, "%s%d ranks, %s, %s%s%s", l->simulated ? "simulated: " : "", k->ranks, k->transport, k->algorithm,
             k->source[0] != '\0' ? ", " : "", k->source);
}

/* Time of the model's all-reduce: measured before simulated, then the curve with most ranks, of those the fastest. */
static bool better(const struct fit *a, const struct fit *b, double bytes)
{
    if (b != NULL && is_simulated(a) != is_simulated(b))
        return !is_simulated(a);
    if (b == NULL || a->curve.ranks != b->curve.ranks)
        return b == NULL || a->curve.ranks > b->curve.ranks;
    return measured_all_reduce(a, a->curve.ranks, bytes).value < measured_all_reduce(b, b->curve.ranks, bytes).value;
}

static void fill_catalogue_row(struct limit *l, const struct limit_settings *s, const struct catalogue *c, const struct fits *fits)
{
    const struct fit *best = NULL;
    for (size_t i = 0; i < fits->count; i++)
        if (fits_row(l, &fits->list[i], c) && better(&fits->list[i], best, message_bytes(s, balance_of(l))))
            best = &fits->list[i];
    if (best != NULL && isfinite(l->layer.value))
        fill(l, s, best);
}

/* The number under this key, anywhere inside. */
static double find_number(const json_t *json, const char *key)
{
    const char *name;
    json_t *value;
    double found = NAN;
    json_object_foreach((json_t *)json, name, value) {
        if (strcmp(name, key) == 0 && json_is_number(value))
            return json_number_value(value);
        if (isnan(found) && json_is_object(value))
            found = find_number(value, key);
    }
    return found;
}

/* TFLOP/s of a rank in 16 bits while all ranks multiply: the last record of bf16, else of fp16; NAN: none. */
static double recorded_rate(const struct records *r)
{
    static const char *const types[] = { "bf16", "fp16" };
    double found = NAN;
    for (size_t t = 0; t < RB_LEN(types) && isnan(found); t++)
        for (size_t i = 0; i < json_array_size(r->gemms); i++) {
            const json_t *g = json_array_get(r->gemms, i);
            if (strcmp(json_string_value(json_object_get(g, "type")), types[t]) == 0)
                found = json_number_value(json_object_get(g, "tflops"));
        }
    return isnan(found) && r->run != NULL ? find_number(r->run, "gemm_tflops") : found;
}

static bool is_own(const struct fit *f)
{
    return f->refused[0] == '\0' && strcmp(f->curve.collective, "all_reduce") == 0 && f->curve.ranks > 1 && f->curve.gpu[0] == '\0' &&
           f->curve.baseline[0] == '\0' && strcmp(f->curve.transport, "null") != 0;
}

/* The machine that the records were measured on, whose rate is given or recorded, not from the catalogue. */
static void add_own_row(struct limits *all, const struct limit_settings *s, const struct records *r, const struct fits *fits)
{
    const double tflops = s->tflops > 0 ? s->tflops : recorded_rate(r);
    const struct fit *best = NULL;
    for (size_t i = 0; i < fits->count; i++)
        if (is_own(&fits->list[i]) && better(&fits->list[i], best, message_bytes(s, 1)))
            best = &fits->list[i];
    if (best == NULL)
        return;
    const double wire = ring_share(best->curve.ranks) * message_bytes(s, 1);
    const struct fit_value W = fit_bandwidth(best, wire);
    struct limit l = { .flops_nominal = tflops * TERA, .flops_fp16acc = NAN, .Bps_nominal = W.us * GIGA, .Bps_effective = W.us * GIGA,
                       .per_peer_Bps = NAN, .domain = best->curve.ranks, .document = { NAN, NAN, NAN }, .document_fp16acc = NAN,
                       .layer = { NAN, NAN, NAN }, .measured = { NAN, NAN, NAN }, .usable = NAN, .at_usable = NAN, .binds = "" };
    l.flops = (struct limit_range){ l.flops_nominal, l.flops_nominal, l.flops_nominal };
    snprintf(l.gpu_name, sizeof l.gpu_name, "this machine");
    snprintf(l.link_name, sizeof l.link_name, "%s", best->curve.transport);
    if (isnan(tflops)) {
        snprintf(l.evidence, sizeof l.evidence, "no GEMM rate in the records: give --tflops");
    } else {
        l.document.value = document_limit(s->layer.hidden, s->bytes, l.flops_nominal, l.Bps_nominal);
        fill(&l, s, best);
        l.usable = limit_usable(l.measured.value, l.domain, s->layer.heads);
    }
    all->list = rb_realloc(all->list, (all->count + 1) * sizeof *all->list);
    all->list[all->count++] = l;
}

void limits_measured(struct limits *all, const struct limit_settings *s, const struct catalogue *c, const struct records *records)
{
    struct fits fits;
    measured_fits(&fits, records);
    for (size_t i = 0; i < all->count; i++)
        fill_catalogue_row(&all->list[i], s, c, &fits);
    add_own_row(all, s, records, &fits);
    fits_free(&fits);
}
