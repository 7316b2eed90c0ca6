/* collectives/cost.h - how long a schedule takes on links of given latency and rate.
 *
 * Model: every ordered pair of ranks is a link of its own; a message of b bytes takes alpha + b / rate from the moment its
 * step is done to its arrival; a rank's outgoing bytes leave one after the other at `port` bytes per second, and its
 * incoming ones arrive so; a step costs `reduce` seconds per byte it combines or copies, and steps of a lane follow each
 * other. Pieces pipeline: chunks are cut as the engine cuts them. alpha-beta model: Hockney, Parallel Computing 20 (1994).
 *
 * Units seconds and bytes per second, one direction. */
#ifndef RB_COLLECTIVES_COST_H
#define RB_COLLECTIVES_COST_H

#include "collectives/schedule.h"

struct cost_links {
    double alpha;  /* latency of a message */
    double rate;   /* of a port, each direction */
    double reduce; /* seconds per byte combined; 0: free */
};

/* Time of one call of `count` elements of type_bytes, cut into pieces of at most piece_bytes (0: whole chunks). */
double cost_of(const struct algorithm *a, const struct group *g, const struct plan *plans, uint64_t count, size_t type_bytes,
               uint64_t piece_bytes, const struct cost_links *links);

#endif
