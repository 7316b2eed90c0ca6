/* Pipeline parallelism, one forward one backward (1F1B: arXiv:2104.04473, section 2.2), alone and with tensor and data parallelism.
 *
 * Stage s of p plays p-1-s forward passes before its first backward pass. Who receives waits, who sends goes on. The data-parallel
 * reduction of the gradients is in buckets beside the last micro-batch's backward pass. */
#include "workload/buckets.h"
#include "workload/tensor.h"

struct stage {
    struct program *program;
    const struct workload_setup *setup;
    int at, of, layers;
    struct buckets gradients;
};

static uint64_t handed(const struct workload_setup *s)
{
    return (uint64_t)s->model.tokens * (uint64_t)s->model.hidden;
}

static uint64_t rank_layer_params(const struct workload_setup *s)
{
    return model_layer_params(&s->model) / (uint64_t)s->grid.size[AXIS_TENSOR];
}

static void pass_forward(struct stage *g)
{
    const int tokens = g->setup->model.tokens;
    if (g->at > 0)
        program_wait(g->program, program_hand_over(g->program, AXIS_PIPELINE, handed(g->setup), g->at - 1, 1));
    for (int layer = 0; layer < g->layers; layer++)
        plan_tensor_forward(g->program, g->setup, tokens, tokens);
    if (g->at < g->of - 1)
        program_hand_over(g->program, AXIS_PIPELINE, handed(g->setup), g->at, 1);
}

static void pass_backward(struct stage *g, bool last)
{
    if (g->at < g->of - 1)
        program_wait(g->program, program_hand_over(g->program, AXIS_PIPELINE, handed(g->setup), g->at + 1, -1));
    for (int layer = 0; layer < g->layers; layer++) {
        plan_tensor_backward(g->program, g->setup, g->setup->model.tokens);
        if (last)
            buckets_add(&g->gradients, rank_layer_params(g->setup));
    }
    if (g->at > 0)
        program_hand_over(g->program, AXIS_PIPELINE, handed(g->setup), g->at, -1);
}

static void plan(struct program *p, const struct workload_setup *s)
{
    struct stage g = { .program = p, .setup = s, .at = grid_position(p->grid, AXIS_PIPELINE, p->rank), .of = s->grid.size[AXIS_PIPELINE] };
    g.layers = s->model.layers / g.of;
    buckets_begin(&g.gradients, p, COLLECTIVE_ALL_REDUCE, s);
    const int ahead = g.of - 1 - g.at, m = s->micro_batches;
    for (int turn = 0; turn < m + ahead; turn++) {
        if (turn < m)
            pass_forward(&g);
        if (turn >= ahead)
            pass_backward(&g, turn == m + ahead - 1);
    }
    buckets_end(&g.gradients);
    program_update(p, (uint64_t)g.layers * rank_layer_params(s));
}

static double formula(const struct workload_setup *s)
{
    const double t = s->grid.size[AXIS_TENSOR], p = s->grid.size[AXIS_PIPELINE], d = s->grid.size[AXIS_DATA], m = s->micro_batches;
    const double tensor = m * d * s->model.layers * tensor_layer_bytes(s, s->model.tokens);
    const double pipeline = 2 * m * (p - 1) * t * d * (double)handed(s) * MODEL_BYTES;
    const double data = 2 * (d - 1) * (double)model_params(&s->model) * MODEL_BYTES;
    return tensor + pipeline + data;
}

/* The documents' 8 x 64 x 6 in small: the ranks' prime factors go to tensor, pipeline and data in turn. */
static struct grid grid(int nranks)
{
    int size[3] = { 1, 1, 1 }, next = 0;
    for (int factor = 2; nranks > 1; factor++)
        for (; nranks % factor == 0; nranks /= factor, next = (next + 1) % 3)
            size[next] *= factor;
    return grid_make(size[0], size[2], size[1]);
}

const struct workload workload_pipeline = {
    .name = "pipeline", .summary = "pipeline parallel stages, one forward one backward",
    .moves = "A from stage to stage and back, m micro-batches: 2 m (n-1) A; bubble (n-1)/m of the compute", .grid = grid_of_pipeline, .refuses = needs_two_ranks,
    .plan = plan, .formula = formula, .per = "step",
};

const struct workload workload_3d = {
    .name = "3d", .summary = "tensor x pipeline x data parallel, as 8 x 64 x 6 trained GPT-3",
    .moves = "m d layers 8 (t-1) A + 2 m (p-1) t d A + 2 (d-1) P", .grid = grid, .refuses = needs_two_ranks, .plan = plan, .formula = formula, .per = "step",
};
