/* Two-shot: rank r reduces chunk r of everybody, then hands the result to everybody. Two hops, the bytes of a ring. The
 * owner reads all inputs and writes all outputs in one pass where the outputs can be reached. */
#include "collectives/algorithms/algorithms.h"

#include <stdlib.h>

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks;
    int *to = others_from(g, rank), *from = others_ascending(g, rank);
    for (int k = 0; k < n - 1; k++) {
        plan_add(p, 0, &to[k], 1, NULL, 0, chunk_none(), chunk_out(to[k]), STEP_GRANT);
        plan_add(p, 0, NULL, 0, &to[k], 1, chunk_in(to[k]), chunk_none(), STEP_PULL_SEND);
    }
    plan_add(p, 0, from, n - 1, to, n - 1, chunk_in(rank), chunk_out(rank), STEP_FINISH | STEP_PULL_RECV | STEP_PUSH_SEND);
    plan_src_at(p, rank);
    for (int k = n - 2; k >= 0; k--)
        plan_add(p, 0, &to[k], 1, NULL, 0, chunk_none(), chunk_out(to[k]), STEP_PUSH_RECV);
    free(from);
    free(to);
}

const struct algorithm direct_two_shot_all_reduce = {
    .name = "direct_two_shot_all_reduce", .family = "direct_two_shot", .summary = "each rank reduces one chunk for all: two hops",
    .collective = COLLECTIVE_ALL_REDUCE, .cuts = cuts_ranks, .plan = plan, .direct = true, .min_ranks = 1,
};
