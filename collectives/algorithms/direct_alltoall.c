/* Everybody has a block for everybody. Sends come first: they free the memory that an in-place receive then fills. */
#include "collectives/algorithms/algorithms.h"

#include <stdlib.h>

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks;
    int *to = others_from(g, rank);
    for (int k = 0; k < n - 1; k++)
        plan_add(p, 0, NULL, 0, &to[k], 1, chunk_in(to[k]), chunk_none(), STEP_PULL_SEND);
    plan_add(p, 0, NULL, 0, NULL, 0, chunk_in(rank), chunk_out(rank), 0);
    for (int k = n - 2; k >= 0; k--)
        plan_add(p, 0, &to[k], 1, NULL, 0, chunk_none(), chunk_out(to[k]), STEP_PULL_RECV);
    free(to);
}

const struct algorithm direct_alltoall = {
    .name = "direct_alltoall", .family = "direct_one_shot", .summary = "each block goes straight to its owner: one hop",
    .collective = COLLECTIVE_ALLTOALL, .cuts = cuts_one, .plan = plan, .direct = true, .direct_needs_copy = true, .min_ranks = 1,
};
