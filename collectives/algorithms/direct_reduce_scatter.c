/* Everybody sends each block straight to its owner, who reduces: the first half of the two-shot all-reduce. */
#include "collectives/algorithms/algorithms.h"

#include <stdlib.h>

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks;
    int *to = others_from(g, rank), *from = others_ascending(g, rank);
    for (int k = 0; k < n - 1; k++)
        plan_add(p, 0, NULL, 0, &to[k], 1, chunk_in(to[k]), chunk_none(), STEP_PULL_SEND);
    plan_add(p, 0, from, n - 1, NULL, 0, chunk_in(rank), chunk_out(0), STEP_FINISH | STEP_PULL_RECV);
    plan_src_at(p, rank);
    free(from);
    free(to);
}

const struct algorithm direct_reduce_scatter = {
    .name = "direct_reduce_scatter", .family = "direct_one_shot", .summary = "each block goes straight to its owner: one hop",
    .collective = COLLECTIVE_REDUCE_SCATTER, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
