/* workload/gpu_calls.h - the calls of a program on GPUs, by one who makes them: our kernels, or a baseline's library (NCCL) on the same buffers.
 *
 * The leader of a GPU queues them for all its ranks. Their order with the products is kept on the GPU, alike for all makers: a call waits for
 * all products that were queued before it, and from gpu_calls_wait() on products wait for the calls.
 *
 * Errors RB_*, printed. Opening and closing are collective. */
#ifndef RB_WORKLOAD_GPU_CALLS_H
#define RB_WORKLOAD_GPU_CALLS_H

#include "collectives/baseline/baseline.h"
#include "collectives/device/gpu.h"
#include "workload/program.h"

struct gpu_calls;

/* All borrowed. baseline NULL: ours. */
struct gpu_calls_setup {
    const struct program *program;
    struct comm *comm;
    enum rb_type type;
    struct baseline *baseline;
    struct gpu_parts *parts; /* where a leader's products are */
};

/* Why a baseline cannot make them, static text; NULL: it can. */
const char *gpu_calls_lack(const struct gpu_calls_setup *setup);
int gpu_calls_open(struct gpu_calls **c_p, const struct gpu_calls_setup *setup);
void gpu_calls_close(struct gpu_calls *c);
/* Elements of call i, of a rank's buffers; ours only. */
const struct operation_facts *gpu_calls_facts(const struct gpu_calls *c, size_t i);
/* What the library has taken for the largest call, after the first one; "" when it does not tell. */
const char *gpu_calls_chosen(const struct gpu_calls *c);

/* Leaders: in, out are their own. token: of one element. */
int gpu_calls_queue(struct gpu_calls *c, size_t i, bool token, const void *in, void *out);
int gpu_calls_wait(struct gpu_calls *c);
/* Leaders: until a baseline's calls are done; ours are launches, which gpu_api.finished() tells of. */
int gpu_calls_drain(struct gpu_calls *c);
/* After that: how they ended. */
int gpu_calls_result(const struct gpu_calls *c);

#endif
