#include "scale/simgrid_files.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AHEAD = 8, LATENCIES = 16 };
#define HOST_SPEED 1e9

/* --- platform --- */

static void add_link(struct text *out, const char *kind, size_t number, double Bps, double seconds, const char *policy)
{
    text_add(out, "<link id=\"%s%zu\" bandwidth=\"%.17gBps\" latency=\"%.17gs\" sharing_policy=\"%s\"/>\n", kind, number, Bps, seconds, policy);
}

/* Latencies and caps are links that any number of flows pass at once. */
struct private_links {
    double latency[LATENCIES], cap[LATENCIES];
    size_t n;
};

static size_t private_link(struct text *out, struct private_links *p, const struct flow_path *path)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->latency[i] == path->latency && p->cap[i] == path->cap)
            return i;
    if (p->n == LATENCIES)
        return p->n - 1;
    p->latency[p->n] = path->latency;
    p->cap[p->n] = path->cap;
    add_link(out, "d", p->n, path->cap > 0 ? path->cap : 1e18, path->latency, "FATPIPE");
    return p->n++;
}

static void add_route(struct text *out, const struct fabric *f, const int pair[2], size_t private)
{
    struct flow_path path;
    f->network.route(f->network.context, pair[0], pair[1], &path);
    text_add(out, "<route src=\"g%d\" dst=\"g%d\" symmetrical=\"NO\"><link_ctn id=\"d%zu\"/>", pair[0], pair[1], private);
    for (int i = 0; i < path.n; i++)
        text_add(out, "<link_ctn id=\"l%d\"/>", path.links[i]);
    text_add(out, "</route>\n");
}

void simgrid_platform(struct text *out, const struct fabric *f, const int (*pairs)[2], size_t npairs)
{
    struct private_links private = { .n = 0 };
    size_t *which = rb_calloc(npairs + 1, sizeof *which);
    text_add(out, "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                  "<platform version=\"4.1\">\n<zone id=\"cluster\" routing=\"Full\">\n");
    for (int r = 0; r < f->nranks; r++)
        text_add(out, "<host id=\"g%d\" speed=\"%.0ff\"/>\n", r, HOST_SPEED);
    for (int i = 0; i < f->network.nlinks; i++)
        if (isfinite(f->rates[i]))
            add_link(out, "l", (size_t)i, f->rates[i], 0, "SHARED");
    for (size_t i = 0; i < npairs; i++) {
        struct flow_path path;
        f->network.route(f->network.context, pairs[i][0], pairs[i][1], &path);
        which[i] = private_link(out, &private, &path);
    }
    for (size_t i = 0; i < npairs; i++)
        add_route(out, f, pairs[i], which[i]);
    text_add(out, "</zone>\n</platform>\n");
    free(which);
}

static int by_ends(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return x[0] != y[0] ? (x[0] > y[0]) - (x[0] < y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

int (*simgrid_pairs(const struct trace_rank *ranks, int nranks, size_t *npairs_p))[2]
{
    int(*pairs)[2] = NULL;
    size_t n = 0, room = 0, kept = 0;
    for (int r = 0; r < nranks; r++) {
        const size_t before = n;
        for (int i = 0; i < ranks[r].n; i++)
            for (int k = 0; k < ranks[r].steps[i].step->nsend; k++) {
                const int to = ranks[r].steps[i].step->send_to[k];
                if (n > before && pairs[n - 1][1] == to)
                    continue;
                if (n == room) {
                    room = 2 * room + 1024;
                    pairs = rb_realloc(pairs, room * sizeof *pairs);
                }
                pairs[n][0] = r;
                pairs[n++][1] = to;
            }
    }
    if (n > 0)
        qsort(pairs, n, sizeof *pairs, by_ends);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || by_ends(pairs[i], pairs[kept - 1]) != 0)
            memmove(pairs[kept++], pairs[i], sizeof *pairs);
    *npairs_p = kept;
    return pairs;
}

/* --- traces --- */

/* Messages of a connection so far; the number of a message is its tag. */
struct peer {
    int rank, received, posted, sent;
};
struct peers {
    struct peer *list;
    int n, room, last;
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

static void play_step(struct text *out, struct peers *peers, const struct trace_step *t, int rank, double reduce_Bps)
{
    const struct step *s = t->step;
    for (int i = 0; i < s->nrecv; i++)
        text_add(out, "%d wait %d %d %d\n", rank, s->recv_from[i], rank, peer_of(peers, s->recv_from[i])->received++);
    const int operands = s->nrecv + (s->src.buffer == BUFFER_IN || s->src.buffer == BUFFER_OUT);
    if (reduce_Bps > 0 && (s->nrecv > 0 || s->dst.buffer != BUFFER_NONE))
        text_add(out, "%d compute %.17g\n", rank, (double)t->bytes * (operands > 1 ? operands - 1 : 1) / reduce_Bps * HOST_SPEED);
    for (int i = 0; i < s->nsend; i++) {
        struct peer *p = peer_of(peers, s->send_to[i]);
        if (p->sent > 0)
            text_add(out, "%d wait %d %d %d\n", rank, rank, s->send_to[i], p->sent - 1);
        text_add(out, "%d isend %d %d %llu 6\n", rank, s->send_to[i], p->sent++, (unsigned long long)t->bytes);
    }
}

void simgrid_trace(struct text *out, const struct trace_rank *r, int rank, double reduce_Bps)
{
    struct peers peers = {0};
    text_add(out, "%d init\n", rank);
    for (int i = 0, posted = 0; i < r->n; i++) {
        for (; posted < r->n && posted <= i + AHEAD; posted++)
            post_receives(out, &peers, &r->steps[posted], rank);
        play_step(out, &peers, &r->steps[i], rank, reduce_Bps);
    }
    for (int i = 0; i < peers.n; i++)
        if (peers.list[i].sent > 0)
            text_add(out, "%d wait %d %d %d\n", rank, rank, peers.list[i].rank, peers.list[i].sent - 1);
    text_add(out, "%d finalize\n", rank);
    free(peers.list);
}
