/* workload/groups.h - communicators of the ranks along each axis of a grid.
 *
 * An axis of all ranks uses the communicator of all; one of a single rank has none. Errors RB_*. All calls are collective. */
#ifndef RB_WORKLOAD_GROUPS_H
#define RB_WORKLOAD_GROUPS_H

#include "collectives/comm.h"
#include "workload/program.h"

struct groups {
    struct grid grid;
    struct job *world;
    struct comm *all;
    struct job *jobs[AXIS_COUNT];   /* own ones; NULL: none was needed */
    struct comm *comms[AXIS_COUNT]; /* NULL: one rank */
};

/* world and all are borrowed; config is that of `all`. */
int groups_open(struct groups *g, const struct grid *grid, struct job *world, struct comm *all, const struct comm_config *config);
void groups_close(struct groups *g);

#endif
