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

/* All ranks but `rank`, in ascending order: src_at = rank then reduces in rank order on every rank. The caller frees. */
int *others_ascending(const struct group *g, int rank);
/* All ranks but `rank`, beginning behind it, so that not everybody turns to rank 0 first. The caller frees. */
int *others_from(const struct group *g, int rank);

#endif
