/* workload/hand_over.h - one rank's block to the next, or to the previous, of a group: what stages of a pipeline send each other.
 *
 * group.root gives; the others look on. A schedule like any other: played, proved and counted by collectives/. */
#ifndef RB_WORKLOAD_HAND_OVER_H
#define RB_WORKLOAD_HAND_OVER_H

#include "collectives/schedule.h"

extern const struct algorithm hand_over_next, hand_over_previous;

static inline int hand_over_to(const struct algorithm *a, int nranks, int from)
{
    return (from + (a == &hand_over_next ? 1 : nranks - 1)) % nranks;
}

static inline bool is_hand_over(const struct algorithm *a)
{
    return a == &hand_over_next || a == &hand_over_previous;
}

#endif
