#include "collectives/algorithms/algorithms.h"

#include "core/text.h"

int cuts_one(const struct group *g)
{
    (void)g;
    return 1;
}

int cuts_ranks(const struct group *g)
{
    return g->nranks;
}

int cuts_servers(const struct group *g)
{
    return g->servers;
}

int group_nodes(const struct group *g)
{
    return g->nodes > 0 && g->nranks % g->nodes == 0 ? g->nodes : 1;
}

int group_nodes_or_all(const struct group *g)
{
    return g->nodes > 0 && g->nranks % g->nodes == 0 ? g->nodes : g->nranks;
}

int *others_ascending(const struct group *g, int rank)
{
    int *peers = rb_malloc((size_t)g->nranks * sizeof *peers), n = 0;
    for (int r = 0; r < g->nranks; r++)
        if (r != rank)
            peers[n++] = r;
    return peers;
}

int *others_from(const struct group *g, int rank)
{
    int *peers = rb_malloc((size_t)g->nranks * sizeof *peers);
    for (int k = 1; k < g->nranks; k++)
        peers[k - 1] = (rank + k) % g->nranks;
    return peers;
}

void ring_reduce_half(struct plan *p, const struct group *g, int rank, struct chunk result, bool hand_on)
{
    const int n = g->nranks, at = group_position(g, rank);
    const int next = group_at(g, at + 1), prev = group_at(g, at - 1);
    plan_add(p, 0, NULL, 0, &next, 1, chunk_in(prev), chunk_none(), STEP_PULL_SEND);
    for (int k = 1; k <= n - 2; k++) /* what was published is the first message of each neighbour only */
        plan_add(p, 0, &prev, 1, &next, 1, chunk_in(group_at(g, at - 1 - k)), chunk_none(), k == 1 ? STEP_PULL_RECV : 0);
    plan_add(p, 0, &prev, 1, &next, hand_on, chunk_in(rank), result,
             STEP_FINISH | (hand_on ? STEP_PULL_SEND : 0) | (n == 2 ? STEP_PULL_RECV : 0));
}

void ring_gather_half(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks, at = group_position(g, rank);
    const int next = group_at(g, at + 1), prev = group_at(g, at - 1);
    for (int k = 1; k <= n - 2; k++)
        plan_add(p, 0, &prev, 1, &next, 1, chunk_none(), chunk_out(group_at(g, at - k)), STEP_PULL_RECV | STEP_PULL_SEND);
    plan_add(p, 0, &prev, 1, NULL, 0, chunk_none(), chunk_out(next), STEP_PULL_RECV);
}
