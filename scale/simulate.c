#include "scale/simulate.h"

#include "core/error.h"
#include "core/text.h"
#include "scale/chain.h"
#include "scale/simgrid.h"
#include "scale/star.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_BYTES = 4 };

uint64_t simulation_count(const struct simulation *s)
{
    return s->bytes / TYPE_BYTES / (uint64_t)collective_get(s->algorithm->collective)->size_blocks(&s->group);
}

int simulation_check(struct simulation *s)
{
    const struct algorithm *a = s->algorithm;
    const int n = s->group.nranks, gpus = cluster_gpus(s->cluster);
    if (n < a->min_ranks || n < 1)
        return rb_fail(RB_EUSAGE, "%s needs at least %d ranks", a->name, a->min_ranks);
    if (n > gpus)
        return rb_fail(RB_EUSAGE, "-n %d: %s has %d GPUs", n, s->cluster->name, gpus);
    if (s->group.root < 0 || s->group.root >= n)
        return rb_fail(RB_EUSAGE, "--root %d: the ranks are 0 to %d", s->group.root, n - 1);
    if (a->uses_servers && (s->group.servers < 1 || s->group.servers > a->max_servers(n)))
        return rb_fail(RB_EUSAGE, "--servers %d: %s with %d ranks takes 1 to %d", s->group.servers, a->name, n, a->max_servers(n));
    if (n % s->cluster->per_node == 0)
        s->group.nodes = n / s->cluster->per_node;
    return RB_OK;
}

/* --- engine cost --- */

struct counted {
    double *out, *in;
};

static void count_step(void *visitor, int rank, const struct step *s, uint64_t bytes)
{
    struct counted *c = visitor;
    c->out[rank] += (double)bytes * s->nsend;
    c->in[rank] += (double)bytes * s->nrecv;
}

static double busiest_rank(const struct counted *c, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fmax(c->out[i], c->in[i]));
    return most;
}

/* Steps of a rank, and ranks that it sends to. */
static void measure_plan(const struct simulation *s, int rank, double *steps, double *peers)
{
    struct plan p;
    if (plan_build(&p, s->algorithm, &s->group, rank) != RB_OK)
        return;
    bool *seen = rb_calloc((size_t)s->group.nranks, sizeof *seen);
    for (int i = 0; i < p.nsteps; i++)
        for (int k = 0; k < p.steps[i].nsend; k++) {
            *peers += !seen[p.steps[i].send_to[k]];
            seen[p.steps[i].send_to[k]] = true;
        }
    *steps += p.nsteps;
    free(seen);
    plan_free(&p);
}

/* From some ranks, evenly spread: servers are few and stand together. */
static int check_size(const struct simulation *s)
{
    enum { SAMPLE = 128 };
    const int n = s->group.nranks, sample = n < SAMPLE ? n : SAMPLE;
    double steps = 0, peers = 0;
    for (int i = 0; i < sample; i++)
        measure_plan(s, (int)((int64_t)i * n / sample), &steps, &peers);
    const double pieces = s->piece_bytes > 0 ? fmax(1, (double)s->bytes / s->algorithm->cuts(&s->group) / (double)s->piece_bytes) : 1;
    steps *= pieces * n / sample;
    peers *= (double)n / sample;
    const char *why = s->every_rank ? "is played by every rank (--every-rank)" : "does not look alike from every rank";
    if (steps > SIMULATE_MOST_STEPS)
        return rb_fail(RB_EUSAGE, "%s over %d ranks of %s %s and has about %.2g steps, more than the %.2g that are played one by one",
                       s->algorithm->name, n, s->cluster->name, why, steps, SIMULATE_MOST_STEPS);
    if (peers > SIMULATE_MOST_CONNECTIONS)
        return rb_fail(RB_EUSAGE, "%s over %d ranks of %s %s and has about %.2g connections at once, more than the %.2g that fit into 2 GiB",
                       s->algorithm->name, n, s->cluster->name, why, peers, SIMULATE_MOST_CONNECTIONS);
    return RB_OK;
}

static void note_busiest(const struct fabric *f, struct simulated *r)
{
    r->seconds = r->cost.seconds;
    r->period = f->period;
    if (r->cost.busiest < 0)
        return;
    fabric_link_name(f, r->cost.busiest, r->busiest, sizeof r->busiest);
    r->busiest_share = r->cost.busiest_bytes / f->rates[r->cost.busiest] / r->seconds;
}

static int run_events(struct cost_setup *setup, struct fabric *f, struct simulated *r)
{
    const size_t n = (size_t)f->period;
    struct counted counted = { rb_calloc(n, sizeof(double)), rb_calloc(n, sizeof(double)) };
    setup->network = &f->network;
    setup->period = f->period;
    setup->visit = count_step;
    setup->visitor = &counted;
    const int rc = cost_run(setup, &r->cost);
    if (rc == RB_OK) {
        r->wire_bytes = busiest_rank(&counted, f->period);
        note_busiest(f, r);
    }
    free(counted.out);
    free(counted.in);
    return rc;
}

static void run_chain(struct chain *chain, const struct fabric *f, struct simulated *r)
{
    chain_run(chain, &r->cost);
    r->wire_bytes = chain->bytes_of_rank;
    note_busiest(f, r);
    chain_free(chain);
}

/* No rank pushes in the order of another, but what they move looks alike. */
static bool all_serve(const struct simulation *s)
{
    return s->algorithm->uses_servers && s->group.servers == s->group.nranks;
}

static bool simulate_star(const struct simulation *s, const struct cost_setup *setup, enum fabric_protocol protocol, int period, struct simulated *r)
{
    struct fabric f;
    if (fabric_make(&f, s->cluster, protocol, s->group.nranks, period) != RB_OK)
        return false;
    const bool applies = star_run(setup, &f, &r->cost, &r->wire_bytes);
    if (applies)
        note_busiest(&f, r);
    fabric_free(&f);
    return applies;
}

static int simulate_cost(const struct simulation *s, enum fabric_protocol protocol, struct simulated *r)
{
    struct cost_setup setup = { .algorithm = s->algorithm, .group = &s->group, .count = simulation_count(s), .type_bytes = TYPE_BYTES,
                                .piece_bytes = s->piece_bytes };
    const int possible = s->every_rank ? 0 : fabric_period(s->cluster, s->group.nranks);
    if (possible > 0 && all_serve(s) && simulate_star(s, &setup, protocol, possible, r))
        return RB_OK;
    const int period = possible > 0 && cost_folds(&setup, possible) ? possible : 0;
    struct fabric f;
    struct chain chain;
    RB_TRY(fabric_make(&f, s->cluster, protocol, s->group.nranks, period));
    int rc = RB_OK;
    if (period == 0 && !s->every_rank && chain_make(&chain, &setup, &f)) {
        run_chain(&chain, &f, r);
    } else if (!s->every_rank && star_run(&setup, &f, &r->cost, &r->wire_bytes)) {
        note_busiest(&f, r);
    } else {
        rc = period == 0 ? check_size(s) : RB_OK;
        if (rc == RB_OK)
            rc = run_events(&setup, &f, r);
    }
    fabric_free(&f);
    return rc;
}

/* --- both engines --- */

static int simulate_one(const struct simulation *s, enum fabric_protocol protocol, struct simulated *r)
{
    *r = (struct simulated){ .protocol = protocol == PROTOCOL_BULK ? "bulk" : "fast" };
    RB_TRY(simgrid_plays(s->engine) ? simgrid_run(s, protocol, r) : simulate_cost(s, protocol, r));
    if (strcmp(s->protocol, "bare") != 0)
        r->seconds += fabric_base(s->cluster, protocol, s->group.nranks);
    return RB_OK;
}

/* The fast protocol gives up half the rate: beyond these bytes a rank it cannot win on any link of the catalogue. */
static bool fast_can_win(const struct simulation *s, const struct simulated *bulk)
{
    const struct link_latency *l = s->group.nranks > s->cluster->per_node ? &s->cluster->nic_latency : &s->cluster->link_latency;
    const double rate = fmax(s->cluster->link_Bps, s->cluster->nic_Bps * s->cluster->rails);
    const double saved = l->bulk_base_s - l->fast_base_s + (l->bulk_hop_s - l->fast_hop_s) * 4.0 * s->group.nranks;
    return l->fast_share < 1 && (bulk->wire_bytes <= 0 || bulk->wire_bytes / rate < saved * 4);
}

/* Our own model chooses the protocol in milliseconds, so that SimGrid plays only one. */
static int simulate_chosen(const struct simulation *s, struct simulated *result_p)
{
    struct simulation model = *s, chosen = *s;
    struct simulated faster;
    model.engine = "cost";
    RB_TRY(simulate(&model, &faster));
    chosen.protocol = faster.protocol;
    return simulate(&chosen, result_p);
}

int simulate(const struct simulation *s, struct simulated *result_p)
{
    struct simulated bulk, fast;
    if (simgrid_plays(s->engine) && strcmp(s->protocol, "auto") == 0)
        return simulate_chosen(s, result_p);
    if (strcmp(s->protocol, "fast") == 0)
        return simulate_one(s, PROTOCOL_FAST, result_p);
    RB_TRY(simulate_one(s, PROTOCOL_BULK, &bulk));
    *result_p = bulk;
    if (strcmp(s->protocol, "auto") == 0 && fast_can_win(s, &bulk)) {
        RB_TRY(simulate_one(s, PROTOCOL_FAST, &fast));
        if (fast.seconds < bulk.seconds)
            *result_p = fast;
    }
    return RB_OK;
}

/* --- records --- */

/* In the words of imported logs: nvlink, xgmi, pcie; ib, roce, efa, tcp, rdma. */
static const char *transport_of(const struct cluster *c, bool inside)
{
    static const struct {
        const char *part, *word;
    } cards[] = { { " IB", "ib" }, { "RoCE", "roce" }, { "EFA", "efa" }, { "TCP", "tcp" } };
    if (inside && c->scaleup != SCALEUP_LINK)
        return "pcie";
    if (inside)
        return strncmp(c->link_name, "xGMI", 4) == 0 ? "xgmi" : "nvlink";
    for (size_t i = 0; i < RB_LEN(cards); i++)
        if (strstr(c->nic_name, cards[i].part) != NULL)
            return cards[i].word;
    return "rdma";
}

static void set_words(const struct simulation *s, const struct simulated *r, struct record_case *c)
{
    const struct collective *what = collective_get(s->algorithm->collective);
    const bool inside = s->group.nranks <= s->cluster->per_node;
    snprintf(c->collective, sizeof c->collective, "%s", what->name);
    snprintf(c->algorithm, sizeof c->algorithm, "%s", s->algorithm->family);
    snprintf(c->transport, sizeof c->transport, "%s", transport_of(s->cluster, inside));
    snprintf(c->protocol, sizeof c->protocol, "%s", r->protocol);
    snprintf(c->label, sizeof c->label, "%.47s", s->label != NULL ? s->label : "");
    snprintf(c->evidence, sizeof c->evidence, "simulated");
    snprintf(c->gpu, sizeof c->gpu, "%s", s->cluster->gpu_name);
    snprintf(c->source, sizeof c->source, "%.90s, engine %s %s", s->cluster->name, s->engine, simgrid_plays(s->engine) ? simgrid_version() : SIMULATE_VERSION);
    snprintf(c->type, sizeof c->type, "float");
    snprintf(c->op, sizeof c->op, "%s", what->reduces ? "sum" : "none");
    snprintf(c->stopped, sizeof c->stopped, "fixed");
    snprintf(c->ceiling_from, sizeof c->ceiling_from, "catalogue");
    c->root = what->rooted ? s->group.root : -1;
}

/* Busiest direction of a node's cards in an operation of one byte (size as nccl-tests counts it), at least. */
static double leaves_node(const struct simulation *s)
{
    const double ranks = s->group.nranks, in_node = s->cluster->per_node, nodes = ceil(ranks / in_node);
    switch (s->algorithm->collective) {
    case COLLECTIVE_ALL_REDUCE:
        return 2 * (nodes - 1) / nodes;
    case COLLECTIVE_REDUCE_SCATTER:
    case COLLECTIVE_ALL_GATHER:
        return (nodes - 1) / nodes;
    case COLLECTIVE_ALLTOALL:
        return in_node * (ranks - in_node) / ranks;
    default:
        return 1;
    }
}

/* What busbw cannot pass: a GPU's links, and between nodes the cards of a full node together; a GPU sends through one card. */
static double ceiling_Bps(const struct simulation *s)
{
    const struct cluster *c = s->cluster;
    const double links = fmax(c->link_nominal_Bps, c->link_Bps), card = fmax(c->nic_nominal_Bps, c->nic_Bps); /* own figures have no nominal rate */
    if (s->group.nranks <= c->per_node)
        return links;
    const enum collective_id what = s->algorithm->collective;
    const int cards = what == COLLECTIVE_SENDRECV ? 1 : c->rails < c->per_node ? c->rails : c->per_node;
    return fmin(links, card * cards * collective_get(what)->bus_factor(&s->group) / leaves_node(s));
}

void simulation_record(const struct simulation *s, const struct simulated *r, struct record_case *c)
{
    const struct collective *what = collective_get(s->algorithm->collective);
    const double us = r->seconds * 1e6, factor = what->bus_factor(&s->group);
    *c = (struct record_case){ .ranks = s->group.nranks, .servers = s->algorithm->uses_servers ? s->group.servers : 0, .wrong = -1 };
    set_words(s, r, c);
    c->nodes = (s->group.nranks + s->cluster->per_node - 1) / s->cluster->per_node;
    c->count = simulation_count(s);
    c->bytes = c->count * TYPE_BYTES * (uint64_t)what->size_blocks(&s->group);
    c->time_us = (struct record_time){ us, us, us, us, us, us, 0, 1 };
    c->algbw_GBps = r->seconds > 0 ? (double)c->bytes / r->seconds / 1e9 : NAN;
    c->busbw_GBps = factor > 0 ? c->algbw_GBps * factor : NAN;
    c->wire_bytes = (uint64_t)r->wire_bytes;
    c->wire_GBps = r->wire_bytes > 0 && r->seconds > 0 ? r->wire_bytes / r->seconds / 1e9 : NAN;
    c->ceiling_GBps = ceiling_Bps(s) / 1e9;
    c->ratio = c->ratio_low = c->ratio_high = NAN;
}
