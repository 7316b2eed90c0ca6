#include "collectives/device/gpu_queue.h"

#include "collectives/device/gpu_inside.h"
#include "core/error.h"

struct gang *comm_gang(const struct comm *comm)
{
    return comm->gpu->gang;
}

/* A buffer of the leader's, as the member has it; token 0 and NULL where the call wants none. */
static int place(const struct operation *op, const void *mine, int rank, bool wanted, uint64_t *token_p, void **at_p)
{
    *token_p = 0;
    *at_p = NULL;
    if (!wanted)
        return RB_OK;
    if (!comm_token(op->comm, mine, token_p))
        return rb_fail(RB_EINTERNAL, "%s: a GPU's buffers are those of comm_allocate", op->call.algorithm->name);
    *at_p = comm_at(op->comm, *token_p, rank);
    return *at_p != NULL ? RB_OK : rb_fail(RB_EINTERNAL, "%s: rank %d's buffer is out of reach", op->call.algorithm->name, rank);
}

int operation_queue(struct operation *op, const void *in, void *out)
{
    struct gpu_operation *g = op->gpu;
    const struct gang *gang = g->gpu->gang;
    const struct collective *c = algorithm_means(op->call.algorithm);
    for (int m = 0; m < gang->nmembers; m++) {
        const int rank = gang->members[m];
        void *from;
        RB_TRY(place(op, in, rank, op->call.count > 0 && c->in_blocks(&op->call.group, rank) > 0, &g->call.in_token[m], &from));
        RB_TRY(place(op, out, rank, op->call.count > 0 && c->out_blocks(&op->call.group, rank) > 0, &g->call.out_token[m], &g->call.out[m]));
        g->call.in[m] = from;
    }
    return gpu_api.launch(&g->launch);
}

int operation_queue_result(const struct operation *op)
{
    return gpu_read_reports(op);
}
