#include "collectives/algorithms/algorithms.h"

#include "core/text.h"

int cuts_one(const struct group *g)
{
    (void)g;
    return 1;
}

int cuts_ranks(const struct group *g)
{
    return g->nranks;
}

int cuts_servers(const struct group *g)
{
    return g->servers;
}

int group_nodes(const struct group *g)
{
    return g->nodes > 0 && g->nranks % g->nodes == 0 ? g->nodes : 1;
}

int group_nodes_or_all(const struct group *g)
{
    return g->nodes > 0 && g->nranks % g->nodes == 0 ? g->nodes : g->nranks;
}

int *others_ascending(const struct group *g, int rank)
{
    int *peers = rb_malloc((size_t)g->nranks * sizeof *peers), n = 0;
    for (int r = 0; r < g->nranks; r++)
        if (r != rank)
            peers[n++] = r;
    return peers;
}

int *others_from(const struct group *g, int rank)
{
    int *peers = rb_malloc((size_t)g->nranks * sizeof *peers);
    for (int k = 1; k < g->nranks; k++)
        peers[k - 1] = (rank + k) % g->nranks;
    return peers;
}
