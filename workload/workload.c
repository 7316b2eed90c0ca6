#include "workload/workload.h"

#include "core/error.h"
#include "core/text.h"

#include <string.h>

extern const struct workload workload_ddp, workload_parameter_server, workload_zero1, workload_zero2, workload_zero3, workload_zero_offload, workload_tp_layer,
    workload_tp_2d, workload_pipeline, workload_ring_attention, workload_3d, workload_inference_tp, workload_inference_pp;

const struct workload *const workloads[] = {
    &workload_ddp,
    &workload_parameter_server,
    &workload_zero1,
    &workload_zero2,
    &workload_zero3,
    &workload_zero_offload,
    &workload_tp_layer,
    &workload_tp_2d,
    &workload_pipeline,
    &workload_ring_attention,
    &workload_3d,
    &workload_inference_tp,
    &workload_inference_pp,
};
const size_t workload_count = RB_LEN(workloads);

int workload_find(const char *name, const struct workload **workload_p)
{
    const char *names[RB_LEN(workloads)];
    for (size_t i = 0; i < workload_count; i++) {
        names[i] = workloads[i]->name;
        if (strcmp(name, names[i]) == 0) {
            *workload_p = workloads[i];
            return RB_OK;
        }
    }
    const char *near = text_nearest(name, names, workload_count);
    return near != NULL ? rb_fail(RB_EUSAGE, "--workload: unknown '%s'; did you mean %s?", name, near)
                        : rb_fail(RB_EUSAGE, "--workload: unknown '%s'; ringbench workload --list shows them", name);
}

struct grid grid_of_data(int nranks)
{
    return grid_make(1, nranks, 1);
}

struct grid grid_of_tensor(int nranks)
{
    return grid_make(nranks, 1, 1);
}

struct grid grid_of_pipeline(int nranks)
{
    return grid_make(1, 1, nranks);
}

void plan_scores(struct program *p, const struct workload_model *m, int queries, int keys, int parts)
{
    const int heads = m->heads / parts > 0 ? m->heads / parts : 1, width = m->hidden / m->heads;
    for (int head = 0; head < heads; head++) {
        program_gemm(p, queries, keys, width);
        program_gemm(p, queries, width, keys);
    }
}

void plan_layer_forward(struct program *p, const struct workload_model *m, int tokens, int parts)
{
    program_gemm(p, tokens, m->query_key_value / parts, m->hidden);
    plan_scores(p, m, tokens, tokens, parts);
    program_gemm(p, tokens, m->hidden, m->hidden / parts);
    program_gemm(p, tokens, (m->gated ? 2 : 1) * m->ffn / parts, m->hidden);
    program_gemm(p, tokens, m->hidden, m->ffn / parts);
}

/* Each product again for the gradient of its input, and of its weights. */
static void backward(struct program *p, int tokens, int columns, int rows)
{
    program_gemm(p, tokens, rows, columns);
    program_gemm(p, rows, columns, tokens);
}

void plan_layer_backward(struct program *p, const struct workload_model *m, int tokens, int parts)
{
    backward(p, tokens, m->hidden, m->ffn / parts);
    backward(p, tokens, (m->gated ? 2 : 1) * m->ffn / parts, m->hidden);
    backward(p, tokens, m->hidden, m->hidden / parts);
    plan_scores(p, m, tokens, tokens, parts);
    plan_scores(p, m, tokens, tokens, parts);
    backward(p, tokens, m->query_key_value / parts, m->hidden);
}
