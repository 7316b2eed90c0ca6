#include "report/validate.h"

#include "core/error.h"
#include "core/text.h"
#include "report/validate_evidence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const evidence_kind_names[] = { "nominal", "model", "queried", "published", "measured", "emulated", "simulated" };
const char *const evidence_verdict_names[] = { "consistent", "above", "below", "not tested", "other GPU" };

/* What a published rate may exceed the nominal one by: rounding, and clocks of sender and receiver. */
static const double CEILING = 1.02;
/* Share of what large copies over PCIe reach that collectives do (https://github.com/NVIDIA/nccl/issues/1639: 28 of 63 GB/s). */
static const double PCIE_COLLECTIVE = 0.4;

#define SAY(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)

/* Least that k links should give, as this kind of figure. */
static double floor_of(const struct evidence *e, const struct validation *v)
{
    const double effective = isnan(v->effective_GBps) ? v->nominal_GBps : v->effective_GBps;
    return effective * (v->over_pcie && !e->copy ? PCIE_COLLECTIVE : 1);
}

static void judge_links(struct evidence *e, const struct validation *v)
{
    e->links_low = e->links_high = e->links;
    e->verdict = e->links == v->k ? EVIDENCE_CONSISTENT : e->links > v->k ? EVIDENCE_ABOVE : EVIDENCE_BELOW;
    if (e->verdict == EVIDENCE_CONSISTENT)
        SAY(e->why, "%g active links%s", e->links, strstr(e->what, "raw") != NULL ? "; the raw rate counts the line code, 6 % over the payload" : "");
    else
        SAY(e->why, "%g active links, the model has %g", e->links, v->k);
}

static void set_link_range(struct evidence *e, const struct validation *v, double tolerance)
{
    if (v->over_pcie || isnan(v->effective_GBps) || v->k <= 0)
        return;
    e->links_low = ceil(e->wire_GBps / (CEILING * v->nominal_GBps / v->k));
    e->links_high = e->nvls_known ? NAN : floor(e->GBps / ((1 - tolerance) * v->effective_GBps / v->k));
}

void evidence_judge(struct evidence *e, const struct validation *v, double tolerance)
{
    const double most = CEILING * v->nominal_GBps, least = (1 - tolerance) * floor_of(e, v);
    if (e->verdict == EVIDENCE_OTHER_GPU || e->kind == EVIDENCE_NOMINAL || e->kind == EVIDENCE_MODEL)
        return;
    if (!isnan(e->links)) {
        judge_links(e, v);
        return;
    }
    if (strstr(e->direction, "one peer") != NULL || isnan(e->GBps)) {
        e->verdict = EVIDENCE_UNTESTED;
        SAY(e->why, "stands for one peer, not for all links");
        return;
    }
    set_link_range(e, v, tolerance);
    if (e->wire_GBps > most) {
        e->verdict = EVIDENCE_ABOVE;
        SAY(e->why, "%g links of %.4g carry %.4g GB/s at most", v->k, v->nominal_GBps / v->k, v->nominal_GBps);
    } else if (e->nvls_known) {
        e->verdict = EVIDENCE_CONSISTENT;
        SAY(e->why, "the switch reduces: %.4g GB/s on the wire, no ring bound applies", e->wire_GBps);
    } else if (e->GBps < least) {
        e->verdict = EVIDENCE_BELOW;
        SAY(e->why, "less than %.4g GB/s, what %s should give", least, v->over_pcie ? "the slot" : "the links");
    } else {
        e->verdict = EVIDENCE_CONSISTENT;
        if (e->GBps > most)
            SAY(e->why, "more than the links carry in a ring: the switch reduces, %.4g GB/s on the wire", e->wire_GBps);
        else
            SAY(e->why, "%.0f %% of nominal%s", 100 * e->GBps / v->nominal_GBps, e->pairs > 1 ? ", the median over the pairs of GPUs" : "");
    }
}

static void set_limits(struct evidence *e, const struct validation *v, const struct validate_settings *s)
{
    if (isnan(e->GBps) || e->verdict == EVIDENCE_UNTESTED || e->verdict == EVIDENCE_OTHER_GPU || isnan(v->limit.flops_nominal))
        return;
    e->document = limit_document_at(&v->limit, &s->model, e->GBps * 1e9).value;
    e->layer = limit_layer_at(&v->limit, &s->model, e->GBps * 1e9);
}

/* Of everything that can be judged: how many of each verdict, and what was reached. */
struct tally {
    size_t of[EVIDENCE_VERDICTS];
    size_t reached;           /* consistent figures of a bandwidth that no switch can have reduced */
    double low, median, high; /* GB/s of those; NAN without any */
};

static int by_value(const void *a, const void *b)
{
    const double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

static bool is_seen(const struct evidence *e)
{
    return e->kind != EVIDENCE_EMULATED && e->kind != EVIDENCE_SIMULATED;
}

static struct tally count(const struct validation *v)
{
    struct tally t = { .low = NAN, .median = NAN, .high = NAN };
    double *reached = rb_malloc(v->count * sizeof *reached);
    for (size_t i = 0; i < v->count; i++) {
        const struct evidence *e = &v->list[i];
        if (e->kind == EVIDENCE_NOMINAL || e->kind == EVIDENCE_MODEL || !is_seen(e))
            continue; /* none of them was seen on such a GPU */
        t.of[e->verdict]++;
        if (e->verdict == EVIDENCE_CONSISTENT && !isnan(e->GBps) && !e->nvls_possible)
            reached[t.reached++] = e->GBps;
    }
    qsort(reached, t.reached, sizeof *reached, by_value);
    if (t.reached > 0) {
        t.low = reached[0];
        t.median = reached[t.reached / 2];
        t.high = reached[t.reached - 1];
    }
    free(reached);
    return t;
}

static bool given_is_contradicted(const struct validation *v)
{
    bool consistent = false, wrong = false;
    for (size_t i = 0; i < v->count; i++) {
        const struct evidence *e = &v->list[i];
        if (!e->given || !is_seen(e))
            continue;
        consistent = consistent || (e->verdict == EVIDENCE_CONSISTENT && isnan(e->links));
        if (e->verdict == EVIDENCE_ABOVE || e->verdict == EVIDENCE_OTHER_GPU || (e->verdict == EVIDENCE_BELOW && !isnan(e->links)))
            return true;
        wrong = wrong || e->verdict == EVIDENCE_BELOW;
    }
    return wrong && !consistent; /* the best of a run counts: one slow collective proves nothing */
}

static void conclude(struct validation *v, double tolerance)
{
    const struct tally t = count(v);
    const size_t n = t.of[EVIDENCE_CONSISTENT], above = t.of[EVIDENCE_ABOVE], below = t.of[EVIDENCE_BELOW];
    const char *link = v->over_pcie ? v->limit.link_name : "links";
    char claim[64];
    if (v->over_pcie)
        SAY(claim, "%s", link);
    else
        SAY(claim, "%g links of %.4g GB/s", v->k, v->nominal_GBps / v->k);
    SAY(v->verdict, "%s", above > 0 ? "above" : n > 0 ? "consistent" : below > 0 ? "below" : "no evidence");
    if (above > 0)
        SAY(v->why, "%zu of %zu figures are more than %s can carry", above, n + above + below, claim);
    else if (n > 0)
        SAY(v->why, "%zu of %zu figures fit %s within %.0f %%%s", n, n + below, claim, 100 * tolerance,
            below > 0 ? "; the others are slower, which proves nothing against them" : "");
    else if (below > 0)
        SAY(v->why, "all %zu figures are lower than %s should give", below, claim);
    else
        SAY(v->why, "nothing was published or given that stands for %s", claim);
    v->contradicted = given_is_contradicted(v);
}

enum { NEXT_TEXT = 64 };

/* "; on 8 it would be 44 %", where the link domain has as many. */
static void say_next(char out[NEXT_TEXT], const struct limit *at, const struct validate_settings *s, double use)
{
    out[0] = '\0';
    if (2 * use <= at->domain && 2 * use <= s->model.layer.heads)
        snprintf(out, NEXT_TEXT, "; on %g it would be %.0f %%", 2 * use, 100 * limit_efficiency(at, &s->model, 2 * use));
}

/* "153 to 176.1 GB/s were reached" */
static void say_reached(char *out, size_t bytes, const struct tally *t, double planned)
{
    if (t->reached == 0)
        snprintf(out, bytes, "nothing fitting was measured, %.4g GB/s are planned with", planned);
    else if (t->low < t->high)
        snprintf(out, bytes, "%.4g to %.4g GB/s were reached, half of the figures above %.4g", t->low, t->high, t->median);
    else
        snprintf(out, bytes, "%.4g GB/s were reached", t->median);
}

static void advise(struct validation *v, const struct validate_settings *s)
{
    const struct tally t = count(v);
    const double planned = t.reached > 0 ? t.median : isnan(v->effective_GBps) ? v->nominal_GBps : v->effective_GBps;
    const double rule = limit_document_at(&v->limit, &s->model, planned * 1e9).value;
    const double use = limit_usable(limit_layer_at(&v->limit, &s->model, planned * 1e9), v->limit.domain, s->model.layer.heads);
    const struct limit at = limit_with_Bps(&v->limit, planned * 1e9);
    char reach[128], next[NEXT_TEXT];
    say_reached(reach, sizeof reach, &t, planned);
    say_next(next, &at, s, use);
    SAY(v->sentence, "%s: %.4g GB/s nominal, one direction; %s. Use tensor parallelism of %g for %s: a layer's efficiency is %.0f %% there%s "
        "(the documents' rule: %.1f GPUs).", v->gpu->model, v->nominal_GBps, reach, use, s->model.model_name,
        100 * limit_efficiency(&at, &s->model, use), next, rule);
}

static int set_model(struct validation *v, const struct validate_settings *s, const struct catalogue *c)
{
    RB_TRY(catalogue_find_gpu(c, NULL, s->gpu, &v->gpu));
    v->over_pcie = !gpu_has_link(v->gpu);
    if (v->over_pcie && isnan(v->gpu->pcie_unidir_GBps.value))
        return rb_fail(RB_EUSAGE, "%s: the catalogue knows neither its scale-up link nor its PCIe slot", v->gpu->model);
    RB_TRY(limit_of(&v->limit, &s->model, c, v->gpu, v->over_pcie ? LIMIT_PCIE : LIMIT_SCALEUP));
    v->nominal_GBps = v->limit.Bps_nominal / 1e9;
    v->effective_GBps = v->limit.Bps_effective / 1e9;
    v->k = v->over_pcie || isnan(v->gpu->links.value) ? 1 : v->gpu->links.value;
    return RB_OK;
}

int validate(struct validation *v, const struct validate_settings *s, const struct catalogue *c, const char *const *files, size_t nfiles)
{
    struct validation all = {0};
    RB_TRY(set_model(&all, s, c));
    int rc = evidence_shipped(&all, c);
    for (size_t i = 0; rc == RB_OK && i < nfiles; i++)
        rc = evidence_given(&all, c, files[i], s->collective);
    if (rc != RB_OK) {
        validation_free(&all);
        return rc;
    }
    for (size_t i = 0; i < all.count; i++) {
        evidence_judge(&all.list[i], &all, s->tolerance);
        set_limits(&all.list[i], &all, s);
    }
    conclude(&all, s->tolerance);
    advise(&all, s);
    *v = all;
    return RB_OK;
}

void validation_free(struct validation *v)
{
    free(v->list);
    *v = (struct validation){0};
}
