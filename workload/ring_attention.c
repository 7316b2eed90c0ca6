/* Sequence parallelism: every rank has a part of the sequence; blocks of keys and values go round the ring, n-1 turns, while the block at
 * hand is used (arXiv:2105.13120; Ring Attention, arXiv:2310.01889). Backward they go round again, and the gradients of keys and values are
 * summed over all ranks, as those of the weights are. */
#include "workload/buckets.h"
#include "workload/tensor.h"

/* Keys and values of a rank's tokens. */
static uint64_t block(const struct workload_setup *s)
{
    return (uint64_t)s->model.tokens * (uint64_t)(s->model.query_key_value - s->model.hidden);
}

/* Scores against every rank's block, `times` the products of the forward pass. */
static void go_round(struct program *p, const struct workload_setup *s, int times)
{
    const int n = s->grid.size[AXIS_DATA], tokens = s->model.tokens;
    for (int turn = 0; turn < n; turn++) {
        const int call = turn + 1 < n ? program_start(p, AXIS_DATA, COLLECTIVE_SENDRECV, block(s), 0) : -1;
        for (int i = 0; i < times; i++)
            plan_scores(p, &s->model, tokens, tokens, 1);
        program_wait(p, call);
    }
}

static void forward(struct program *p, const struct workload_setup *s)
{
    const struct workload_model *m = &s->model;
    program_gemm(p, m->tokens, m->query_key_value, m->hidden);
    go_round(p, s, 1);
    program_gemm(p, m->tokens, m->hidden, m->hidden);
    program_gemm(p, m->tokens, (m->gated ? 2 : 1) * m->ffn, m->hidden);
    program_gemm(p, m->tokens, m->hidden, m->ffn);
}

static void backward_product(struct program *p, int tokens, int columns, int rows)
{
    program_gemm(p, tokens, rows, columns);
    program_gemm(p, rows, columns, tokens);
}

static void backward(struct program *p, const struct workload_setup *s)
{
    const struct workload_model *m = &s->model;
    backward_product(p, m->tokens, m->hidden, m->ffn);
    backward_product(p, m->tokens, (m->gated ? 2 : 1) * m->ffn, m->hidden);
    backward_product(p, m->tokens, m->hidden, m->hidden);
    go_round(p, s, 2);
    program_call(p, AXIS_DATA, COLLECTIVE_ALL_REDUCE, block(s) * (uint64_t)s->grid.size[AXIS_DATA], 0);
    backward_product(p, m->tokens, m->query_key_value, m->hidden);
}

static void plan(struct program *p, const struct workload_setup *s)
{
    struct buckets b;
    for (int layer = 0; layer < s->model.layers; layer++)
        forward(p, s);
    for (int layer = s->model.layers - 1; layer >= 0; layer--)
        backward(p, s);
    buckets_begin(&b, p, COLLECTIVE_ALL_REDUCE, s);
    buckets_add(&b, model_params(&s->model));
    buckets_end(&b);
    program_update(p, model_params(&s->model));
}

/* A layer: two rounds of n-1 turns in which every rank sends its block, and the two all-reduces. */
static double formula(const struct workload_setup *s)
{
    const double n = s->grid.size[AXIS_DATA], rounds = 2 * (n - 1) * n * (double)block(s), gradients = 2 * (n - 1) * n * (double)block(s);
    return s->model.layers * (rounds + gradients + 2 * (n - 1) * (double)model_layer_params(&s->model)) * MODEL_BYTES;
}

const struct workload workload_ring_attention = {
    .name = "ring-attention", .summary = "sequence parallel: blocks of keys and values go round while they are used",
    .moves = "2 (n-1) turns of a block, an all-reduce of its gradients, and of P", .grid = grid_of_data, .refuses = needs_two_ranks, .plan = plan,
    .formula = formula, .per = "step",
};
