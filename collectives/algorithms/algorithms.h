/* collectives/algorithms/algorithms.h - what the algorithms share: peers and cuts.
 *
 * Each file of this folder defines one `const struct algorithm`; registry.c lists them. */
#ifndef RB_COLLECTIVES_ALGORITHMS_H
#define RB_COLLECTIVES_ALGORITHMS_H

#include "collectives/schedule.h"

int cuts_one(const struct group *g);
int cuts_ranks(const struct group *g);
int cuts_servers(const struct group *g);

/* Groups of neighbours: g->nodes where it divides the ranks, else one of all, or one of each. */
int group_nodes(const struct group *g);
int group_nodes_or_all(const struct group *g);

/* The two halves of a ring all-reduce, for more than one rank. Reduce: block (or chunk) b starts behind its owner and is added to on
 * its way round; its owner ends with it in `result`, and hands it on where the second half follows. Gather: n-1 blocks arrive in
 * OUT and are handed on, all but the last. */
void ring_reduce_half(struct plan *p, const struct group *g, int rank, struct chunk result, bool hand_on);
void ring_gather_half(struct plan *p, const struct group *g, int rank);

/* All ranks but `rank`, in ascending order: src_at = rank then reduces in rank order on every rank. The caller frees. */
int *others_ascending(const struct group *g, int rank);
/* All ranks but `rank`, beginning behind it, so that not everybody turns to rank 0 first. The caller frees. */
int *others_from(const struct group *g, int rank);

#endif
