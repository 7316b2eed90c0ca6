/* bench/ceiling.h - what a hop through memory could reach at a size: a plain copy of as much, by all ranks at once.
 *
 * Measured between the calls of a unit, on the same places in turn, so that the same caches and the same minute count: a
 * single figure for all sizes would be the memory's, and every message that fits a cache would exceed it.
 * Units: GB/s = 1e9 bytes copied per second. Collective. */
#ifndef RB_BENCH_CEILING_H
#define RB_BENCH_CEILING_H

#include "bench/buffers.h"
#include "bench/session.h"

/* The median over a few rounds of the slowest rank's rate, by the faster of a copy through and past the cache. Destroys what the
 * places hold. */
int ceiling_measure(struct session *s, const struct layout *l, double *GBps_p);

#endif
