/* Distributed data parallelism: all ranks hold all weights; gradients are averaged in buckets while the backward pass goes on
 * (arXiv:2006.15704, section 3.2: 25 MiB a bucket). */
#include "workload/workload.h"

#include "report/memory_model.h"
#include "workload/buckets.h"

static void plan(struct program *p, const struct workload_setup *s)
{
    const struct workload_model *m = &s->model;
    struct buckets b;
    buckets_begin(&b, p, COLLECTIVE_ALL_REDUCE, s);
    for (int layer = 0; layer < m->layers; layer++)
        plan_layer_forward(p, m, m->tokens, 1);
    for (int layer = m->layers - 1; layer >= 0; layer--) {
        plan_layer_backward(p, m, m->tokens, 1);
        buckets_add(&b, model_layer_params(m));
    }
    buckets_end(&b);
    program_update(p, model_params(m));
}

static double formula(const struct workload_setup *s)
{
    const double n = s->grid.size[AXIS_ALL];
    return n * zero_volume_bytes((double)model_params(&s->model), n, 0, MODEL_BYTES);
}

const struct workload workload_ddp = {
    .name = "ddp", .summary = "data parallel: buckets of gradients are all-reduced during the backward pass",
    .moves = "all-reduce of P in buckets: 2 (n-1)/n P a rank", .grid = grid_of_data, .plan = plan, .formula = formula, .per = "step",
    .buckets = true,
};
