/* Decoding: one token of every sequence of a batch at a time, over a tensor-parallel group or through a pipeline. The weights are read
 * once for each token, the calls are small. The sequences share their context. */
#include "workload/tensor.h"

#include "report/inference.h"

static struct decode_time transfers(const struct workload_setup *s)
{
    const struct decoder d = { .params = (double)model_params(&s->model), .hidden = s->model.hidden, .layers = s->model.layers, .batch = s->batch,
                               .bytes = MODEL_BYTES, .weight_bytes = MODEL_BYTES, .memory_Bps = 1, .flops = 1 };
    return decode_stage(&d, s->grid.size[AXIS_ALL]);
}

static void plan_tensor(struct program *p, const struct workload_setup *s)
{
    for (int token = 0; token < s->generated; token++)
        for (int layer = 0; layer < s->model.layers; layer++)
            plan_tensor_forward(p, s, s->batch, s->model.tokens);
}

/* An all-reduce of n ranks moves each byte 2 (n-1) times. */
static double formula_tensor(const struct workload_setup *s)
{
    const struct decode_time t = transfers(s);
    return s->generated * t.ntransfers * t.transfer_bytes * 2 * (s->grid.size[AXIS_ALL] - 1);
}

/* The last stage hands the token back to the first, which begins the next one. */
static void plan_pipeline(struct program *p, const struct workload_setup *s)
{
    const int of = s->grid.size[AXIS_PIPELINE], at = grid_position(p->grid, AXIS_PIPELINE, p->rank), before = (at + of - 1) % of;
    const uint64_t count = (uint64_t)s->batch * (uint64_t)s->model.hidden;
    for (int token = 0; token < s->generated; token++) {
        if (at > 0)
            program_wait(p, program_hand_over(p, AXIS_PIPELINE, count, before, 1));
        for (int layer = 0; layer < s->model.layers / of; layer++)
            plan_tensor_forward(p, s, s->batch, s->model.tokens);
        program_hand_over(p, AXIS_PIPELINE, count, at, 1);
        if (at == 0)
            program_wait(p, program_hand_over(p, AXIS_PIPELINE, count, before, 1));
    }
}

static double formula_pipeline(const struct workload_setup *s)
{
    return s->generated * s->grid.size[AXIS_ALL] * transfers(s).transfer_bytes;
}

const struct workload workload_inference_tp = {
    .name = "inference-tp", .summary = "decoding, tensor parallel",
    .moves = "2 all-reduces of batch x hidden a layer and token", .grid = grid_of_tensor, .refuses = needs_two_ranks, .plan = plan_tensor,
    .formula = formula_tensor, .per = "tokens of a sample",
};

const struct workload workload_inference_pp = {
    .name = "inference-pp", .summary = "decoding, through a pipeline",
    .moves = "batch x hidden from stage to stage, n times a token", .grid = grid_of_pipeline, .refuses = needs_two_ranks, .plan = plan_pipeline,
    .formula = formula_pipeline, .per = "tokens of a sample",
};
