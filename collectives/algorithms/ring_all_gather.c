/* Ring all-gather: every block is handed on n-1 times. */
#include "collectives/algorithms/algorithms.h"

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int next = group_at(g, group_position(g, rank) + 1);
    plan_add(p, 0, NULL, 0, &next, g->nranks > 1, chunk_in(0), chunk_out(rank), STEP_PULL_SEND);
    if (g->nranks > 1)
        ring_gather_half(p, g, rank);
}

const struct algorithm ring_all_gather = {
    .name = "ring_all_gather", .family = "ring", .summary = "each block is handed round the ring",
    .collective = COLLECTIVE_ALL_GATHER, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
