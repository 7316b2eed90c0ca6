/* As direct_all_gather, but the owner writes: it reads its block once and fills n outputs. */
#include "collectives/algorithms/algorithms.h"

#include <stdlib.h>

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks;
    int *to = others_from(g, rank);
    for (int k = 0; k < n - 1; k++)
        plan_add(p, 0, &to[k], 1, NULL, 0, chunk_none(), chunk_out(to[k]), STEP_GRANT);
    plan_add(p, 0, NULL, 0, to, n - 1, chunk_in(0), chunk_out(rank), STEP_PUSH_SEND);
    for (int k = n - 2; k >= 0; k--)
        plan_add(p, 0, &to[k], 1, NULL, 0, chunk_none(), chunk_out(to[k]), STEP_PUSH_RECV);
    free(to);
}

const struct algorithm direct_all_gather_push = {
    .name = "direct_all_gather_push", .family = "direct_push", .summary = "each owner writes its block to everybody: one hop",
    .collective = COLLECTIVE_ALL_GATHER, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
