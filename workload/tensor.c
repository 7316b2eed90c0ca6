/* Tensor parallelism in one dimension: the layers for all who use them, and the workload of its own. */
#include "workload/tensor.h"

static uint64_t activations(const struct workload_setup *s, int tokens)
{
    return (uint64_t)tokens * (uint64_t)s->model.hidden;
}

static void sum_up(struct program *p, const struct workload_setup *s, int tokens)
{
    program_call(p, AXIS_TENSOR, COLLECTIVE_ALL_REDUCE, activations(s, tokens), 0);
}

void plan_tensor_forward(struct program *p, const struct workload_setup *s, int tokens, int context)
{
    const struct workload_model *m = &s->model;
    const int t = s->grid.size[AXIS_TENSOR], up = (m->gated ? 2 : 1) * m->ffn;
    program_gemm(p, tokens, m->query_key_value / t, m->hidden);
    plan_scores(p, m, tokens, context, t);
    program_gemm(p, tokens, m->hidden, m->hidden / t);
    sum_up(p, s, tokens);
    program_gemm(p, tokens, up / t, m->hidden);
    program_gemm(p, tokens, m->hidden, m->ffn / t);
    sum_up(p, s, tokens);
}

/* Input's gradient first, its all-reduce beside the weights' gradient. */
static void backward_in(struct program *p, const struct workload_setup *s, int tokens, int columns)
{
    const int hidden = s->model.hidden;
    program_gemm(p, tokens, hidden, columns);
    const int call = program_start(p, AXIS_TENSOR, COLLECTIVE_ALL_REDUCE, activations(s, tokens), 0);
    program_gemm(p, hidden, columns, tokens);
    program_wait(p, call);
}

static void backward_out(struct program *p, const struct workload_setup *s, int tokens, int rows)
{
    program_gemm(p, tokens, rows, s->model.hidden);
    program_gemm(p, rows, s->model.hidden, tokens);
}

void plan_tensor_backward(struct program *p, const struct workload_setup *s, int tokens)
{
    const struct workload_model *m = &s->model;
    const int t = s->grid.size[AXIS_TENSOR];
    backward_out(p, s, tokens, m->ffn / t);
    backward_in(p, s, tokens, (m->gated ? 2 : 1) * m->ffn / t);
    backward_out(p, s, tokens, m->hidden / t);
    plan_scores(p, m, tokens, tokens, t);
    plan_scores(p, m, tokens, tokens, t);
    backward_in(p, s, tokens, m->query_key_value / t);
}

double tensor_layer_bytes(const struct workload_setup *s, int tokens)
{
    const struct layer l = model_layer(&s->model, tokens);
    const double t = s->grid.size[AXIS_TENSOR];
    return t * split_volume(SPLIT_1D, &l, t);
}

const char *needs_two_ranks(const struct workload_setup *s)
{
    return s->grid.size[AXIS_ALL] < 2 ? "one rank has nobody to share with" : NULL;
}

static void plan(struct program *p, const struct workload_setup *s)
{
    for (int layer = 0; layer < s->model.layers; layer++)
        plan_tensor_forward(p, s, s->model.tokens, s->model.tokens);
    for (int layer = s->model.layers - 1; layer >= 0; layer--)
        plan_tensor_backward(p, s, s->model.tokens);
    program_update(p, model_params(&s->model) / (uint64_t)s->grid.size[AXIS_TENSOR]);
}

static double formula(const struct workload_setup *s)
{
    return s->model.layers * tensor_layer_bytes(s, s->model.tokens);
}

const struct workload workload_tp_layer = {
    .name = "tp-layer", .summary = "tensor parallel layers: columns, then rows of the weights (1D)",
    .moves = "4 all-reduces of A a layer, two of them beside a product: 8 (n-1) A a layer", .grid = grid_of_tensor, .refuses = needs_two_ranks,
    .plan = plan, .formula = formula, .per = "step", .gpu = true,
};
