/* Calls of a schedule on GPUs: the members hand over their buffers, the leader launches for all and reads what the kernels report. */
#include "collectives/device/gpu_inside.h"

#include "collectives/device/record.h"
#include "core/error.h"

#include <sched.h>

const char *gpu_protocol_name(const struct gpu_operation *g)
{
    return g->protocol == LINES_LL ? "ll" : g->protocol == LINES_LL128 ? "ll128" : g->direct ? "direct" : "slots";
}

int gpu_operation_waits_for(const struct operation *op)
{
    const struct gang *gang = op->gpu->gpu->gang;
    const int missing = gang_missing(gang, op->gpu->ticket);
    return missing >= 0 ? missing : gang->leader;
}

static int token_of(const struct operation *op, const void *address, uint64_t elements, uint64_t *token_p)
{
    *token_p = 0;
    if (elements == 0 || comm_token(op->comm, address, token_p))
        return RB_OK;
    return rb_fail(RB_EINTERNAL, "%s: a GPU's buffers are those of comm_allocate", op->call.algorithm->name);
}

int gpu_operation_start(struct operation *op, const void *in, void *out)
{
    struct gpu_operation *g = op->gpu;
    uint64_t in_token, out_token;
    RB_TRY(token_of(op, in, op->facts.in_elements, &in_token));
    RB_TRY(token_of(op, out, op->facts.out_elements, &out_token));
    g->ticket = gang_hand_over(g->gpu->gang, in_token, out_token);
    g->launched = g->over = false;
    return RB_OK;
}

/* What member m's token means in this process; NULL where it gave no buffer. */
static char *resolve(const struct gpu_operation *g, int rank, uint64_t token, uint64_t elements)
{
    return elements == 0 ? NULL : comm_at(g->gpu->comm, token, rank);
}

static int launch(struct operation *op)
{
    struct gpu_operation *g = op->gpu;
    const struct gang *gang = g->gpu->gang;
    const struct collective *c = algorithm_means(op->call.algorithm);
    for (int m = 0; m < gang->nmembers; m++) {
        const int rank = gang->members[m];
        const struct gang_post *post = gang_post(gang, rank);
        g->call.in_token[m] = post->in_token;
        g->call.out_token[m] = post->out_token;
        g->call.in[m] = resolve(g, rank, post->in_token, (uint64_t)c->in_blocks(&op->call.group, rank) * op->call.count);
        g->call.out[m] = resolve(g, rank, post->out_token, (uint64_t)c->out_blocks(&op->call.group, rank) * op->call.count);
    }
    g->launched = true;
    return gpu_api.launch(&g->launch);
}

/* What the groups say after the launch is over: nothing unless a wait has ended, and then all of them end for good. */
int gpu_read_reports(const struct operation *op)
{
    const struct gpu_operation *g = op->gpu;
    if (atomic_load_explicit(g->gpu->gang->abort, memory_order_acquire) == 0)
        return RB_OK;
    const struct gpu_report *all = g->gpu->gang->reports, *worst = NULL;
    for (uint32_t i = 0; i < g->call.nranks * g->call.nchannels; i++)
        if (all[i].stop == GPU_STOP_TIMEOUT || (all[i].stop == GPU_STOP_ABORTED && worst == NULL))
            worst = worst != NULL && worst->stop == GPU_STOP_TIMEOUT ? worst : &all[i];
    if (worst == NULL)
        return RB_OK;
    return rb_fail(RB_ETIMEOUT, "rank %d: %s in %s (%s) on the GPU, channel %d lane %d step %d, waiting for rank %d: message %llu wanted, %llu seen",
                   worst->rank, worst->stop == GPU_STOP_TIMEOUT ? "no progress" : "aborted", op->call.algorithm->name, gpu_protocol_name(g),
                   worst->channel, worst->lane, worst->step, worst->peer, (unsigned long long)worst->wanted, (unsigned long long)worst->seen);
}

/* A launch that fails is over. */
int gpu_operation_launch(struct operation *op, bool *launched_p)
{
    struct gpu_operation *g = op->gpu;
    *launched_p = true;
    if (!gang_leads(g->gpu->gang) || g->launched)
        return RB_OK;
    *launched_p = gang_missing(g->gpu->gang, g->ticket) < 0;
    const int rc = *launched_p ? launch(op) : RB_OK;
    if (rc != RB_OK) {
        g->over = true;
        gang_finish(g->gpu->gang, g->ticket, rc);
    }
    return rc;
}

static int lead(struct operation *op, bool *done_p)
{
    struct gpu_operation *g = op->gpu;
    bool launched;
    *done_p = g->over;
    if (g->over)
        return RB_OK;
    int rc = gpu_operation_launch(op, &launched);
    if (rc != RB_OK || !launched)
        return rc;
    rc = gpu_api.finished(done_p);
    if (rc == RB_OK && !*done_p)
        return RB_OK;
    *done_p = g->over = true;
    rc = rc == RB_OK ? gpu_read_reports(op) : rc;
    gang_finish(g->gpu->gang, g->ticket, rc);
    return rc;
}

void gpu_operation_stop(struct operation *op)
{
    struct gpu_operation *g = op->gpu;
    bool done = false;
    atomic_store(op->comm->transport->abort, 1);
    while (g->launched && !g->over && !done && gpu_api.finished(&done) == RB_OK)
        sched_yield();
    g->over = true;
}

int gpu_operation_progress(struct operation *op, bool *done_p)
{
    const struct gpu_operation *g = op->gpu;
    int result = RB_OK;
    if (gang_leads(g->gpu->gang))
        return lead(op, done_p);
    *done_p = gang_is_over(g->gpu->gang, g->ticket, &result);
    return result;
}

static int hand_over(void *context, const struct call_place *call, uint64_t *number_p)
{
    struct operation *op = context;
    struct gpu_operation *g = op->gpu;
    if (call != NULL) {
        RB_TRY(gpu_operation_start(op, call->in, call->out));
    } else {
        g->ticket = gang_hand_over(g->gpu->gang, 0, 0);
        g->launched = gang_leads(g->gpu->gang);
        g->over = false;
    }
    *number_p = g->ticket;
    return RB_OK;
}

static int enqueue(void *context)
{
    return launch(context);
}

/* What a transport without a thread of its own has to move for the kernels. */
static int move(struct operation *op, bool *busy_p)
{
    struct transport *t = op->comm->transport;
    *busy_p = false;
    const int rc = t->ops->progress != NULL ? t->ops->progress(t, busy_p) : RB_OK;
    if (rc != RB_OK)
        gpu_operation_stop(op);
    return rc;
}

static int ended(void *context)
{
    struct operation *op = context;
    bool busy = true;
    while (busy)
        RB_TRY(move(op, &busy));
    op->gpu->over = true;
    return gang_leads(op->gpu->gpu->gang) ? gpu_read_reports(op) : RB_OK;
}

static int pause_call(void *context, struct patience *p, int peer)
{
    bool busy;
    (void)peer; /* gpu_operation_waits_for() knows */
    RB_TRY(move(context, &busy));
    return operation_pause(context, p);
}

int gpu_operation_record(struct operation *op, const struct call_place *calls, size_t count, struct recording **recording_p)
{
    const struct record_source source = { .comm = op->comm, .gang = op->gpu->gpu->gang, .context = op, .hand_over = hand_over, .enqueue = enqueue,
                                          .ended = ended, .pause = pause_call, .nstreams = 1 };
    return record_calls(&source, calls, count, recording_p);
}
