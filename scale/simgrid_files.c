#include "scale/simgrid_files.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LATENCIES = 16 };
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
        add_route(&routes, &pairs->list[i], &path, private_link(out, &private, pairs->list[i].from, path.latency, path.cap));
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

static void add_pair(struct trace_pairs *p, size_t *room, int from, int to)
{
    const struct trace_pair *last = p->n > 0 ? &p->list[p->n - 1] : NULL;
    if (last != NULL && last->from == from && last->to == to)
        return;
    if (p->n == *room) {
        *room = 2 * *room + 1024;
        p->list = rb_realloc(p->list, *room * sizeof *p->list);
    }
    p->list[p->n++] = (struct trace_pair){ from, to };
}

static void drop_twins(struct trace_pairs *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++)
        if (kept == 0 || by_ends(&p->list[kept - 1], &p->list[i]) != 0)
            p->list[kept++] = p->list[i];
    p->n = kept;
}

void simgrid_pairs(struct trace_pairs *pairs, const struct trace_rank *ranks, int nranks)
{
    size_t room = 0;
    *pairs = (struct trace_pairs){0};
    for (int r = 0; r < nranks; r++)
        for (int i = 0; i < ranks[r].n; i++)
            for (int k = 0; k < ranks[r].steps[i].step->nsend; k++)
                add_pair(pairs, &room, r, ranks[r].steps[i].step->send_to[k]);
    if (pairs->n > 0)
        qsort(pairs->list, pairs->n, sizeof *pairs->list, by_ends);
    drop_twins(pairs);
}

/* --- traces --- */

/* Messages of a connection so far; the number of a message is its tag. */
struct peer {
    int rank, received, sent;
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

static void receive(struct text *out, struct peers *peers, const struct trace_step *t, int rank)
{
    for (int i = 0; i < t->step->nrecv; i++)
        text_add(out, "%d recv %d %d %llu 6\n", rank, t->step->recv_from[i], peer_of(peers, t->step->recv_from[i])->received++,
                 (unsigned long long)t->bytes);
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

static void play_step(struct text *out, struct peers *peers, const struct trace_step *t, int rank, const struct cluster *c)
{
    receive(out, peers, t, rank);
    work(out, c, peers, t, rank);
    for (int i = 0; i < t->step->nsend; i++)
        text_add(out, "%d isend %d %d %llu 6\n", rank, t->step->send_to[i], peer_of(peers, t->step->send_to[i])->sent++, (unsigned long long)t->bytes);
}

static void wait_for_sends(struct text *out, const struct peers *peers, int rank)
{
    for (int i = 0; i < peers->n; i++)
        for (int k = 0; k < peers->list[i].sent; k++)
            text_add(out, "%d wait %d %d %d\n", rank, rank, peers->list[i].rank, k);
}

void simgrid_trace(struct text *out, const struct trace_rank *r, int rank, const struct cluster *c)
{
    struct peers peers = {0};
    text_add(out, "%d init\n", rank);
    for (int i = 0; i < r->n; i++)
        play_step(out, &peers, &r->steps[i], rank, c);
    wait_for_sends(out, &peers, rank);
    text_add(out, "%d finalize\n", rank);
    free(peers.list);
}
