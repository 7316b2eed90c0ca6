/* Two-level all-reduce over `nodes` groups of neighbours: reduce-scatter inside each, ring all-reduce between the ranks of equal place
 * (each group's cards carry one share), all-gather inside. nodes 0, or one that does not divide the ranks: one group, a flat ring.
 *
 * Every share has a chunk for each node. Inside a node lane 0 sends and lane 1 receives, so that messages follow each other on the
 * wire without waiting for those that come in; partial sums wait in OUT. */
#include "collectives/algorithms/algorithms.h"

#include "core/text.h"

#include <stdlib.h>

struct place {
    struct plan *p;
    int nodes, local; /* groups, and ranks in each */
    int node, at;     /* of this rank */
    int next, prev;   /* inside the node */
    int forth, back;  /* same place, other nodes */
    int *ready;       /* step of lane 1 that made chunk j of the share that is sent next */
};

static int chunk_of(const struct place *w, int share, int j)
{
    return (share % w->local + w->local) % w->local * w->nodes + j;
}

static int node_at(const struct place *w, int node)
{
    return (node % w->nodes + w->nodes) % w->nodes;
}

static void send_chunk(const struct place *w, struct chunk c, int after)
{
    plan_add(w->p, 0, NULL, 0, &w->next, 1, c, chunk_none(), 0);
    if (after >= 0)
        plan_after(w->p, after);
}

/* Receives land in OUT; the last hop brings this rank's own share. */
static void scatter(struct place *w)
{
    const int last = w->local - 2;
    for (int h = 0; h <= last; h++)
        for (int j = 0; j < w->nodes; j++) {
            const int out = chunk_of(w, w->at - 1 - h, j), in = chunk_of(w, w->at - 2 - h, j);
            send_chunk(w, h == 0 ? chunk_in(out) : chunk_out(out), h == 0 ? -1 : w->ready[j]);
            w->ready[j] = plan_add(w->p, 1, &w->prev, 1, NULL, 0, chunk_in(in), chunk_out(in), h == last && w->nodes == 1 ? STEP_FINISH : 0);
        }
}

static struct chunk sum_so_far(const struct place *w, int j)
{
    const int c = chunk_of(w, w->at, node_at(w, j));
    return w->local > 1 ? chunk_out(c) : chunk_in(c);
}

/* A ring all-reduce of this rank's share. */
static void between_nodes(struct place *w)
{
    const int n = w->nodes, i = w->node;
    plan_add(w->p, 1, NULL, 0, &w->forth, 1, sum_so_far(w, i - 1), chunk_none(), 0);
    for (int k = 1; k <= n - 2; k++)
        plan_add(w->p, 1, &w->back, 1, &w->forth, 1, sum_so_far(w, i - 1 - k), chunk_none(), 0);
    w->ready[i] = plan_add(w->p, 1, &w->back, 1, &w->forth, 1, sum_so_far(w, i), chunk_out(chunk_of(w, w->at, i)), STEP_FINISH);
    for (int k = 1; k <= n - 1; k++) {
        const int j = node_at(w, i - k);
        w->ready[j] = plan_add(w->p, 1, &w->back, 1, &w->forth, k < n - 1, chunk_none(), chunk_out(chunk_of(w, w->at, j)), 0);
    }
}

/* In the order in which the chunks were finished. */
static void gather(struct place *w)
{
    for (int h = 0; h <= w->local - 2; h++)
        for (int k = 0; k < w->nodes; k++) {
            const int j = node_at(w, w->node - k);
            send_chunk(w, chunk_out(chunk_of(w, w->at - h, j)), w->ready[j]);
            w->ready[j] = plan_add(w->p, 1, &w->prev, 1, NULL, 0, chunk_none(), chunk_out(chunk_of(w, w->at - 1 - h, j)), 0);
        }
}

static void plan(struct plan *p, const struct group *g, int rank)
{
    if (g->nranks == 1) {
        plan_add(p, 0, NULL, 0, NULL, 0, chunk_in(0), chunk_out(0), STEP_FINISH);
        return;
    }
    const int nodes = group_nodes(g), local = g->nranks / nodes, place = group_position(g, rank), node = place / local, at = place % local;
    struct place w = { .p = p, .nodes = nodes, .local = local, .node = node, .at = at };
    w.next = group_at(g, node * local + (at + 1) % local);
    w.prev = group_at(g, node * local + (at + local - 1) % local);
    w.forth = group_at(g, place + local);
    w.back = group_at(g, place - local);
    w.ready = rb_calloc((size_t)nodes, sizeof *w.ready);
    scatter(&w);
    if (nodes > 1)
        between_nodes(&w);
    gather(&w);
    free(w.ready);
}

const struct algorithm two_level_all_reduce = {
    .name = "two_level_all_reduce", .family = "two_level", .summary = "rings inside the nodes and a ring between equal places",
    .collective = COLLECTIVE_ALL_REDUCE, .cuts = cuts_ranks, .plan = plan, .min_ranks = 1, .uses_nodes = true,
};
