#include "collectives/schedule.h"

#include <string.h>

static int one(const struct group *g, int rank)
{
    (void)g, (void)rank;
    return 1;
}

static int every(const struct group *g, int rank)
{
    (void)rank;
    return g->nranks;
}

static int only_root(const struct group *g, int rank)
{
    return rank == g->root;
}

/* Dedicated servers are the last ranks. */
static int only_workers(const struct group *g, int rank)
{
    return rank < g->nranks - g->servers;
}

static int first_block(const struct group *g, int rank)
{
    (void)g, (void)rank;
    return 0;
}

static int own_block(const struct group *g, int rank)
{
    (void)g;
    return rank;
}

static int first_ranks(int n, int *ranks)
{
    for (int r = 0; r < n; r++)
        ranks[r] = r;
    return n;
}

static int from_all_same(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)rank;
    *block_p = block;
    return first_ranks(g->nranks, ranks);
}

static int from_all_mine(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)block;
    *block_p = rank;
    return first_ranks(g->nranks, ranks);
}

static int from_workers(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)rank;
    *block_p = block;
    return first_ranks(g->nranks - g->servers, ranks);
}

static int from_block_owner(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)g, (void)rank;
    *block_p = 0;
    ranks[0] = block;
    return 1;
}

static int from_block_owner_mine(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)g;
    *block_p = rank;
    ranks[0] = block;
    return 1;
}

static int from_root(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)rank, (void)block;
    *block_p = 0;
    ranks[0] = g->root;
    return 1;
}

static int from_previous(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)block;
    *block_p = 0;
    ranks[0] = (rank + g->nranks - 1) % g->nranks;
    return 1;
}

/* busbw factors: nccl-tests doc/PERFORMANCE.md. */
static double factor_all_reduce(const struct group *g)
{
    return 2.0 * (g->nranks - 1) / g->nranks;
}

static double factor_share(const struct group *g)
{
    return (double)(g->nranks - 1) / g->nranks;
}

static double factor_one(const struct group *g)
{
    return g->nranks > 1;
}

/* Push and pull overlap: each direction of a worker's port carries S, of a server's workers * S / servers. */
static double factor_push_pull(const struct group *g)
{
    const double load = (double)(g->nranks - g->servers) / g->servers;
    return load > 1 ? load : 1;
}

static int size_one(const struct group *g)
{
    (void)g;
    return 1;
}

static int size_every(const struct group *g)
{
    return g->nranks;
}

static const struct collective collectives[COLLECTIVE_COUNT] = {
    [COLLECTIVE_ALL_REDUCE] = { .name = "all_reduce", .reduces = true, .in_place = true, .in_blocks = one, .out_blocks = one,
        .in_place_block = first_block, .sources = from_all_same, .bus_factor = factor_all_reduce, .size_blocks = size_one },
    [COLLECTIVE_REDUCE_SCATTER] = { .name = "reduce_scatter", .reduces = true, .in_place = true, .in_blocks = every, .out_blocks = one,
        .in_place_block = own_block, .sources = from_all_mine, .bus_factor = factor_share, .size_blocks = size_every },
    [COLLECTIVE_ALL_GATHER] = { .name = "all_gather", .in_place = true, .in_blocks = one, .out_blocks = every,
        .in_place_block = own_block, .sources = from_block_owner, .bus_factor = factor_share, .size_blocks = size_every },
    [COLLECTIVE_BROADCAST] = { .name = "broadcast", .rooted = true, .in_place = true, .in_blocks = only_root, .out_blocks = one,
        .in_place_block = first_block, .sources = from_root, .bus_factor = factor_one, .size_blocks = size_one },
    [COLLECTIVE_REDUCE] = { .name = "reduce", .reduces = true, .rooted = true, .in_place = true, .in_blocks = one, .out_blocks = only_root,
        .in_place_block = first_block, .sources = from_all_same, .bus_factor = factor_one, .size_blocks = size_one },
    [COLLECTIVE_SENDRECV] = { .name = "sendrecv", .in_blocks = one, .out_blocks = one,
        .in_place_block = first_block, .sources = from_previous, .bus_factor = factor_one, .size_blocks = size_one },
    [COLLECTIVE_ALLTOALL] = { .name = "alltoall", .in_place = true, .in_blocks = every, .out_blocks = every,
        .in_place_block = first_block, .sources = from_block_owner_mine, .bus_factor = factor_share, .size_blocks = size_every },
    [COLLECTIVE_PUSH_PULL] = { .name = "push_pull", .reduces = true, .in_place = true, .in_blocks = only_workers, .out_blocks = only_workers,
        .in_place_block = first_block, .sources = from_workers, .bus_factor = factor_push_pull, .size_blocks = size_one },
};

const struct collective *collective_get(enum collective_id id)
{
    return &collectives[id];
}

const struct collective *algorithm_means(const struct algorithm *a)
{
    return a->means != NULL ? a->means : &collectives[a->collective];
}

enum collective_id collective_find(const char *name)
{
    if (strcmp(name, "all_to_all") == 0)
        return COLLECTIVE_ALLTOALL;
    int id = 0;
    while (id < COLLECTIVE_COUNT && strcmp(collectives[id].name, name) != 0)
        id++;
    return (enum collective_id)id;
}
