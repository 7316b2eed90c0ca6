/* bench/workloads.h - `ringbench workload`, and `run --workload`: the suite of workload/ with the connections and records of a run. */
#ifndef RB_BENCH_WORKLOADS_H
#define RB_BENCH_WORKLOADS_H

#include "bench/session.h"
#include "bench/store.h"

/* argv[0] is the command's name. An exit code, or a negative enum rb_error. */
int workload_command(int argc, char **argv);

/* Collective. The fits are those of the cases that the store has. */
int workloads_run(struct session *s, struct store *store);

#endif
