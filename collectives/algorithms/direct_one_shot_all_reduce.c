/* Everybody shows everything to everybody and reduces for itself: one hop, n-1 times the bytes. For small messages. */
#include "collectives/algorithms/algorithms.h"

#include <stdlib.h>

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks;
    int *to = others_from(g, rank), *from = others_ascending(g, rank);
    if (n > 1)
        plan_add(p, 0, NULL, 0, to, n - 1, chunk_in(0), chunk_none(), STEP_PULL_SEND);
    plan_add(p, 0, from, n - 1, NULL, 0, chunk_in(0), chunk_out(0), STEP_FINISH | STEP_PULL_RECV);
    plan_src_at(p, rank);
    free(from);
    free(to);
}

const struct algorithm direct_one_shot_all_reduce = {
    .name = "direct_one_shot_all_reduce", .family = "direct_one_shot", .summary = "everybody reads everything: one hop",
    .collective = COLLECTIVE_ALL_REDUCE, .cuts = cuts_one, .plan = plan, .direct = true, .direct_needs_copy = true, .min_ranks = 1,
};
