#include "collectives/operation.h"

#include "collectives/device/gpu_operation.h"
#include "collectives/patience.h"
#include "core/error.h"

int operation_start(struct operation *op, const void *in, void *out)
{
    struct engine *e = &op->engine;
    if (op->gpu != NULL)
        return gpu_operation_start(op, in, out);
    e->in = in;
    e->out = out;
    if (op->direct && ((op->facts.in_elements > 0 && !comm_token(op->comm, in, &e->in_token)) ||
                       (op->facts.out_elements > 0 && !comm_token(op->comm, out, &e->out_token))))
        return rb_fail(RB_EINTERNAL, "%s: direct access needs buffers of comm_allocate", op->call.algorithm->name);
    for (int i = 0; i < e->nlanes; i++) {
        e->lanes[i].at = 0;
        e->lanes[i].slice = 0;
        e->lanes[i].piece = 0;
    }
    return RB_OK;
}

/* Peers may still be reading what this rank published. */
static bool all_acknowledged(const struct operation *op)
{
    for (int i = 0; i < op->npulled; i++) {
        struct connection *c = op->pulled[i];
        if (c->freed != c->next)
            c->freed = engine_load_acquire(&c->head->sequence);
        if (c->freed != c->next)
            return false;
    }
    return true;
}

/* The network's own words tell more than those of a kernel that waited for it. */
static int advance_gpu(struct operation *op, bool *done_p)
{
    struct transport *t = op->comm->transport;
    bool busy = false;
    int rc = t->ops->progress != NULL ? t->ops->progress(t, &busy) : RB_OK;
    if (rc == RB_OK)
        RB_TRY(gpu_operation_progress(op, done_p));
    if (rc == RB_OK && *done_p && t->ops->progress != NULL)
        rc = t->ops->progress(t, &busy); /* with what the kernel filled last */
    if (rc != RB_OK)
        gpu_operation_stop(op);
    *done_p = *done_p && !busy;
    return rc;
}

int operation_advance(struct operation *op, bool *moved_p, bool *done_p)
{
    struct engine *e = &op->engine;
    struct transport *t = op->comm->transport;
    bool done = true, busy = false;
    *moved_p = false;
    if (op->gpu != NULL)
        return advance_gpu(op, done_p);
    for (int i = 0; i < e->nlanes; i++) {
        const enum engine_result r = engine_advance(e, &e->lanes[i]);
        done = done && r == ENGINE_DONE;
        *moved_p = *moved_p || r == ENGINE_MOVED;
    }
    if (t->ops->progress != NULL && e->nlanes > 0)
        RB_TRY(t->ops->progress(t, &busy));
    *done_p = done && !busy && all_acknowledged(op);
    return RB_OK;
}

int operation_progress(struct operation *op, bool *done_p)
{
    bool moved;
    return operation_advance(op, &moved, done_p);
}

/* What the first unfinished lane waits for; false when all wait for acknowledgements only. */
static bool blocked_on(const struct operation *op, int *lane_p, int *step_p, int *peer_p)
{
    for (int i = 0; i < op->engine.nlanes; i++) {
        const struct engine_lane *l = &op->engine.lanes[i];
        if (l->piece >= op->engine.pieces)
            continue;
        const struct engine_step *s = &l->steps[l->at];
        *lane_p = i;
        *step_p = s->index;
        *peer_p = -1;
        for (int k = 0; k < s->nrecv && *peer_p < 0 && !l->holding; k++)
            if (engine_load_acquire(&s->recv[k]->tail[s->recv[k]->at].sequence) != s->recv[k]->next + 1)
                *peer_p = s->recv[k]->peer;
        if (*peer_p < 0 && s->nsend > 0)
            *peer_p = s->send[0]->peer;
        return true;
    }
    *lane_p = *step_p = -1;
    *peer_p = op->gpu != NULL ? gpu_operation_waits_for(op) : op->npulled > 0 ? op->pulled[0]->peer : -1;
    return false;
}

static void show_wait(struct operation *op)
{
    int lane, step, peer;
    blocked_on(op, &lane, &step, &peer);
    struct heartbeat *h = op->comm->heartbeat;
    atomic_store_explicit(&h->lane, lane, memory_order_relaxed);
    atomic_store_explicit(&h->step, step, memory_order_relaxed);
    atomic_store_explicit(&h->waits_for, peer, memory_order_relaxed);
}

static int give_up(const struct operation *op, const char *why)
{
    int lane, step, peer;
    const bool inside = blocked_on(op, &lane, &step, &peer);
    const int rank = op->comm->job->rank;
    if (inside)
        return rb_fail(RB_ETIMEOUT, "rank %d: %s in %s, lane %d step %d, waiting for rank %d", rank, why, op->call.algorithm->name, lane, step, peer);
    return rb_fail(RB_ETIMEOUT, "rank %d: %s in %s, waiting for rank %d to acknowledge", rank, why, op->call.algorithm->name, peer);
}

int operation_pause(struct operation *op, struct patience *p)
{
    switch (patience_wait(op->comm, p)) {
    case PATIENCE_ABORTED: return give_up(op, "aborted");
    case PATIENCE_OVER: return give_up(op, "no progress");
    case PATIENCE_SHOW: show_wait(op); break;
    case PATIENCE_GO_ON: break;
    }
    return RB_OK;
}

int operation_wait(struct operation *op)
{
    struct patience patience = {0};
    for (;;) {
        bool moved, done;
        patience_random_delay(op->comm);
        RB_TRY(operation_advance(op, &moved, &done));
        if (done)
            break;
        if (moved)
            patience = (struct patience){0};
        else
            RB_TRY(operation_pause(op, &patience));
    }
    if (patience.since_ns != 0) {
        atomic_store_explicit(&op->comm->heartbeat->waits_for, -1, memory_order_relaxed);
        atomic_store_explicit(&op->comm->heartbeat->step, -1, memory_order_relaxed);
    }
    heartbeat_beat(op->comm->heartbeat);
    return RB_OK;
}

int operation_run(struct operation *op, const void *in, void *out)
{
    RB_TRY(operation_start(op, in, out));
    return operation_wait(op);
}

int operation_launch(struct operation *op, const void *in, void *out)
{
    struct patience patience = {0};
    bool launched = true;
    RB_TRY(operation_start(op, in, out));
    do {
        if (op->gpu != NULL)
            RB_TRY(gpu_operation_launch(op, &launched));
        if (!launched)
            RB_TRY(operation_pause(op, &patience));
    } while (!launched);
    return RB_OK;
}

int operation_record(struct operation *op, const struct call_place *calls, size_t count, struct recording **recording_p)
{
    if (op->gpu == NULL)
        return rb_fail(RB_ENOTIMPL, "%s: a graph holds calls on GPUs, and these are a processor's", op->call.algorithm->name);
    return gpu_operation_record(op, calls, count, recording_p);
}
