#include "report/limits.h"

#include "core/error.h"
#include "core/options.h"
#include "core/text.h"
#include "report/limits_measured.h"
#include "report/limits_network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NCCL's tuner constants in microseconds (src/graph/tuning.cc, ring): once a call, and each hop, for the protocol for large
 * messages (Simple) and for small ones (LL: half the bandwidth). Host memory between GPUs: 42 us for 8 bytes over 8 GPUs
 * (https://github.com/NVIDIA/nccl/issues/1530) leave 2.5 a hop. */
struct latency {
    double bulk_base_us, bulk_hop_us, fast_base_us, fast_hop_us;
};
static const struct latency over_nvlink = { 8.4, 3.4, 6.6, 0.6 };
static const struct latency over_pcie = { 8.4, 5.7, 6.6, 1.0 };
static const struct latency over_host = { 8.4, 5.7, 6.6, 2.5 };
static const struct latency over_network = { 8.4, 14.0, 6.6, 2.7 };
static const double fast_share = 0.5;

static const double GIGA = 1e9, TERA = 1e12, MICRO = 1e-6;

static bool blocks_p2p(const struct gpu *g)
{
    return strncmp(g->p2p, "no", 2) == 0;
}

static void set_model(struct limit *l, const struct limit_settings *s, const struct latency *t)
{
    const double Bps = isnan(l->Bps_effective) ? l->Bps_nominal : l->Bps_effective;
    const struct latency own = { 0, s->latency_us, 0, s->latency_us };
    if (s->latency_us > 0)
        t = &own;
    l->model.bulk = (struct link_protocol){ t->bulk_base_us * MICRO, t->bulk_hop_us * MICRO, Bps };
    l->model.fast = (struct link_protocol){ t->fast_base_us * MICRO, t->fast_hop_us * MICRO, s->latency_us > 0 ? 0 : fast_share * Bps };
    l->model.per_peer_Bps = !isnan(l->per_peer_Bps) && l->per_peer_Bps < l->Bps_nominal ? l->per_peer_Bps : 0;
}

static void set_scaleup(struct limit *l, const struct limit_settings *s, const struct gpu *g)
{
    snprintf(l->link_name, sizeof l->link_name, "%s", g->link);
    l->link_name[strcspn(l->link_name, " ")] = '\0';
    l->Bps_nominal = g->unidir_GBps.value * GIGA;
    l->Bps_effective = gpu_effective_GBps(g) * GIGA;
    l->per_peer_Bps = g->per_peer_GBps.value * GIGA;
    l->domain = g->max_gpus.value;
    l->weak = l->weak || g->unidir_GBps.weak || g->links.weak;
    if (isnan(l->domain)) { /* at least the pair that any link joins */
        l->domain = 2;
        l->weak = true;
    }
    set_model(l, s, &over_nvlink);
}

static void set_pcie(struct limit *l, const struct limit_settings *s, const struct catalogue *c)
{
    const struct gpu *g = l->gpu;
    const double lanes = isnan(g->pcie_lanes.value) ? 16 : g->pcie_lanes.value;
    snprintf(l->link_name, sizeof l->link_name, "PCIe%.0f x%.0f", g->pcie_gen.value, lanes);
    l->Bps_nominal = g->pcie_unidir_GBps.value * GIGA;
    l->Bps_effective = catalogue_pcie_typical(c, g->pcie_gen.value) * lanes / 16 * (blocks_p2p(g) ? 0.5 : 1) * GIGA;
    l->domain = (double)s->domain;
    l->weak = l->weak || g->pcie_unidir_GBps.weak;
    set_model(l, s, blocks_p2p(g) ? &over_host : &over_pcie);
}

static int set_nic(struct limit *l, const struct limit_settings *s, const struct catalogue *c)
{
    const struct nic *n;
    RB_TRY(catalogue_find_nic(c, NULL, s->nic, &n));
    if (isnan(n->unidir_GBps.value))
        return rb_fail(RB_EUSAGE, "--nic '%s': the catalogue has no bandwidth for it", n->name);
    const double share = isnan(n->gpus.value) ? 1 : n->gpus.value;
    const double slot = isnan(l->gpu->pcie_unidir_GBps.value) ? INFINITY : l->gpu->pcie_unidir_GBps.value;
    snprintf(l->link_name, sizeof l->link_name, "%s", n->name);
    l->Bps_nominal = fmin(n->unidir_GBps.value / share, slot) * GIGA;
    const double typical = catalogue_pcie_typical(c, l->gpu->pcie_gen.value);
    l->Bps_effective = isnan(n->measured_GBps.value) ? NAN : fmin(n->measured_GBps.value / share, isnan(typical) ? slot : typical) * GIGA;
    l->domain = LAYER_MOST;
    set_model(l, s, &over_network);
    return RB_OK;
}

static void set_flops(struct limit *l, const struct limit_settings *s, const struct catalogue *c)
{
    const struct gpu *g = l->gpu;
    const bool fast = strcmp(s->accumulate, "fp16") == 0 && !isnan(g->fp16_fp16acc_tflops.value);
    const struct datum nominal = fast ? g->fp16_fp16acc_tflops : gpu_dense16(g);
    const struct gemm *bf16 = fast ? NULL : catalogue_gemm(c, g, "bf16"), *fp16 = fast ? NULL : catalogue_gemm(c, g, "fp16");
    const struct gemm *best = bf16 != NULL ? bf16 : fp16;
    const double measured = best != NULL ? best->measured_tflops.value : nominal.value;
    l->flops_nominal = nominal.value * TERA;
    l->flops_fp16acc = g->fp16_fp16acc_tflops.value * TERA;
    l->flops = (struct limit_range){ fmin(measured, nominal.value) * TERA, measured * TERA, fmax(measured, nominal.value) * TERA };
    l->weak = l->weak || nominal.weak;
}

static struct layer_setup layer_setup_of(const struct limit *l, const struct limit_settings *s, double flops)
{
    enum layer_split split = SPLIT_1D;
    for (int i = 0; i < SPLIT_COUNT; i++)
        if (strcmp(layer_split_names[i], s->split) == 0)
            split = (enum layer_split)i;
    return (struct layer_setup){ s->layer, l->model, flops, s->overlap, split };
}

static struct decoder decoder_of(const struct limit *l, const struct limit_settings *s, double flops)
{
    struct decoder d = s->decoder;
    d.overlap = s->overlap;
    d.flops = flops;
    d.memory_Bps = l->gpu != NULL ? l->gpu->memory_GBps.value * GIGA : NAN;
    if (d.batch <= 0)
        d.batch = fmax(1, floor(decode_balance_batch(l->flops_nominal, d.memory_Bps)));
    return d;
}

struct limit limit_with_Bps(const struct limit *l, double Bps)
{
    struct limit other = *l;
    const double by = Bps / l->model.bulk.Bps;
    other.model.bulk.Bps *= by;
    other.model.fast.Bps *= by;
    other.model.per_peer_Bps *= by;
    return other;
}

static double layer_answer(const struct limit *l, const struct limit_settings *s, double flops)
{
    if (s->inference) {
        const struct decoder d = decoder_of(l, s, flops);
        return decode_layer_limit(&d, &l->model, s->efficiency);
    }
    const struct layer_setup setup = layer_setup_of(l, s, flops);
    return layer_limit(&setup, s->efficiency);
}

double limit_efficiency(const struct limit *l, const struct limit_settings *s, double t)
{
    if (s->inference) {
        const struct decoder d = decoder_of(l, s, l->flops.value);
        const struct decode_time r = decode_tensor_ring(&d, t, &l->model);
        return r.stage_s / r.token_s;
    }
    const struct layer_setup setup = layer_setup_of(l, s, l->flops.value);
    return split_fits(setup.split, t) ? layer_time(&setup, t).efficiency : NAN;
}

static double document_answer(const struct limit *l, const struct limit_settings *s, double flops, double Bps)
{
    if (!s->inference)
        return document_limit(s->layer.hidden, s->bytes, flops, Bps);
    const struct decoder d = decoder_of(l, s, flops);
    return decode_document_limit(&d, Bps, s->latency_us * MICRO);
}

struct limit_range limit_document_at(const struct limit *l, const struct limit_settings *s, double Bps)
{
    return (struct limit_range){ document_answer(l, s, l->flops.high, Bps), document_answer(l, s, l->flops_nominal, Bps),
                                 document_answer(l, s, l->flops.low, Bps) };
}

double limit_layer_at(const struct limit *l, const struct limit_settings *s, double Bps)
{
    const struct limit other = limit_with_Bps(l, Bps);
    return layer_answer(&other, s, l->flops.value);
}

double limit_usable(double limit, double domain, double heads)
{
    const double most = fmin(limit, fmin(domain, heads));
    double t = 1;
    while (2 * t <= most)
        t *= 2;
    return t;
}

static struct comm_time comm_at(const struct limit *l, const struct limit_settings *s, double t)
{
    if (s->inference) {
        const struct decoder d = decoder_of(l, s, l->flops.value);
        return link_all_reduce(&l->model, t, d.batch * d.hidden * d.bytes);
    }
    return split_comm(SPLIT_1D, &s->layer, &l->model, t);
}

static const char *what_binds(const struct limit *l, const struct limit_settings *s)
{
    if (2 * l->usable <= l->layer.value || l->layer.value >= LAYER_MOST)
        return "compute"; /* domain or heads end before the link does */
    const struct comm_time c = comm_at(l, s, 2 * l->usable);
    return c.latency_s > c.transfer_s ? "latency" : "bandwidth";
}

static void answer(struct limit *l, const struct limit_settings *s)
{
    const double effective = isnan(l->Bps_effective) ? l->Bps_nominal : l->Bps_effective;
    const double better = fmax(effective, l->Bps_nominal);
    const struct limit nominal = limit_with_Bps(l, better);
    l->document = limit_document_at(l, s, l->Bps_nominal);
    l->document.low = document_answer(l, s, l->flops.high, effective);
    l->document_fp16acc = document_answer(l, s, l->flops_fp16acc, l->Bps_nominal);
    l->layer = (struct limit_range){ layer_answer(l, s, l->flops.high), layer_answer(l, s, l->flops.value), layer_answer(&nominal, s, l->flops.low) };
    l->usable = limit_usable(l->layer.value, l->domain, s->layer.heads);
    l->at_usable = limit_efficiency(l, s, l->usable);
    l->binds = what_binds(l, s);
}

int limit_of(struct limit *l_p, const struct limit_settings *s, const struct catalogue *c, const struct gpu *gpu, enum limit_link link)
{
    const struct limit_range unknown = { NAN, NAN, NAN };
    struct limit l = { .gpu = gpu, .link = link, .Bps_nominal = NAN, .Bps_effective = NAN, .per_peer_Bps = NAN, .document = unknown,
                       .layer = unknown, .measured = unknown, .document_fp16acc = NAN, .usable = NAN, .at_usable = NAN, .binds = "" };
    snprintf(l.gpu_name, sizeof l.gpu_name, "%s", gpu->model);
    set_flops(&l, s, c);
    if (link == LIMIT_SCALEUP)
        set_scaleup(&l, s, gpu);
    else if (link == LIMIT_PCIE)
        set_pcie(&l, s, c);
    else
        RB_TRY(set_nic(&l, s, c));
    if (!isnan(l.Bps_nominal) && !isnan(l.flops_nominal) && !(s->inference && isnan(gpu->memory_GBps.value)))
        answer(&l, s);
    *l_p = l;
    return RB_OK;
}

static void add(struct limits *all, const struct limit *l)
{
    all->list = rb_realloc(all->list, (all->count + 1) * sizeof *all->list);
    all->list[all->count++] = *l;
}

static int add_gpu(struct limits *all, const struct limit_settings *s, const struct catalogue *c, const struct gpu *gpu)
{
    for (int link = 0; link < LIMIT_LINKS; link++) {
        struct limit l;
        if (!options_list_has(s->link, limit_link_names[link]) || (link == LIMIT_SCALEUP && !gpu_has_link(gpu)) ||
            (link == LIMIT_PCIE && isnan(gpu->pcie_unidir_GBps.value)))
            continue;
        RB_TRY(limit_of(&l, s, c, gpu, (enum limit_link)link));
        add(all, &l);
    }
    return RB_OK;
}

static int add_named(struct limits *all, const struct limit_settings *s, const struct catalogue *c)
{
    char *copy = rb_strdup(s->gpu), *at = copy;
    int rc = RB_OK;
    for (char *name; rc == RB_OK && (name = strsep(&at, ",")) != NULL;) {
        const struct gpu *gpu;
        rc = catalogue_find_gpu(c, NULL, name + strspn(name, " "), &gpu);
        if (rc == RB_OK)
            rc = add_gpu(all, s, c, gpu);
    }
    free(copy);
    return rc;
}

int limits_make(struct limits *l, const struct limit_settings *s, const struct catalogue *c, const struct records *records)
{
    struct limits all = {0};
    int rc = RB_OK;
    if (strcmp(s->gpu, "all") == 0)
        for (size_t i = 0; rc == RB_OK && i < c->ngpus; i++)
            rc = add_gpu(&all, s, c, &c->gpus[i]);
    else
        rc = add_named(&all, s, c);
    if (rc == RB_OK && records != NULL)
        limits_measured(&all, s, c, records);
    if (rc == RB_OK && records != NULL)
        limits_network(&all, s, records);
    if (rc != RB_OK) {
        limits_free(&all);
        return rc;
    }
    *l = all;
    return RB_OK;
}

void limits_free(struct limits *l)
{
    free(l->list);
    free(l->network);
    *l = (struct limits){0};
}
