/* Ring reduce: a pipeline that begins behind the root, is added to by everybody and ends in the root. */
#include "collectives/algorithms/algorithms.h"

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int at = group_position(g, rank), next = group_at(g, at + 1), prev = group_at(g, at - 1);
    const bool first = prev == g->root, second = group_at(g, at - 2) == g->root && !first;
    if (rank != g->root)
        plan_add(p, 0, &prev, !first, &next, 1, chunk_in(0), chunk_none(),
                 (first ? STEP_PULL_SEND : 0) | (second ? STEP_PULL_RECV : 0));
    else
        plan_add(p, 0, &prev, g->nranks > 1, NULL, 0, chunk_in(0), chunk_out(0), STEP_FINISH | (g->nranks == 2 ? STEP_PULL_RECV : 0));
}

const struct algorithm ring_reduce = {
    .name = "ring_reduce", .family = "ring", .summary = "a pipeline round the ring that ends in the root",
    .collective = COLLECTIVE_REDUCE, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
