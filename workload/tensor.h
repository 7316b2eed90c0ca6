/* workload/tensor.h - a layer split over AXIS_TENSOR (Megatron-LM, arXiv:1909.08053, section 3), for the plans of several workloads. */
#ifndef RB_WORKLOAD_TENSOR_H
#define RB_WORKLOAD_TENSOR_H

#include "workload/workload.h"

/* Projections in are cut by columns, those out by rows: an all-reduce behind attention and one behind the feed-forward block. */
void plan_tensor_forward(struct program *p, const struct workload_setup *s, int tokens, int context);
/* The same backward, each all-reduce beside the product for the weights' gradient, as Megatron overlaps them. */
void plan_tensor_backward(struct program *p, const struct workload_setup *s, int tokens);
/* Bytes of one layer forward and backward, all ranks of one group. */
double tensor_layer_bytes(const struct workload_setup *s, int tokens);
/* "one rank has nobody to share with", or NULL. */
const char *needs_two_ranks(const struct workload_setup *s);

#endif
