#include "scale/star.h"

#include "collectives/prove.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>

/* What one server gets and gives. */
struct shard {
    int server;
    int *from, *to;
    int nfrom, nto;
    double bytes;
};

struct round {
    double *load; /* bytes over each link */
    double seconds, latency;
    int busiest;
};

struct star {
    const struct cost_setup *setup;
    const struct fabric *fabric;
    struct shard *shards;
    int nshards;
    double *out, *in; /* bytes of each rank */
    struct round push, pull;
    uint64_t messages;
};

/* --- does the schedule apply --- */

static int *copied(const int *list, int n)
{
    int *copy = rb_calloc((size_t)n + 1, sizeof *copy);
    for (int i = 0; i < n; i++)
        copy[i] = list[i];
    return copy;
}

/* The one step that gathers and hands out; every other sends or receives a single message and waits for none. NULL: something else. */
static const struct step *serving_step(const struct plan *p)
{
    const struct step *serves = NULL;
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        if (s->after >= 0)
            return NULL;
        if (s->nrecv + s->nsend <= 1)
            continue;
        if (serves != NULL || s->nrecv == 0 || s->nsend == 0)
            return NULL;
        serves = s;
    }
    return serves;
}

static bool take_server(struct star *x, int rank)
{
    const struct cost_setup *c = x->setup;
    struct plan p;
    if (plan_build(&p, c->algorithm, c->group, rank) != RB_OK)
        return false;
    schedule_slots(&p);
    const struct step *s = serving_step(&p);
    if (s != NULL) {
        const double bytes = (double)(step_elements(s, c->count, c->type_bytes, c->algorithm->cuts(c->group)) * c->type_bytes);
        x->shards[x->nshards++] = (struct shard){ rank, copied(s->recv_from, s->nrecv), copied(s->send_to, s->nsend), s->nrecv, s->nsend, bytes };
    }
    plan_free(&p);
    return s != NULL;
}

/* Servers are the first ranks or the last. */
static bool find_servers(struct star *x)
{
    const int n = x->setup->group->nranks, k = x->setup->group->servers;
    const int played = k < x->fabric->period ? k : x->fabric->period;
    const bool first = take_server(x, 0);
    for (int i = first ? 1 : 0; i < played; i++)
        if (!take_server(x, first ? i : n - k + i))
            return false;
    return true;
}

/* --- loads --- */

static void add_message(struct star *x, struct round *r, int from, int to, double bytes)
{
    struct flow_path path;
    x->fabric->network.route(x->fabric, from, to, &path);
    for (int i = 0; i < path.n; i++)
        r->load[path.links[i]] += bytes;
    if (path.cap > 0)
        r->seconds = fmax(r->seconds, bytes / path.cap);
    r->latency = fmax(r->latency, path.latency);
    x->out[from] += bytes;
    x->in[to] += bytes;
    x->messages++;
}

static void end_round(const struct star *x, struct round *r)
{
    r->busiest = -1;
    for (int i = 0; i < x->fabric->network.nlinks; i++)
        if (r->load[i] / x->fabric->rates[i] > r->seconds) {
            r->seconds = r->load[i] / x->fabric->rates[i];
            r->busiest = i;
        }
}

static void load_links(struct star *x)
{
    for (int s = 0; s < x->nshards; s++) {
        const struct shard *h = &x->shards[s];
        for (int i = 0; i < h->nfrom; i++)
            add_message(x, &x->push, h->from[i], h->server, h->bytes);
        for (int i = 0; i < h->nto; i++)
            add_message(x, &x->pull, h->server, h->to[i], h->bytes);
    }
    end_round(x, &x->push);
    end_round(x, &x->pull);
}

static bool over_slowest(const struct star *x, int from, int to)
{
    struct flow_path path;
    x->fabric->network.route(x->fabric, from, to, &path);
    for (int i = 0; i < path.n; i++)
        if (x->push.load[path.links[i]] / x->fabric->rates[path.links[i]] >= x->push.seconds * (1 - 1e-6))
            return true;
    return false;
}

/* All servers get their last message at once. */
static bool servers_agree(const struct star *x)
{
    for (int s = 0; s < x->nshards; s++) {
        const struct shard *h = &x->shards[s];
        int i = 0;
        while (i < h->nfrom && !over_slowest(x, h->from[i], h->server))
            i++;
        if (i == h->nfrom)
            return false;
    }
    return true;
}

/* --- the answer --- */

static void answer(const struct star *x, struct cost_result *result_p, double *wire_bytes_p)
{
    const int n = x->setup->group->nranks, link = x->push.seconds > x->pull.seconds ? x->push.busiest : x->pull.busiest;
    double most = 0, all = 0;
    for (int r = 0; r < n; r++) {
        most = fmax(most, fmax(x->out[r], x->in[r]));
        all += x->out[r];
    }
    const int period = x->fabric->period; /* alike: what its servers move is what its ranks move */
    *wire_bytes_p = period < n ? all / period : most;
    *result_p = (struct cost_result){ .seconds = x->push.seconds + x->push.latency + x->pull.seconds + x->pull.latency, .sent = all,
                                      .received = all, .messages = x->messages, .steps = x->messages, .peak = 1, .busiest = link,
                                      .busiest_bytes = link >= 0 ? x->push.load[link] + x->pull.load[link] : 0 };
}

static void star_free(struct star *x)
{
    for (int i = 0; i < x->nshards; i++) {
        free(x->shards[i].from);
        free(x->shards[i].to);
    }
    free(x->shards);
    free(x->out);
    free(x->in);
    free(x->push.load);
    free(x->pull.load);
}

bool star_run(const struct cost_setup *setup, const struct fabric *f, struct cost_result *result_p, double *wire_bytes_p)
{
    const size_t n = (size_t)setup->group->nranks, k = (size_t)setup->group->servers, links = (size_t)f->network.nlinks;
    const uint64_t grains = setup->count * setup->type_bytes / 16;
    if (!setup->algorithm->uses_servers || setup->piece_bytes > 0 || f->network.work != NULL || n < 2 || grains < k ||
        (f->period < setup->group->nranks && k < n) || 2.0 * (double)n * fmin((double)k, f->period) > STAR_MOST_MESSAGES)
        return false;
    struct star x = { .setup = setup, .fabric = f };
    x.shards = rb_calloc(k + 1, sizeof *x.shards);
    x.out = rb_calloc(n, sizeof *x.out);
    x.in = rb_calloc(n, sizeof *x.in);
    x.push.load = rb_calloc(links, sizeof *x.push.load);
    x.pull.load = rb_calloc(links, sizeof *x.pull.load);
    bool applies = find_servers(&x);
    if (applies) {
        load_links(&x);
        applies = servers_agree(&x);
    }
    if (applies)
        answer(&x, result_p, wire_bytes_p);
    star_free(&x);
    return applies;
}
