#include "collectives/cost.h"

#include "collectives/prove.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

struct arrival {
    double time;
    struct arrival *next;
};

struct pipe {
    struct arrival *first, *last;
};

struct walker {
    int rank, lane;
    int at; /* index in the plan of the next step of this lane */
    uint64_t piece;
    double time;
};

struct costing {
    const struct group *g;
    const struct plan *plans;
    const struct cost_links *links;
    uint64_t count, pieces, piece_elements;
    size_t type_bytes;
    int cuts, nwalkers;
    struct walker *walkers;
    struct pipe *pipes;      /* [from * n + to] */
    double *egress, *ingress; /* when a rank's port is free again */
};

static int next_step(const struct plan *p, int lane, int from)
{
    while (from < p->nsteps && p->steps[from].lane != lane)
        from++;
    return from;
}

static struct pipe *pipe_of(const struct costing *c, int from, int to)
{
    return &c->pipes[(size_t)from * (size_t)c->g->nranks + (size_t)to];
}

static double later(double a, double b)
{
    return a > b ? a : b;
}

static uint64_t piece_bytes_of(const struct costing *c, const struct step *s, uint64_t piece)
{
    const uint64_t elements = step_elements(s, c->count, c->type_bytes, c->cuts), first = piece * c->piece_elements;
    const uint64_t left = first < elements ? elements - first : 0;
    return (left < c->piece_elements ? left : c->piece_elements) * c->type_bytes;
}

static bool can_play(const struct costing *c, const struct walker *w, const struct step *s)
{
    if (s->flags & STEP_GRANT)
        return true;
    for (int i = 0; i < s->nrecv; i++)
        if (pipe_of(c, s->recv_from[i], w->rank)->first == NULL)
            return false;
    return true;
}

static void play(struct costing *c, struct walker *w, const struct step *s, uint64_t bytes)
{
    for (int i = 0; i < s->nrecv && !(s->flags & STEP_GRANT); i++) {
        struct pipe *p = pipe_of(c, s->recv_from[i], w->rank);
        struct arrival *a = p->first;
        p->first = a->next;
        w->time = later(w->time, a->time);
        free(a);
    }
    if (s->nrecv > 0 || s->dst.buffer != BUFFER_NONE)
        w->time += c->links->reduce * (double)bytes * (s->flags & STEP_GRANT ? 0 : 1);
    for (int i = 0; i < s->nsend; i++) {
        const int to = s->send_to[i];
        const double start = later(later(w->time, c->egress[w->rank]), c->ingress[to] - c->links->alpha);
        const double sent = start + (double)bytes / c->links->rate;
        c->egress[w->rank] = sent;
        c->ingress[to] = sent + c->links->alpha;
        struct arrival *a = rb_malloc(sizeof *a);
        *a = (struct arrival){ sent + c->links->alpha, NULL };
        struct pipe *p = pipe_of(c, w->rank, to);
        if (p->first == NULL)
            p->first = a;
        else
            p->last->next = a;
        p->last = a;
    }
}

/* The walker that is earliest in time and can go on plays one step, so that ports are shared in order of time. */
static struct walker *earliest(const struct costing *c)
{
    struct walker *best = NULL;
    for (int i = 0; i < c->nwalkers; i++) {
        struct walker *w = &c->walkers[i];
        if (w->piece < c->pieces && (best == NULL || w->time < best->time) && can_play(c, w, &c->plans[w->rank].steps[w->at]))
            best = w;
    }
    return best;
}

static void advance(struct costing *c, struct walker *w)
{
    const struct plan *p = &c->plans[w->rank];
    const uint64_t bytes = piece_bytes_of(c, &p->steps[w->at], w->piece);
    play(c, w, &p->steps[w->at], bytes);
    w->at = next_step(p, w->lane, w->at + 1);
    if (w->at < p->nsteps)
        return;
    w->at = next_step(p, w->lane, 0);
    w->piece++;
}

static void start_walkers(struct costing *c)
{
    for (int r = 0; r < c->g->nranks; r++)
        c->nwalkers += c->plans[r].nlanes;
    c->walkers = rb_calloc((size_t)c->nwalkers, sizeof *c->walkers);
    int k = 0;
    for (int r = 0; r < c->g->nranks; r++)
        for (int lane = 0; lane < c->plans[r].nlanes; lane++) {
            struct walker w = { .rank = r, .lane = lane, .at = next_step(&c->plans[r], lane, 0) };
            w.piece = w.at < c->plans[r].nsteps ? 0 : c->pieces;
            c->walkers[k++] = w;
        }
}

double cost_of(const struct algorithm *a, const struct group *g, const struct plan *plans, uint64_t count, size_t type_bytes,
               uint64_t piece_bytes, const struct cost_links *links)
{
    const size_t n = (size_t)g->nranks;
    struct costing c = { .g = g, .plans = plans, .links = links, .count = count, .type_bytes = type_bytes, .cuts = a->cuts(g) };
    uint64_t first, largest;
    chunk_range(count, type_bytes, c.cuts, 0, &first, &largest);
    c.piece_elements = piece_bytes / type_bytes;
    if (c.piece_elements == 0 || c.piece_elements > largest)
        c.piece_elements = largest > 0 ? largest : 1;
    c.pieces = (largest + c.piece_elements - 1) / c.piece_elements;
    c.pipes = rb_calloc(n * n, sizeof *c.pipes);
    c.egress = rb_calloc(n, sizeof *c.egress);
    c.ingress = rb_calloc(n, sizeof *c.ingress);
    start_walkers(&c);
    for (struct walker *w; (w = earliest(&c)) != NULL;)
        advance(&c, w);
    double end = 0;
    for (int i = 0; i < c.nwalkers; i++)
        end = later(end, c.walkers[i].time);
    free(c.walkers);
    free(c.pipes);
    free(c.egress);
    free(c.ingress);
    return end;
}
