/* Ring all-reduce: reduce-scatter, then all-gather, over n chunks; 2(n-1) messages of S/n bytes a rank, the least that any
 * algorithm can send (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms", 2009). */
#include "collectives/algorithms/algorithms.h"

static void plan(struct plan *p, const struct group *g, int rank)
{
    if (g->nranks == 1) {
        plan_add(p, 0, NULL, 0, NULL, 0, chunk_in(0), chunk_out(0), STEP_FINISH);
        return;
    }
    ring_reduce_half(p, g, rank, chunk_out(rank), true);
    ring_gather_half(p, g, rank);
}

const struct algorithm ring_all_reduce = {
    .name = "ring_all_reduce", .family = "ring", .summary = "reduce-scatter, then all-gather, round the ring",
    .collective = COLLECTIVE_ALL_REDUCE, .cuts = cuts_ranks, .plan = plan, .direct = true, .min_ranks = 1,
};
