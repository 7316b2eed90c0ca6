#include "bench/pairs_plans.h"

static int one_cut(const struct group *g)
{
    (void)g;
    return 1;
}

/* The peer of this rank in the pair, or -1 for one that looks on. */
static int peer_of(const struct group *g, int rank)
{
    const int position = group_position(g, rank);
    return position > 1 ? -1 : group_at(g, 1 - position);
}

static void plan_ping_pong(struct plan *p, const struct group *g, int rank)
{
    const int peer = peer_of(g, rank);
    if (peer < 0)
        return;
    if (group_position(g, rank) == 0) {
        plan_add(p, 0, NULL, 0, &peer, 1, chunk_in(0), chunk_none(), 0);
        plan_add(p, 0, &peer, 1, NULL, 0, chunk_none(), chunk_out(0), 0);
    } else {
        plan_add(p, 0, &peer, 1, &peer, 1, chunk_none(), chunk_out(0), 0);
    }
}

static void plan_one_way(struct plan *p, const struct group *g, int rank)
{
    const int peer = peer_of(g, rank);
    if (peer < 0)
        return;
    if (group_position(g, rank) == 0)
        plan_add(p, 0, NULL, 0, &peer, 1, chunk_in(0), chunk_none(), STEP_PULL_SEND);
    else
        plan_add(p, 0, &peer, 1, NULL, 0, chunk_none(), chunk_out(0), STEP_PULL_RECV);
}

static void plan_both_ways(struct plan *p, const struct group *g, int rank)
{
    const int peer = peer_of(g, rank);
    if (peer < 0)
        return;
    plan_add(p, 0, NULL, 0, &peer, 1, chunk_in(0), chunk_none(), STEP_PULL_SEND);
    plan_add(p, 1, &peer, 1, NULL, 0, chunk_none(), chunk_out(0), STEP_PULL_RECV);
}

static int one(const struct group *g, int rank)
{
    return peer_of(g, rank) >= 0;
}

static int only_first(const struct group *g, int rank)
{
    return group_position(g, rank) == 0;
}

static int only_second(const struct group *g, int rank)
{
    return group_position(g, rank) == 1;
}

static int first_block(const struct group *g, int rank)
{
    (void)g, (void)rank;
    return 0;
}

static int from_first(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)rank, (void)block;
    *block_p = 0;
    ranks[0] = group_at(g, 0);
    return 1;
}

static int from_peer(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)block;
    *block_p = 0;
    ranks[0] = peer_of(g, rank);
    return 1;
}

static double no_factor(const struct group *g)
{
    (void)g;
    return 1;
}

static const struct collective there_and_back = {
    .name = "ping_pong", .in_blocks = only_first, .out_blocks = one, .in_place_block = first_block, .sources = from_first,
    .bus_factor = no_factor, .size_blocks = one_cut,
};

static const struct collective one_way = {
    .name = "one_way", .in_blocks = only_first, .out_blocks = only_second, .in_place_block = first_block, .sources = from_first,
    .bus_factor = no_factor, .size_blocks = one_cut,
};

static const struct collective exchange = {
    .name = "both_ways", .in_blocks = one, .out_blocks = one, .in_place_block = first_block, .sources = from_peer,
    .bus_factor = no_factor, .size_blocks = one_cut,
};

const struct algorithm pair_ping_pong = {
    .name = "pair_ping_pong", .family = "pair", .summary = "there and back", .collective = COLLECTIVE_SENDRECV, .means = &there_and_back, .cuts = one_cut,
    .plan = plan_ping_pong, .min_ranks = 2,
};

const struct algorithm pair_one_way = {
    .name = "pair_one_way", .family = "pair", .summary = "one way", .collective = COLLECTIVE_SENDRECV, .means = &one_way, .cuts = one_cut,
    .plan = plan_one_way, .direct = true, .min_ranks = 2,
};

const struct algorithm pair_both_ways = {
    .name = "pair_both_ways", .family = "pair", .summary = "both ways at once", .collective = COLLECTIVE_SENDRECV, .means = &exchange, .cuts = one_cut,
    .plan = plan_both_ways, .direct = true, .min_ranks = 2,
};
