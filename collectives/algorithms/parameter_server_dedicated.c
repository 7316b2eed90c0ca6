/* Parameter server apart from the workers: the last k ranks only serve, each a shard of S/k; they neither give nor get. A
 * server's port carries workers * S/k in each direction: the incast. Direct access is kept out of the in-place form: a
 * lone worker's result would lie where it was read, and nothing would move. */
#include "collectives/algorithms/algorithms.h"

#include <stdlib.h>

static void plan_server(struct plan *p, const struct group *g, int shard)
{
    const int workers = g->nranks - g->servers;
    int *all = others_ascending(g, g->nranks - 1); /* 0, 1, 2, ...: the workers come first */
    plan_add(p, 0, all, workers, all, workers, chunk_none(), chunk_through(shard), STEP_FINISH | STEP_PULL_RECV | STEP_PUSH_SEND);
    free(all);
}

static void plan(struct plan *p, const struct group *g, int rank)
{
    const int workers = g->nranks - g->servers;
    if (rank >= workers) {
        plan_server(p, g, rank - workers);
        return;
    }
    for (int s = 0; s < g->servers; s++) {
        const int server = workers + s;
        plan_add(p, 0, NULL, 0, &server, 1, chunk_in(s), chunk_none(), STEP_PULL_SEND);
    }
    for (int s = 0; s < g->servers; s++) {
        const int server = workers + s;
        plan_add(p, 1, &server, 1, NULL, 0, chunk_none(), chunk_out(s), STEP_GRANT);
    }
    for (int s = 0; s < g->servers; s++) {
        const int server = workers + s;
        plan_add(p, 1, &server, 1, NULL, 0, chunk_none(), chunk_out(s), STEP_PUSH_RECV);
    }
}

static int max_servers(int nranks)
{
    return nranks - 1;
}

const struct algorithm parameter_server_dedicated = {
    .name = "parameter_server_dedicated", .family = "parameter_server", .summary = "k ranks do nothing but serve, a shard each",
    .collective = COLLECTIVE_PUSH_PULL, .cuts = cuts_servers, .plan = plan, .direct = true, .direct_needs_copy = true, .uses_servers = true,
    .max_servers = max_servers, .min_ranks = 2,
};
