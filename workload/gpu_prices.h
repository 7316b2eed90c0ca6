/* workload/gpu_prices.h - what the parts of a program cost on GPUs, measured as they are played: queued, many of a kind one behind the other, so
 * that no launch is waited for.
 *
 * Products   each shape, all ranks at once. Calls: seven sizes, fitted. Core share: how much longer products take beside a call, over its
 * length; what of it waits for multiprocessors and memory that the call uses.
 *
 * Units seconds, bytes. Errors RB_*. Collective. */
#ifndef RB_WORKLOAD_GPU_PRICES_H
#define RB_WORKLOAD_GPU_PRICES_H

#include "workload/gpu_play.h"
#include "workload/prices.h"

/* program: that of every rank. The caller frees with prices_free(). */
int gpu_prices_measure(struct prices *p, const struct program *program, struct comm *comm, struct gpu_products *products);

#endif
