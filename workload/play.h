/* workload/play.h - runs a program between the ranks of a job, with the overlap that it allows.
 *
 * One thread a rank computes and moves data: between two slices of a computation every call that has begun moves as far as it can
 * without waiting. A program can also be played in parts, so that each part's time can be measured by itself.
 *
 * Buffers: every call gives from a place of its own and keeps its result in another (nothing is in place), in memory that the
 * peers of its group can reach.
 *
 * Units seconds. Errors RB_*. All calls are collective. */
#ifndef RB_WORKLOAD_PLAY_H
#define RB_WORKLOAD_PLAY_H

#include "workload/compute.h"
#include "workload/groups.h"

enum play_mode {
    PLAY_ALL,
    PLAY_COMPUTE, /* no calls: nobody waits for anybody */
    PLAY_CALLS,   /* no computation */
    PLAY_TOKENS,  /* everything, but a call moves a single element a block: who waits for whom remains */
    PLAY_MODES
};

struct player;

/* programs: one a rank of the grid, borrowed, as are the others. The caller closes. */
int player_open(struct player **player_p, const struct program *programs, struct groups *groups, struct compute *compute);
void player_close(struct player *p);

/* One step; its seconds on this rank, from leaving a barrier to the end of its last action. */
int player_step(struct player *p, enum play_mode mode, double *sec_p);
/* Fills what is given with numbers whose results are known, plays all, counts the elements that are wrong on this rank. */
int player_check(struct player *p, uint64_t *wrong_p);
/* Bytes of buffers on this rank. */
uint64_t player_bytes(const struct player *p);

#endif
