/* ZeRO (arXiv:1910.02054): data parallelism whose ranks keep a share of the optimiser's state (1), of the gradients too (2), of the
 * weights too (3); and ZeRO-Offload (arXiv:2101.06840), stage 2 with the optimiser in the host's memory. */
#include "workload/buckets.h"
#include "workload/workload.h"

#include "core/text.h"
#include "report/memory_model.h"

#include <stdlib.h>

static uint64_t share(const struct workload_setup *s, uint64_t elements)
{
    return elements / (uint64_t)s->grid.size[AXIS_DATA];
}

static void forward_all(struct program *p, const struct workload_model *m)
{
    for (int layer = 0; layer < m->layers; layer++)
        plan_layer_forward(p, m, m->tokens, 1);
}

/* Each rank updates its share; all get the new weights. */
static void update_and_gather(struct program *p, const struct workload_setup *s)
{
    const uint64_t mine = share(s, model_params(&s->model));
    program_update(p, mine);
    program_call(p, AXIS_DATA, COLLECTIVE_ALL_GATHER, mine, 0);
}

/* Gradients stay whole until all are there. */
static void plan_zero1(struct program *p, const struct workload_setup *s)
{
    const struct workload_model *m = &s->model;
    struct buckets b;
    forward_all(p, m);
    for (int layer = m->layers - 1; layer >= 0; layer--)
        plan_layer_backward(p, m, m->tokens, 1);
    buckets_begin(&b, p, COLLECTIVE_REDUCE_SCATTER, s);
    buckets_add(&b, model_params(m));
    buckets_end(&b);
    update_and_gather(p, s);
}

/* Gradients leave as soon as a bucket is full. */
static void backward_in_buckets(struct program *p, const struct workload_setup *s)
{
    const struct workload_model *m = &s->model;
    struct buckets b;
    buckets_begin(&b, p, COLLECTIVE_REDUCE_SCATTER, s);
    for (int layer = m->layers - 1; layer >= 0; layer--) {
        plan_layer_backward(p, m, m->tokens, 1);
        buckets_add(&b, model_layer_params(m));
    }
    buckets_end(&b);
}

static void plan_zero2(struct program *p, const struct workload_setup *s)
{
    forward_all(p, &s->model);
    backward_in_buckets(p, s);
    update_and_gather(p, s);
}

static int gather_layer(struct program *p, const struct workload_setup *s)
{
    return program_start(p, AXIS_DATA, COLLECTIVE_ALL_GATHER, share(s, model_layer_params(&s->model)), 0);
}

/* Weights are gathered a layer ahead, forward and again backward. */
static void plan_zero3(struct program *p, const struct workload_setup *s)
{
    const struct workload_model *m = &s->model;
    int *scattered = rb_calloc((size_t)m->layers, sizeof *scattered), next = gather_layer(p, s);
    for (int layer = 0; layer < m->layers; layer++) {
        const int now = next;
        next = gather_layer(p, s); /* behind the last layer: for the backward pass */
        program_wait(p, now);
        plan_layer_forward(p, m, m->tokens, 1);
    }
    for (int layer = m->layers - 1; layer >= 0; layer--) {
        const int now = next;
        next = layer > 0 ? gather_layer(p, s) : -1;
        program_wait(p, now);
        plan_layer_backward(p, m, m->tokens, 1);
        scattered[layer] = program_start(p, AXIS_DATA, COLLECTIVE_REDUCE_SCATTER, share(s, model_layer_params(m)), 0);
    }
    for (int layer = m->layers - 1; layer >= 0; layer--)
        program_wait(p, scattered[layer]);
    program_update(p, share(s, model_params(m)));
    free(scattered);
}

/* A rank's gradients go to the host, the optimiser works there, its weights come back. */
static void plan_offload(struct program *p, const struct workload_setup *s)
{
    const uint64_t mine = share(s, model_params(&s->model));
    forward_all(p, &s->model);
    backward_in_buckets(p, s);
    program_copy(p, mine * MODEL_BYTES);
    program_update(p, mine);
    program_copy(p, mine * MODEL_BYTES);
    program_call(p, AXIS_DATA, COLLECTIVE_ALL_GATHER, mine, 0);
}

static double volume(const struct workload_setup *s, int stage)
{
    const double n = s->grid.size[AXIS_ALL];
    return n * zero_volume_bytes((double)model_params(&s->model), n, stage, MODEL_BYTES);
}

static double formula_1(const struct workload_setup *s)
{
    return volume(s, 1);
}

static double formula_2(const struct workload_setup *s)
{
    return volume(s, 2);
}

static double formula_3(const struct workload_setup *s)
{
    return volume(s, 3);
}

static double formula_offload(const struct workload_setup *s)
{
    return volume(s, 2) + 2.0 * (double)model_params(&s->model) * MODEL_BYTES;
}

const struct workload workload_zero1 = {
    .name = "zero1", .summary = "ZeRO 1: the optimiser's state is shared out",
    .moves = "reduce-scatter of P behind the backward pass, all-gather of P: 2 (n-1) P", .grid = grid_of_data, .plan = plan_zero1,
    .formula = formula_1, .per = "step",
};

const struct workload workload_zero2 = {
    .name = "zero2", .summary = "ZeRO 2: the gradients too; buckets are scattered during the backward pass",
    .moves = "reduce-scatter of P in buckets, all-gather of P: 2 (n-1) P", .grid = grid_of_data, .plan = plan_zero2, .formula = formula_2, .per = "step",
};

const struct workload workload_zero3 = {
    .name = "zero3", .summary = "ZeRO 3: the weights too; each layer's are gathered one layer ahead",
    .moves = "all-gather of P forward and backward, reduce-scatter of P: 3 (n-1) P", .grid = grid_of_data, .plan = plan_zero3, .formula = formula_3,
    .per = "step",
};

const struct workload workload_zero_offload = {
    .name = "zero-offload", .summary = "ZeRO 2 with the optimiser in the host's memory",
    .moves = "as zero2, and P of gradients down and P of weights up by copies: 2 (n-1) P + 2 P", .grid = grid_of_data, .plan = plan_offload,
    .formula = formula_offload, .per = "step",
};
