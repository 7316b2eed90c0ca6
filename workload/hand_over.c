#include "workload/hand_over.h"

static int one_cut(const struct group *g)
{
    (void)g;
    return 1;
}

static void plan_to(struct plan *p, const struct group *g, int rank, const struct algorithm *a)
{
    const int from = g->root, to = hand_over_to(a, g->nranks, from);
    if (rank == from)
        plan_add(p, 0, NULL, 0, &to, 1, chunk_in(0), chunk_none(), STEP_PULL_SEND);
    else if (rank == to)
        plan_add(p, 0, &from, 1, NULL, 0, chunk_none(), chunk_out(0), STEP_PULL_RECV);
}

static void plan_next(struct plan *p, const struct group *g, int rank)
{
    plan_to(p, g, rank, &hand_over_next);
}

static void plan_previous(struct plan *p, const struct group *g, int rank)
{
    plan_to(p, g, rank, &hand_over_previous);
}

static int only_giver(const struct group *g, int rank)
{
    return rank == g->root;
}

static int only_next(const struct group *g, int rank)
{
    return rank == hand_over_to(&hand_over_next, g->nranks, g->root);
}

static int only_previous(const struct group *g, int rank)
{
    return rank == hand_over_to(&hand_over_previous, g->nranks, g->root);
}

static int first_block(const struct group *g, int rank)
{
    (void)g, (void)rank;
    return 0;
}

static int from_giver(const struct group *g, int rank, int block, int *ranks, int *block_p)
{
    (void)rank, (void)block;
    *block_p = 0;
    ranks[0] = g->root;
    return 1;
}

static double no_factor(const struct group *g)
{
    (void)g;
    return 1;
}

static const struct collective to_next = {
    .name = "hand_over", .rooted = true, .in_blocks = only_giver, .out_blocks = only_next, .in_place_block = first_block, .sources = from_giver,
    .bus_factor = no_factor, .size_blocks = one_cut,
};

static const struct collective to_previous = {
    .name = "hand_over", .rooted = true, .in_blocks = only_giver, .out_blocks = only_previous, .in_place_block = first_block, .sources = from_giver,
    .bus_factor = no_factor, .size_blocks = one_cut,
};

const struct algorithm hand_over_next = {
    .name = "hand_over_next", .family = "hand_over", .summary = "one rank to the next", .collective = COLLECTIVE_SENDRECV, .means = &to_next,
    .cuts = one_cut, .plan = plan_next, .direct = true, .min_ranks = 2,
};

const struct algorithm hand_over_previous = {
    .name = "hand_over_previous", .family = "hand_over", .summary = "one rank to the previous", .collective = COLLECTIVE_SENDRECV, .means = &to_previous,
    .cuts = one_cut, .plan = plan_previous, .direct = true, .min_ranks = 2,
};
