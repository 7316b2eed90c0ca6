/* Everybody gives its block straight to everybody: the second half of the two-shot all-reduce. Readers pull. */
#include "collectives/algorithms/algorithms.h"

#include <stdlib.h>

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks;
    int *to = others_from(g, rank);
    plan_add(p, 0, NULL, 0, to, n - 1, chunk_in(0), chunk_out(rank), STEP_PULL_SEND);
    for (int k = n - 2; k >= 0; k--)
        plan_add(p, 0, &to[k], 1, NULL, 0, chunk_none(), chunk_out(to[k]), STEP_PULL_RECV);
    free(to);
}

const struct algorithm direct_all_gather = {
    .name = "direct_all_gather", .family = "direct_one_shot", .summary = "each block is read straight from its owner: one hop",
    .collective = COLLECTIVE_ALL_GATHER, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
