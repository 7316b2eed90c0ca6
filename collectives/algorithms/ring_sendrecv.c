/* Everybody sends to the next rank and receives from the one before: pipeline hand-over, rotation of sequence blocks. */
#include "collectives/algorithms/algorithms.h"

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int next = (rank + 1) % g->nranks, prev = (rank + g->nranks - 1) % g->nranks;
    if (g->nranks == 1) {
        plan_add(p, 0, NULL, 0, NULL, 0, chunk_in(0), chunk_out(0), 0);
        return;
    }
    plan_add(p, 0, NULL, 0, &next, 1, chunk_in(0), chunk_none(), STEP_PULL_SEND);
    plan_add(p, 1, &prev, 1, NULL, 0, chunk_none(), chunk_out(0), STEP_PULL_RECV);
}

const struct algorithm ring_sendrecv = {
    .name = "ring_sendrecv", .family = "ring", .summary = "send to the next rank, receive from the one before",
    .collective = COLLECTIVE_SENDRECV, .cuts = cuts_one, .plan = plan, .direct = true, .min_ranks = 1,
};
