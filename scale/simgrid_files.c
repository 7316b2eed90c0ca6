#include "scale/simgrid_files.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AHEAD = 256, AHEAD_LONG = 8, LONG = 512, FOLLOWING = 3, LATENCIES = 16 };
#define HOST_SPEED 1e9

/* --- platform --- */

static void add_link(struct text *out, const char *kind, size_t number, double Bps, double seconds, const char *policy)
{
    text_add(out, "<link id=\"%s%zu\" bandwidth=\"%.17gBps\" latency=\"%.17gs\" sharing_policy=\"%s\"/>\n", kind, number, Bps, seconds, policy);
}

/* A latency and a cap are a link of the sender's own that any number of its flows pass at once. One for all senders would tie all flows
 * together, and SimGrid would share every link again at each end of a message. */
struct private_links {
    int from;
    double latency[LATENCIES], cap[LATENCIES];
    size_t n, first;
};

static size_t private_link(struct text *out, struct private_links *p, int from, double latency, double cap)
{
    if (p->from != from) {
        p->first += p->n;
        p->n = 0;
        p->from = from;
    }
    for (size_t i = 0; i < p->n; i++)
        if (p->latency[i] == latency && p->cap[i] == cap)
            return p->first + i;
    if (p->n == LATENCIES)
        return p->first + p->n - 1;
    p->latency[p->n] = latency;
    p->cap[p->n] = cap;
    add_link(out, "d", p->first + p->n, cap > 0 ? cap : 1e18, latency, "FATPIPE");
    return p->first + p->n++;
}

static void add_route(struct text *out, const struct trace_pair *pair, const struct flow_path *path, size_t private)
{
    text_add(out, "<route src=\"g%d\" dst=\"g%d\" symmetrical=\"NO\"><link_ctn id=\"d%zu\"/>", pair->from, pair->to, private);
    for (int i = 0; i < path->n; i++)
        text_add(out, "<link_ctn id=\"l%d\"/>", path->links[i]);
    text_add(out, "</route>\n");
}

/* The memory of a node is a link that its GPUs' passes share: messages to oneself. */
static void add_buses(struct text *out, struct text *routes, const struct fabric *f, struct private_links *private)
{
    for (int r = 0; r < f->nranks; r++) {
        struct flow_path path = { .n = 0 };
        f->network.work(f->network.context, r, &path);
        if (path.n > 0 && isfinite(f->rates[path.links[0]]))
            add_route(routes, &(struct trace_pair){ .from = r, .to = r }, &path, private_link(out, private, f->nranks + r, 0, path.cap));
    }
}

void simgrid_platform(struct text *out, const struct fabric *f, const struct trace_pairs *pairs)
{
    struct private_links private = { .from = -1 };
    struct text routes = {0};
    text_add(out, "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                  "<platform version=\"4.1\">\n<zone id=\"cluster\" routing=\"Full\">\n");
    for (int r = 0; r < f->nranks; r++)
        text_add(out, "<host id=\"g%d\" speed=\"%.0ff\"/>\n", r, HOST_SPEED);
    for (int i = 0; i < f->network.nlinks; i++)
        if (isfinite(f->rates[i]))
            add_link(out, "l", (size_t)i, f->rates[i], 0, "SHARED");
    for (size_t i = 0; i < pairs->n; i++) {
        struct flow_path path;
        f->network.route(f->network.context, pairs->list[i].from, pairs->list[i].to, &path);
        add_route(&routes, &pairs->list[i], &path, private_link(out, &private, pairs->list[i].from, pairs->list[i].follow ? 0 : path.latency, path.cap));
    }
    if (f->network.work != NULL)
        add_buses(out, &routes, f, &private);
    text_add_bytes(out, routes.chars != NULL ? routes.chars : "", routes.length);
    text_add(out, "</zone>\n</platform>\n");
    text_free(&routes);
}

/* --- pairs --- */

static int by_ends(const void *a, const void *b)
{
    const struct trace_pair *x = a, *y = b;
    return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->to > y->to) - (x->to < y->to);
}

static void add_pair(struct trace_pairs *p, size_t *room, const struct trace_pair *pair)
{
    struct trace_pair *last = p->n > 0 ? &p->list[p->n - 1] : NULL;
    if (last != NULL && last->from == pair->from && last->to == pair->to) {
        last->messages++;
        last->bytes = pair->bytes > last->bytes ? pair->bytes : last->bytes;
        return;
    }
    if (p->n == *room) {
        *room = 2 * *room + 1024;
        p->list = rb_realloc(p->list, *room * sizeof *p->list);
    }
    p->list[p->n++] = *pair;
}

/* Several messages that take longer than their latency follow each other: the sender waits for the one before, and the latency
 * is the receiver's, so that it does not keep the wire. Others may be under way together. */
static void decide(const struct fabric *f, struct trace_pair *p)
{
    struct flow_path path;
    f->network.route(f->network.context, p->from, p->to, &path);
    double rate = path.cap > 0 ? path.cap : INFINITY;
    for (int i = 0; i < path.n; i++)
        rate = fmin(rate, f->rates[path.links[i]]);
    p->latency = path.latency;
    p->follow = p->messages >= FOLLOWING && (double)p->bytes / rate > path.latency;
}

static void merge(struct trace_pairs *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct trace_pair *last = kept > 0 ? &p->list[kept - 1] : NULL;
        if (last != NULL && by_ends(last, &p->list[i]) == 0) {
            last->messages += p->list[i].messages;
            last->bytes = p->list[i].bytes > last->bytes ? p->list[i].bytes : last->bytes;
        } else {
            p->list[kept++] = p->list[i];
        }
    }
    p->n = kept;
}

static struct trace_pair *pair_of(const struct trace_pairs *p, int from, int to)
{
    const struct trace_pair key = { .from = from, .to = to };
    return bsearch(&key, p->list, p->n, sizeof *p->list, by_ends);
}

/* Which step sent each message. Counts the messages of a pair again. */
static void note_sends(struct trace_pairs *p, const struct trace_rank *ranks, int nranks)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        p->list[i].first = n;
        n += (size_t)p->list[i].messages;
        p->list[i].messages = 0;
    }
    p->when = rb_calloc(n + 1, sizeof *p->when);
    for (int r = 0; r < nranks; r++)
        for (int i = 0; i < ranks[r].n; i++)
            for (int k = 0; k < ranks[r].steps[i].step->nsend; k++) {
                struct trace_pair *pair = pair_of(p, r, ranks[r].steps[i].step->send_to[k]);
                p->when[pair->first + (size_t)pair->messages++] = ranks[r].steps[i].when;
            }
}

void simgrid_pairs(struct trace_pairs *pairs, const struct fabric *f, const struct trace_rank *ranks)
{
    size_t room = 0;
    *pairs = (struct trace_pairs){0};
    for (int r = 0; r < f->nranks; r++)
        for (int i = 0; i < ranks[r].n; i++)
            for (int k = 0; k < ranks[r].steps[i].step->nsend; k++)
                add_pair(pairs, &room, &(struct trace_pair){ .from = r, .to = ranks[r].steps[i].step->send_to[k], .messages = 1, .bytes = ranks[r].steps[i].bytes });
    if (pairs->n > 0)
        qsort(pairs->list, pairs->n, sizeof *pairs->list, by_ends);
    merge(pairs);
    note_sends(pairs, ranks, f->nranks);
    for (size_t i = 0; i < pairs->n; i++)
        decide(f, &pairs->list[i]);
}

void simgrid_pairs_free(struct trace_pairs *pairs)
{
    free(pairs->list);
    free(pairs->when);
    *pairs = (struct trace_pairs){0};
}

/* --- traces --- */

/* Messages of a connection so far; the number of a message is its tag. */
struct peer {
    int rank, received, posted, sent, waited; /* sends that were waited for */
};
struct peers {
    struct peer *list;
    int n, room, last;
    int passes; /* over the memory, so far */
};

static struct peer *peer_of(struct peers *p, int rank)
{
    if (p->last < p->n && p->list[p->last].rank == rank)
        return &p->list[p->last];
    int i = 0;
    while (i < p->n && p->list[i].rank != rank)
        i++;
    if (i == p->n) {
        if (p->n == p->room) {
            p->room = 2 * p->room + 16;
            p->list = rb_realloc(p->list, (size_t)p->room * sizeof *p->list);
        }
        p->list[p->n++] = (struct peer){ .rank = rank };
    }
    p->last = i;
    return &p->list[i];
}

static void post_receives(struct text *out, struct peers *peers, const struct trace_step *t, int rank)
{
    for (int i = 0; i < t->step->nrecv; i++)
        text_add(out, "%d irecv %d %d %llu 6\n", rank, t->step->recv_from[i], peer_of(peers, t->step->recv_from[i])->posted++,
                 (unsigned long long)t->bytes);
}

static void receive(struct text *out, const struct trace_pairs *pairs, struct peers *peers, const struct step *s, int rank)
{
    double latency = 0;
    for (int i = 0; i < s->nrecv; i++) {
        const struct trace_pair *pair = pair_of(pairs, s->recv_from[i], rank);
        text_add(out, "%d wait %d %d %d\n", rank, s->recv_from[i], rank, peer_of(peers, s->recv_from[i])->received++);
        latency = pair->follow ? fmax(latency, pair->latency) : latency;
    }
    if (latency > 0)
        text_add(out, "%d compute %.17g\n", rank, latency * HOST_SPEED);
}

/* Sends of a pair that nobody has waited for: of a pair whose messages follow each other one; of others so many that the first is long
 * done: SimGrid looks through all of them at every end. */
static int most_open(const struct trace_pair *p)
{
    return p->follow ? 1 : AHEAD_LONG;
}

static void wait_for_earlier(struct text *out, const struct trace_pairs *pairs, struct peer *p, int rank)
{
    const int back = most_open(pair_of(pairs, rank, p->rank));
    for (; p->waited + back <= p->sent; p->waited++)
        text_add(out, "%d wait %d %d %d\n", rank, rank, p->rank, p->waited);
}

/* A pass over the operands: over the node's memory if it is a link, else at the GPU's own rate. */
static void work(struct text *out, const struct cluster *c, struct peers *peers, const struct trace_step *t, int rank)
{
    const struct step *s = t->step;
    const int operands = s->nrecv + (s->src.buffer == BUFFER_IN || s->src.buffer == BUFFER_OUT);
    const unsigned long long bytes = t->bytes * (unsigned long long)(operands > 1 ? operands - 1 : 1);
    if (s->nrecv == 0 && s->dst.buffer == BUFFER_NONE)
        return;
    if (c->memory_Bps > 0) {
        text_add(out, "%d isend %d %d %llu 6\n%d recv %d %d %llu 6\n", rank, rank, peers->passes, bytes, rank, rank, peers->passes, bytes);
        text_add(out, "%d wait %d %d %d\n", rank, rank, rank, peers->passes++);
    } else if (c->reduce_Bps > 0) {
        text_add(out, "%d compute %.17g\n", rank, (double)bytes / c->reduce_Bps * HOST_SPEED);
    }
}

static void play_step(struct text *out, const struct trace_pairs *pairs, struct peers *peers, const struct trace_step *t, int rank,
                      const struct cluster *c)
{
    const struct step *s = t->step;
    receive(out, pairs, peers, s, rank);
    work(out, c, peers, t, rank);
    for (int i = 0; i < s->nsend; i++) {
        struct peer *p = peer_of(peers, s->send_to[i]);
        wait_for_earlier(out, pairs, p, rank);
        text_add(out, "%d isend %d %d %llu 6\n", rank, s->send_to[i], p->sent++, (unsigned long long)t->bytes);
    }
}

/* Sends that nobody has waited for yet. */
static void wait_for_sends(struct text *out, const struct peers *peers, int rank)
{
    for (int i = 0; i < peers->n; i++)
        for (int k = peers->list[i].waited; k < peers->list[i].sent; k++)
            text_add(out, "%d wait %d %d %d\n", rank, rank, peers->list[i].rank, k);
}

/* --- which receives must be posted --- */

/* The step of the sender that waits for the message to end. */
static size_t waited_for(const struct trace_pairs *pairs, const struct trace_pair *p, int message)
{
    const int next = message + most_open(p);
    return next < p->messages ? pairs->when[p->first + (size_t)next] : SIZE_MAX;
}

/* For each step the first one of other ranks that waits for a message which this step or a later one receives. A sender that waits for
 * a message that its receiver has not posted, because the receiver itself waits, would wait for ever. */
static size_t *find_needs(const struct trace_pairs *pairs, const struct trace_rank *r, int rank)
{
    struct peers peers = {0};
    size_t *needs = rb_calloc((size_t)r->n + 1, sizeof *needs);
    needs[r->n] = SIZE_MAX;
    for (int i = 0; i < r->n; i++) {
        const struct step *s = r->steps[i].step;
        needs[i] = SIZE_MAX;
        for (int k = 0; k < s->nrecv; k++) {
            const size_t when = waited_for(pairs, pair_of(pairs, s->recv_from[k], rank), peer_of(&peers, s->recv_from[k])->posted++);
            needs[i] = when < needs[i] ? when : needs[i];
        }
    }
    for (int i = r->n - 1; i >= 0; i--)
        needs[i] = needs[i + 1] < needs[i] ? needs[i + 1] : needs[i];
    free(peers.list);
    return needs;
}

/* A rank of a ring needs few receives posted, and many of them take smpirun long to match. Of several senders one may run far ahead. */
static bool one_sender(const struct trace_rank *r)
{
    int from = -1;
    for (int i = 0; i < r->n; i++)
        for (int k = 0; k < r->steps[i].step->nrecv; k++) {
            if (from >= 0 && r->steps[i].step->recv_from[k] != from)
                return false;
            from = r->steps[i].step->recv_from[k];
        }
    return true;
}

void simgrid_trace(struct text *out, const struct trace_pairs *pairs, const struct trace_rank *r, int rank, const struct cluster *c)
{
    struct peers peers = {0};
    text_add(out, "%d init\n", rank);
    const int most = r->n > LONG && one_sender(r) ? AHEAD_LONG : AHEAD;
    size_t *needs = find_needs(pairs, r, rank);
    for (int i = 0, posted = 0, ahead = 0; i < r->n; i++) {
        const size_t next = i + 1 < r->n ? r->steps[i + 1].when : SIZE_MAX;
        for (; posted < r->n && (posted <= i || ahead < most || needs[posted] < next); posted++) {
            post_receives(out, &peers, &r->steps[posted], rank);
            ahead += r->steps[posted].step->nrecv;
        }
        play_step(out, pairs, &peers, &r->steps[i], rank, c);
        ahead -= r->steps[i].step->nrecv;
    }
    wait_for_sends(out, &peers, rank);
    text_add(out, "%d finalize\n", rank);
    free(needs);
    free(peers.list);
}
