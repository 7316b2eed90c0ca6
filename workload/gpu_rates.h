/* workload/gpu_rates.h - what GPUs multiply at the shapes of a layer: of one rank, while all ranks compute, each on its part of the GPU.
 *
 * The products are those of a layer's projections and feed-forward block, forward, whole (one rank's share of tensor parallelism is more or
 * less well shaped; the layer itself shows that). Units FLOP/s. Errors RB_*, printed. Collective over the gang's job. */
#ifndef RB_WORKLOAD_GPU_RATES_H
#define RB_WORKLOAD_GPU_RATES_H

#include "workload/gpu_products.h"
#include "workload/model.h"

#include <jansson.h>

enum { GPU_RATE_SHAPES = 4 };

struct gpu_rate {
    enum cublas_type type;
    bool missing; /* this GPU or cuBLAS has no such products */
    struct matmul shapes[GPU_RATE_SHAPES];
    double flops[GPU_RATE_SHAPES], all; /* all: of all of them, one after the other */
};

/* products: opened for rate->type. */
int gpu_rate_measure(struct gpu_rate *rate, struct gpu_products *products, const struct workload_model *model);
/* The record of kind "gemm"; a new reference. */
json_t *gpu_rate_json(const struct gpu_rate *rate, const struct gpu_products *products, const struct workload_model *model);

/* The layer as GPUs play it: unless a scale is given as large as published, and only a few of the layers, which are alike. */
struct workload_model gpu_model(const struct preset *preset, double scale, int divisor, enum cublas_type type);

#endif
