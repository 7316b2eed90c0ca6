/* Ring reduce-scatter: block b starts behind rank b and is added to on its way round; n-1 messages of one block a rank. */
#include "collectives/algorithms/algorithms.h"

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks, at = group_position(g, rank);
    const int next = group_at(g, at + 1), prev = group_at(g, at - 1);
    if (n == 1) {
        plan_add(p, 0, NULL, 0, NULL, 0, chunk_in(0), chunk_out(0), STEP_FINISH);
        return;
    }
    plan_add(p, 0, NULL, 0, &next, 1, chunk_in(prev), chunk_none(), STEP_PULL_SEND);
    for (int k = 1; k <= n - 2; k++)
        plan_add(p, 0, &prev, 1, &next, 1, chunk_in(group_at(g, at - 1 - k)), chunk_none(), k == 1 ? STEP_PULL_RECV : 0);
    plan_add(p, 0, &prev, 1, NULL, 0, chunk_in(rank), chunk_out(0), STEP_FINISH | (n == 2 ? STEP_PULL_RECV : 0));
}

const struct algorithm ring_reduce_scatter = {
    .name = "ring_reduce_scatter", .family = "ring", .summary = "each block goes once round the ring and is added to",
    .collective = COLLECTIVE_REDUCE_SCATTER, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
