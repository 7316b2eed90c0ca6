/* Parameter server on the workers themselves: the first k ranks also serve, each a shard of S/k. k = 1 is one worker that
 * serves all, k = n spreads the load evenly. Push, sum on the server, pull. */
#include "collectives/algorithms/algorithms.h"

#include <stdlib.h>

/* Both on lane 0: a server's results travel on the connections of its own pushes. */
static void plan_server(struct plan *p, const struct group *g, int rank)
{
    const int n = g->nranks, k = g->servers;
    int *from = others_ascending(g, rank), *to = others_from(g, rank);
    for (int s = 0; s < k; s++)
        if (s != rank)
            plan_add(p, 0, NULL, 0, &s, 1, chunk_in(s), chunk_none(), STEP_PULL_SEND);
    plan_add(p, 0, from, n - 1, to, n - 1, chunk_in(rank), chunk_out(rank), STEP_FINISH | STEP_PULL_RECV | STEP_PULL_SEND);
    plan_src_at(p, rank);
    for (int s = 0; s < k; s++)
        if (s != rank)
            plan_add(p, 0, &s, 1, NULL, 0, chunk_none(), chunk_out(s), STEP_PULL_RECV);
    free(from);
    free(to);
}

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int k = g->servers;
    if (rank < k) {
        plan_server(p, g, rank);
        return;
    }
    for (int s = 0; s < k; s++)
        plan_add(p, 0, NULL, 0, &s, 1, chunk_in(s), chunk_none(), STEP_PULL_SEND);
    for (int s = 0; s < k; s++)
        plan_add(p, 1, &s, 1, NULL, 0, chunk_none(), chunk_out(s), STEP_PULL_RECV);
}

static int max_servers(int nranks)
{
    return nranks;
}

const struct algorithm parameter_server_colocated = {
    .name = "parameter_server_colocated", .family = "parameter_server", .summary = "k of the workers also serve, a shard each",
    .collective = COLLECTIVE_ALL_REDUCE, .cuts = cuts_servers, .plan = plan, .direct = true, .uses_servers = true,
    .max_servers = max_servers, .min_ranks = 1,
};
