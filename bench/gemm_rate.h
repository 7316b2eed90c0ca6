/* bench/gemm_rate.h - what the GPUs of a run multiply, for the records and for whoever must know before the links are made.
 *
 * Errors RB_*, printed. Collective. */
#ifndef RB_BENCH_GEMM_RATE_H
#define RB_BENCH_GEMM_RATE_H

#include "bench/session.h"
#include "bench/store.h"

/* A record of kind "gemm" for every type, at the shapes of --model: the arithmetic of the measured TP limit. Without cuBLAS a line and a note. */
int gemm_rate_run(struct session *s, struct store *store);
/* Of a rank while all of them multiply, in --compute-type, TFLOP/s. Needs no communicator. */
int gemm_rate_of_rank(const struct session *s, double *tflops_p);

#endif
