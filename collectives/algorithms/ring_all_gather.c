/* Ring all-gather: every block is handed on n-1 times. */
#include "collectives/algorithms/algorithms.h"

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks, at = group_position(g, rank);
    const int next = group_at(g, at + 1), prev = group_at(g, at - 1);
    plan_add(p, 0, NULL, 0, &next, n > 1, chunk_in(0), chunk_out(rank), STEP_PULL_SEND);
    for (int k = 1; k <= n - 2; k++)
        plan_add(p, 0, &prev, 1, &next, 1, chunk_none(), chunk_out(group_at(g, at - k)), STEP_PULL_RECV | STEP_PULL_SEND);
    if (n > 1)
        plan_add(p, 0, &prev, 1, NULL, 0, chunk_none(), chunk_out(next), STEP_PULL_RECV);
}

const struct algorithm ring_all_gather = {
    .name = "ring_all_gather", .family = "ring", .summary = "each block is handed round the ring",
    .collective = COLLECTIVE_ALL_GATHER, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
