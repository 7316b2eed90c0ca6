/* Ring broadcast: a pipeline from the root once round the ring, short of closing it. */
#include "collectives/algorithms/algorithms.h"

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int at = group_position(g, rank), next = group_at(g, at + 1), prev = group_at(g, at - 1);
    const bool last = next == g->root;
    if (rank == g->root)
        plan_add(p, 0, NULL, 0, &next, !last, chunk_in(0), chunk_out(0), STEP_PULL_SEND);
    else
        plan_add(p, 0, &prev, 1, &next, !last, chunk_none(), chunk_out(0), STEP_PULL_RECV | STEP_PULL_SEND);
}

const struct algorithm ring_broadcast = {
    .name = "ring_broadcast", .family = "ring", .summary = "a pipeline from the root round the ring",
    .collective = COLLECTIVE_BROADCAST, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
