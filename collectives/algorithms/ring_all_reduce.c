/* Ring all-reduce: reduce-scatter, then all-gather, over n chunks; 2(n-1) messages of S/n bytes a rank, the least that any
 * algorithm can send (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms", 2009). */
#include "collectives/algorithms/algorithms.h"

static void gather(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks, at = group_position(g, rank);
    const int next = group_at(g, at + 1), prev = group_at(g, at - 1);
    for (int k = 1; k <= n - 2; k++)
        plan_add(p, 0, &prev, 1, &next, 1, chunk_none(), chunk_out(group_at(g, at - k)), STEP_PULL_RECV | STEP_PULL_SEND);
    plan_add(p, 0, &prev, 1, NULL, 0, chunk_none(), chunk_out(next), STEP_PULL_RECV);
}

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
    plan_add(p, 0, &prev, 1, &next, 1, chunk_in(rank), chunk_out(rank),
             STEP_FINISH | STEP_PULL_SEND | (n == 2 ? STEP_PULL_RECV : 0));
    gather(p, g, rank);
}

const struct algorithm ring_all_reduce = {
    .name = "ring_all_reduce", .family = "ring", .summary = "reduce-scatter, then all-gather, round the ring",
    .collective = COLLECTIVE_ALL_REDUCE, .cuts = cuts_ranks, .plan = plan, .direct = true, .min_ranks = 1,
};
