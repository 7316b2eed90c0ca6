/* Tree all-reduce: sums climb a binary tree, the result comes down: 2 log2(n) messages one after the other. With `nodes` groups the tree
 * joins ranks of equal place, between a reduce-scatter and an all-gather inside each node. Long messages need pieces: they fill the tree.
 *
 * Tree: in order over the nodes, 1-based; the root of an interval is its member with the most factors of two, so odd ones are leaves.
 * Lanes: 0 and 1 send and receive inside the node, 2 climbs, 3 descends, 4 and 5 gather inside, the other way round. */
#include "collectives/algorithms/algorithms.h"

struct place {
    struct plan *p;
    const struct group *g;
    int nodes, local, node, at;
    int next, prev; /* inside the node */
    int parent, children[2], nchildren;
    int ready; /* step that made what is used next */
};

enum { LANE_SEND, LANE_RECEIVE, LANE_CLIMB, LANE_DESCEND, LANE_SEND_BACK, LANE_RECEIVE_BACK };

static int root_of(int low, int high)
{
    int step = 1;
    while ((high / (2 * step)) * 2 * step >= low)
        step *= 2;
    return high / step * step;
}

static int rank_of(const struct place *w, int number)
{
    return group_at(w->g, (number - 1) * w->local + w->at);
}

/* Down from the root to this node; what is left of the interval has the children. */
static void find_family(struct place *w)
{
    const int me = w->node + 1;
    int low = 1, high = w->nodes, at;
    w->parent = -1;
    while ((at = root_of(low, high)) != me) {
        w->parent = rank_of(w, at);
        *(me < at ? &high : &low) = me < at ? at - 1 : at + 1;
    }
    if (low < me)
        w->children[w->nchildren++] = rank_of(w, root_of(low, me - 1));
    if (me < high)
        w->children[w->nchildren++] = rank_of(w, root_of(me + 1, high));
}

static int share(const struct place *w, int place)
{
    return (place % w->local + w->local) % w->local;
}

static void scatter(struct place *w)
{
    for (int h = 0; h <= w->local - 2; h++) {
        const int out = share(w, w->at - 1 - h), in = share(w, w->at - 2 - h);
        plan_add(w->p, LANE_SEND, NULL, 0, &w->next, 1, h == 0 ? chunk_in(out) : chunk_out(out), chunk_none(), 0);
        if (h > 0)
            plan_after(w->p, w->ready);
        w->ready = plan_add(w->p, LANE_RECEIVE, &w->prev, 1, NULL, 0, chunk_in(in), chunk_out(in),
                            h == w->local - 2 && w->nodes == 1 ? STEP_FINISH : 0);
    }
}

static void climb_and_descend(struct place *w)
{
    const struct chunk own = w->local > 1 ? chunk_out(w->at) : chunk_in(w->at), out = chunk_out(w->at);
    const bool root = w->parent < 0;
    const int climbed = plan_add(w->p, LANE_CLIMB, w->children, w->nchildren, root ? w->children : &w->parent, root ? w->nchildren : 1, own,
                                 root ? out : chunk_none(), root ? STEP_FINISH : 0);
    if (w->local > 1)
        plan_after(w->p, w->ready);
    w->ready = climbed;
    if (root)
        return;
    w->ready = plan_add(w->p, LANE_DESCEND, &w->parent, 1, w->children, w->nchildren, chunk_none(), out, 0);
}

/* The other way round, on connections of its own; two ranks have only the one. */
static void gather(struct place *w)
{
    const bool two = w->local == 2;
    for (int h = 0; h <= w->local - 2; h++) {
        plan_add(w->p, two ? LANE_SEND : LANE_SEND_BACK, NULL, 0, &w->prev, 1, chunk_out(share(w, w->at + h)), chunk_none(), 0);
        if (w->p->steps[w->ready].lane != w->p->steps[w->p->nsteps - 1].lane)
            plan_after(w->p, w->ready);
        w->ready = plan_add(w->p, two ? LANE_RECEIVE : LANE_RECEIVE_BACK, &w->next, 1, NULL, 0, chunk_none(), chunk_out(share(w, w->at + 1 + h)), 0);
    }
}

static int cuts_local(const struct group *g)
{
    return g->nranks / group_nodes_or_all(g);
}

static void plan(struct plan *p, const struct group *g, int rank)
{
    if (g->nranks == 1) {
        plan_add(p, 0, NULL, 0, NULL, 0, chunk_in(0), chunk_out(0), STEP_FINISH);
        return;
    }
    const int nodes = group_nodes_or_all(g), local = g->nranks / nodes, place = group_position(g, rank), node = place / local, at = place % local;
    struct place w = { .p = p, .g = g, .nodes = nodes, .local = local, .node = node, .at = at, .ready = -1 };
    w.next = group_at(g, node * local + (at + 1) % local);
    w.prev = group_at(g, node * local + (at + local - 1) % local);
    scatter(&w);
    if (nodes > 1) {
        find_family(&w);
        climb_and_descend(&w);
    }
    gather(&w);
}

const struct algorithm tree_all_reduce = {
    .name = "tree_all_reduce", .family = "tree", .summary = "up a binary tree and down again, inside nodes a ring",
    .collective = COLLECTIVE_ALL_REDUCE, .cuts = cuts_local, .plan = plan, .min_ranks = 1, .uses_nodes = true,
};
