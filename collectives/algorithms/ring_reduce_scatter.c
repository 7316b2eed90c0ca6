/* Ring reduce-scatter: block b starts behind rank b and is added to on its way round; n-1 messages of one block a rank. */
#include "collectives/algorithms/algorithms.h"

static void plan(struct plan *p, const struct group *g, int rank)
{
    if (g->nranks == 1)
        plan_add(p, 0, NULL, 0, NULL, 0, chunk_in(0), chunk_out(0), STEP_FINISH);
    else
        ring_reduce_half(p, g, rank, chunk_out(0), false);
}

const struct algorithm ring_reduce_scatter = {
    .name = "ring_reduce_scatter", .family = "ring", .summary = "each block goes once round the ring and is added to",
    .collective = COLLECTIVE_REDUCE_SCATTER, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
