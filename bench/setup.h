/* bench/setup.h - the steps before anything is measured, and their undoing. All are collective. */
#ifndef RB_BENCH_SETUP_H
#define RB_BENCH_SETUP_H

#include "bench/cases.h"
#include "bench/session.h"
#include "bench/store.h"

/* Which values of --transport this job can use; refused ones are named with the reason. RB_EUSAGE when none is left. */
int setup_transports(struct session *s, const char **names, size_t *count_p);
/* After it: options for GPUs are refused on processors, RB_EUSAGE, said by rank 0. */
int setup_gpu_options(const struct session *s);
/* The results folder, on rank 0: writable, or nothing is measured at all. */
int setup_store(struct session *s, struct store **store_p);
/* Topology, binding, ring order, memory's ceiling; then connections and the baseline. */
int setup_comms(struct session *s);
/* Buffers. cases NULL: for pairs. */
int setup_region(struct session *s, const struct cases *cases);
/* The run line of the records, and the lines above all tables. cases NULL or empty: pairs. */
int setup_record(struct session *s, struct store *store, const struct cases *cases);
void setup_close(struct session *s);

#endif
