/* bench/replay.h - -G and -C: calls on GPUs as nccl-tests times them there.
 *
 * -G N   a sample is N launches of a graph that holds -m calls (20 unless -m says otherwise: nccl-tests' graph holds its 20 iterations)
 * -C     a sample is the time that the host needs to queue the calls, or the graphs; that they end is waited for outside of it
 *
 * Units: seconds a call. Errors: RB_*, printed. Collective. */
#ifndef RB_BENCH_REPLAY_H
#define RB_BENCH_REPLAY_H

#include "bench/measure.h"

enum { REPLAY_CALLS = 20 };

/* With -G: one call on the place, as a graph, until it is done. */
int replay_once(const struct trial *t, const struct place *p);
/* With -G: the graph of all calls of a sample, once before the first sample. */
int replay_open(const struct session *s, const struct unit *u, struct trial *t);
/* One sample of t; places begin with number `first`. */
int replay_sample(const struct session *s, const struct unit *u, const struct trial *t, size_t first, double *sec_p);

#endif
