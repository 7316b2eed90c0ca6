/* workload/prices_measure.h - the clock behind prices.c. Private to prices*.c.
 *
 * Every figure is the median of samples of the slowest rank, while all ranks do the same. Collective; units seconds. */
#ifndef RB_WORKLOAD_PRICES_MEASURE_H
#define RB_WORKLOAD_PRICES_MEASURE_H

#include "workload/prices.h"

int measure_gemm(struct compute *c, struct job *world, struct comm *all, const struct matmul *g, double *sec_p);
int measure_update(struct compute *c, struct job *world, struct comm *all, double *sec_per_element_p);
int measure_copy(struct compute *c, struct job *world, struct comm *all, double *sec_per_byte_p);
/* Sizes from k->to_bytes down; fills bytes, sec and fit. */
int measure_call(struct price_call *k, const struct program_call *c, struct groups *g);
int measure_core_share(struct compute *c, struct job *world, struct comm *all, double *share_p);

#endif
