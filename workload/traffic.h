/* workload/traffic.h - what a program moves, counted from the schedules of its calls.
 *
 * Units bytes, payload; one step. Errors RB_EINTERNAL when a plan is malformed. */
#ifndef RB_WORKLOAD_TRAFFIC_H
#define RB_WORKLOAD_TRAFFIC_H

#include "workload/workload.h"

struct workload_traffic {
    uint64_t total;          /* all ranks */
    uint64_t axis[AXIS_COUNT]; /* the same, by the axis of the call */
    uint64_t busiest_egress; /* leaves the busiest rank */
    uint64_t copied;         /* by ACTION_COPY, all ranks */
    uint64_t calls;          /* started by the busiest rank */
    double flop;             /* of the busiest rank */
};

/* One program a rank of the grid. The caller frees with programs_free(). */
struct program *programs_make(const struct workload *w, const struct workload_setup *s);
void programs_free(struct program *programs, int nranks);

/* element_bytes: of what calls move. */
int traffic_count(const struct program *programs, const struct grid *grid, int element_bytes, struct workload_traffic *t_p);

#endif
