#include "bench/outcome.h"

#include "bench/pcie.h"
#include "bench/stats.h"
#include "collectives/transport/transport.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void set(char *to, size_t room, const char *text)
{
    snprintf(to, room, "%s", text);
}

void outcome_name(struct record_case *c, const struct session *s, const struct unit *u, size_t subject)
{
    const struct suite *suite = u->suite;
    const struct subject *who = &suite->subjects[subject];
    const struct collective *what = collective_get(suite->collective);
    const struct comm *comm = session_comm(s, who->transport);
    *c = (struct record_case){ .ranks = s->job->nranks, .nodes = s->job->nnodes, .root = what->rooted ? suite->root : -1, .in_place = u->in_place,
                               .bytes = u->size->bytes, .count = u->size->count, .wrong = -1 };
    c->servers = who->servers > 0 ? who->servers : suite->servers;
    set(c->collective, sizeof c->collective, what->name);
    set(c->type, sizeof c->type, type_name(suite->type));
    set(c->op, sizeof c->op, what->reduces ? op_name(suite->op) : "none");
    set(c->evidence, sizeof c->evidence, s->emulation.GBps > 0 ? "emulated" : "measured");
    if (s->emulation.gpu[0] != '\0')
        set(c->gpu, sizeof c->gpu, s->emulation.gpu);
    set(c->algorithm, sizeof c->algorithm, who->algorithm != NULL ? who->algorithm->family : who->transport);
    set(c->transport, sizeof c->transport, comm != NULL ? comm_transport(comm) : who->algorithm == NULL ? s->settings->baseline : who->transport);
    if (who->algorithm != NULL && who->protocol != PROTOCOL_AUTO)
        set(c->protocol, sizeof c->protocol, comm_protocol_name(who->protocol));
    if (who->algorithm == NULL)
        set(c->baseline, sizeof c->baseline, who->transport);
    c->algbw_GBps = c->busbw_GBps = c->wire_GBps = c->ceiling_GBps = NAN;
    c->ratio = c->ratio_low = c->ratio_high = NAN;
}

static struct record_time time_of(const struct stats *s)
{
    return (struct record_time){ .median = s->median * 1e6, .min = s->min * 1e6, .p95 = s->p95 * 1e6, .p99 = s->p99 * 1e6,
                                 .ci_low = s->ci_low * 1e6, .ci_high = s->ci_high * 1e6, .cv = s->cv, .n = s->n };
}

static void set_samples(struct record_case *c, const struct trial *t)
{
    c->samples_us = rb_malloc((t->nsamples > RECORD_SAMPLES ? t->nsamples : RECORD_SAMPLES) * sizeof *c->samples_us);
    c->nsamples = stats_thin(c->samples_us, t->samples, t->nsamples, RECORD_SAMPLES);
    for (size_t i = 0; i < c->nsamples; i++)
        c->samples_us[i] *= 1e6;
}

static bool goes_through_host(const struct session *s, const struct record_case *c)
{
    const struct transport_ops *t = transport_find(c->transport);
    return s->on_gpu && t != NULL && !t->direct;
}

/* A hop on one machine goes through memory; between machines through the fastest network card. */
static struct ceiling ceiling_of(const struct session *s, const struct unit *u, const struct record_case *c)
{
    const struct topology *t = s->topology;
    struct ceiling best = { NAN, CEILING_UNKNOWN };
    if (s->emulation.GBps > 0)
        return (struct ceiling){ s->emulation.GBps, s->emulation.gpu[0] != '\0' ? CEILING_CATALOGUE : CEILING_ASSUMED };
    if (s->job->nnodes == 1 && goes_through_host(s, c) && isfinite(pcie_link_GBps(s)))
        return (struct ceiling){ pcie_link_GBps(s), CEILING_QUERIED };
    if (s->job->nnodes == 1)
        return (struct ceiling){ u->copy_GBps, CEILING_MEASURED };
    if (isfinite(s->interface.GBps))
        return (struct ceiling){ s->interface.GBps, CEILING_QUERIED };
    for (size_t i = 0; i < topology_count(t, TOPO_NIC); i++) {
        const struct ceiling rate = topology_device(t, (size_t)topology_find(t, TOPO_NIC, (int)i))->rate;
        if (!(best.GBps >= rate.GBps))
            best = rate;
    }
    return best;
}

static void set_bandwidths(struct record_case *c, const struct session *s, const struct unit *u, const struct stats *stats)
{
    const double GBps = (double)c->bytes / stats->median * 1e-9;
    if (s->job->nranks < 2)
        return; /* nothing travels: no bandwidth */
    c->algbw_GBps = GBps;
    c->busbw_GBps = GBps * collective_get(u->suite->collective)->bus_factor(&u->layout.group);
    if (c->wire_bytes > 0)
        c->wire_GBps = (double)c->wire_bytes / stats->median * 1e-9;
    if (strcmp(c->transport, "null") == 0)
        return;
    const struct ceiling ceiling = ceiling_of(s, u, c);
    c->ceiling_GBps = ceiling.GBps;
    set(c->ceiling_from, sizeof c->ceiling_from, ceiling_origin_name(ceiling.origin));
}

static const struct trial *baseline_of(const struct unit *u)
{
    for (size_t i = 0; i < u->suite->nsubjects; i++) {
        const struct trial *t = &u->trials[i];
        if (t->baseline != NULL && t->label[0] == '\0' && t->nsamples > 0)
            return t;
    }
    return NULL;
}

static void set_ratio(struct record_case *c, const struct unit *u, const struct trial *t)
{
    const struct trial *theirs = baseline_of(u);
    if (theirs == NULL || theirs == t || t->label[0] != '\0' || strcmp(c->transport, "null") == 0)
        return;
    struct ratio r;
    stats_ratio(&r, theirs->samples, t->samples, t->nsamples < theirs->nsamples ? t->nsamples : theirs->nsamples);
    c->ratio = r.median;
    c->ratio_low = r.low;
    c->ratio_high = r.high;
}

static void set_facts(struct record_case *c, const struct trial *t)
{
    if (t->operation == NULL)
        return;
    const struct operation_facts *f = operation_facts(t->operation);
    set(c->protocol, sizeof c->protocol, f->protocol);
    c->wire_bytes = f->busiest_egress > f->busiest_ingress ? f->busiest_egress : f->busiest_ingress;
    c->network_bytes = f->host_egress > f->host_ingress ? f->host_egress : f->host_ingress;
    c->incast = f->incast;
    c->hops = f->hops;
}

static void set_card(struct record_case *c, const struct trial *t)
{
    const struct card_packets *p = &t->card;
    c->card_calls = t->card_calls;
    set(c->card_port, sizeof c->card_port, p->port);
    c->card_sent = p->sent;
    c->card_received = p->received;
    c->card_payload = p->payload;
    c->card_credits = p->credits;
    c->card_acknowledgements = p->acknowledgements;
    c->card_other = p->other;
    c->card_retried = p->retried;
}

void outcome_record(struct record_case *c, const struct session *s, const struct unit *u, size_t subject)
{
    static const char *const stops[] = { [STOP_PRECISE] = "precise", [STOP_BUDGET] = "budget", [STOP_FIXED] = "fixed" };
    const struct trial *t = &u->trials[subject];
    outcome_name(c, s, u, subject);
    set(c->label, sizeof c->label, t->label);
    if (t->baseline != NULL && t->baseline->ops->chosen != NULL)
        set(c->chosen, sizeof c->chosen, t->baseline->ops->chosen(t->baseline));
    set(c->stopped, sizeof c->stopped, stops[u->stop]);
    c->wrong = t->wrong;
    c->aggregate = (int)u->aggregate;
    set_facts(c, t);
    set_card(c, t);
    struct stats stats;
    stats_of(&stats, t->samples, t->nsamples);
    c->time_us = time_of(&stats);
    set_samples(c, t);
    set_bandwidths(c, s, u, &stats);
    set_ratio(c, u, t);
}
