/* Calls of NCCL: the members hand over their buffers as they do for our own kernels, the leader issues all of their calls as one group. */
#include "collectives/baseline/nccl_inside.h"
#include "collectives/device/record.h"
#include "collectives/operation.h"
#include "collectives/patience.h"
#include "core/error.h"

/* Tokens of comm_allocate(). */
struct buffers {
    uint64_t in, out;
};

static void abort_all(struct nccl *n)
{
    for (int m = 0; m < n->nmembers; m++) {
        n->api.comm_abort(n->members[m].comm);
        n->members[m].comm = NULL;
    }
}

/* Between two looks at what is waited for; peer: who is missing. */
static int wait_a_little(const struct nccl_operation *op, struct patience *p, int peer)
{
    struct nccl *n = op->nccl;
    const enum patience_result r = patience_wait(n->comm, p);
    if (r == PATIENCE_GO_ON)
        return RB_OK;
    atomic_store_explicit(&n->comm->heartbeat->waits_for, peer, memory_order_relaxed);
    for (int m = 0; m < n->nmembers; m++) {
        int result = NCCL_SUCCESS;
        RB_TRY(nccl_api_check(&n->api, n->api.comm_get_async_error(n->members[m].comm, &result), "ncclCommGetAsyncError", NULL));
        RB_TRY(nccl_api_check(&n->api, result, collective_get(op->head.call.collective)->name, n->members[m].comm));
    }
    if (r == PATIENCE_SHOW)
        return RB_OK;
    abort_all(n);
    return rb_fail(RB_ETIMEOUT, "rank %d: %s in NCCL's %s%s", n->gang->job->rank, r == PATIENCE_ABORTED ? "aborted" : "no progress",
                   collective_get(op->head.call.collective)->name, gang_leads(n->gang) ? "" : ", waiting for the rank that leads on this GPU");
}

static int token_of(const struct nccl *n, const void *address, int blocks, uint64_t *token_p)
{
    *token_p = 0;
    if (blocks == 0 || comm_token(n->comm, address, token_p))
        return RB_OK;
    return rb_fail(RB_EINTERNAL, "the NCCL baseline: a GPU's buffers are those of comm_allocate");
}

/* tokens: of the members' buffers, [nmembers]. */
static int issue_group(struct nccl_operation *op, const struct buffers *tokens)
{
    struct nccl *n = op->nccl;
    const struct baseline_call *call = &op->head.call;
    const struct collective *c = collective_get(call->collective);
    nccl_log_begin(op);
    RB_TRY(nccl_api_check(&n->api, n->api.group_start(), "ncclGroupStart", NULL));
    int rc = RB_OK;
    for (int m = 0; m < n->nmembers && rc == RB_OK; m++) {
        const struct nccl_member *member = &n->members[m];
        const void *in = c->in_blocks(&call->group, member->rank) > 0 ? comm_at(n->comm, tokens[m].in, member->rank) : NULL;
        void *out = c->out_blocks(&call->group, member->rank) > 0 ? comm_at(n->comm, tokens[m].out, member->rank) : NULL;
        rc = nccl_api_check(&n->api, nccl_issue(&n->api, call, member, in, out), c->name, member->comm);
    }
    const int ended = n->api.group_end();
    nccl_log_end(op);
    return rc != RB_OK ? rc : nccl_api_check(&n->api, ended, c->name, n->members[0].comm);
}

/* Of buffers that were handed over. */
static int issue_all(struct nccl_operation *op)
{
    struct buffers tokens[GPU_RANKS];
    for (int m = 0; m < op->nccl->nmembers; m++) {
        const struct gang_post *post = gang_post(op->nccl->gang, op->nccl->members[m].rank);
        tokens[m] = (struct buffers){ post->in_token, post->out_token };
    }
    return issue_group(op, tokens);
}

static int wait_streams(const struct nccl_operation *op)
{
    struct patience patience = {0};
    for (int m = 0; m < op->nccl->nmembers;) {
        bool done;
        RB_TRY(gpu_api.stream_finished(op->nccl->members[m].stream, &done));
        if (done)
            m++;
        else
            RB_TRY(wait_a_little(op, &patience, -1));
    }
    return RB_OK;
}

static int gather(struct nccl_operation *op)
{
    struct patience patience = {0};
    for (int missing; (missing = gang_missing(op->nccl->gang, op->number)) >= 0;)
        RB_TRY(wait_a_little(op, &patience, missing));
    return RB_OK;
}

static int follow(const struct nccl_operation *op)
{
    struct patience patience = {0};
    int result = RB_OK;
    while (!gang_is_over(op->nccl->gang, op->number, &result))
        RB_TRY(wait_a_little(op, &patience, op->nccl->gang->leader));
    return result;
}

static int hand_over(struct nccl_operation *op, const struct call_place *call)
{
    struct nccl *n = op->nccl;
    const struct baseline_call *c = &op->head.call;
    const struct collective *what = collective_get(c->collective);
    uint64_t in_token = 0, out_token = 0;
    if (call != NULL) {
        RB_TRY(token_of(n, call->in, what->in_blocks(&c->group, n->gang->job->rank), &in_token));
        RB_TRY(token_of(n, call->out, what->out_blocks(&c->group, n->gang->job->rank), &out_token));
    }
    op->number = gang_hand_over(n->gang, in_token, out_token);
    return RB_OK;
}

int nccl_queue(struct baseline_operation *head, const void *in, void *out)
{
    struct nccl_operation *op = (struct nccl_operation *)head;
    RB_TRY(hand_over(op, &(struct call_place){ in, out }));
    if (!gang_leads(op->nccl->gang))
        return RB_OK;
    int rc = gather(op);
    if (rc == RB_OK)
        rc = issue_all(op);
    if (rc != RB_OK)
        gang_finish(op->nccl->gang, op->number, rc);
    return rc;
}

int nccl_wait(struct baseline_operation *head)
{
    struct nccl_operation *op = (struct nccl_operation *)head;
    struct nccl *n = op->nccl;
    if (gang_leads(n->gang)) {
        const int rc = wait_streams(op);
        gang_finish(n->gang, op->number, rc);
        RB_TRY(rc);
    } else {
        RB_TRY(follow(op));
    }
    atomic_store_explicit(&n->comm->heartbeat->waits_for, -1, memory_order_relaxed);
    heartbeat_beat(n->comm->heartbeat);
    return RB_OK;
}

int nccl_run(struct baseline_operation *head, const void *in, void *out)
{
    RB_TRY(nccl_queue(head, in, out));
    return nccl_wait(head);
}

int nccl_issue_queued(struct baseline_operation *head, const void *in, void *out)
{
    struct nccl_operation *op = (struct nccl_operation *)head;
    struct buffers mine, tokens[GPU_RANKS];
    RB_TRY(token_of(op->nccl, in, 1, &mine.in));
    RB_TRY(token_of(op->nccl, out, 1, &mine.out));
    for (int m = 0; m < op->nccl->nmembers; m++)
        tokens[m] = mine;
    return issue_group(op, tokens);
}

int nccl_streams(const struct baseline *b, void **streams)
{
    const struct nccl *n = (const struct nccl *)b;
    for (int m = 0; m < n->nmembers; m++)
        streams[m] = n->members[m].stream;
    return n->nmembers;
}

int nccl_drain(struct baseline_operation *head)
{
    return wait_streams((struct nccl_operation *)head);
}

static int record_hand_over(void *context, const struct call_place *call, uint64_t *number_p)
{
    struct nccl_operation *op = context;
    RB_TRY(hand_over(op, call));
    *number_p = op->number;
    return RB_OK;
}

static int record_enqueue(void *context)
{
    return issue_all(context);
}

static int record_pause(void *context, struct patience *p, int peer)
{
    return wait_a_little(context, p, peer);
}

static int record_ended(void *context)
{
    (void)context; /* errors were looked for while it was waited for */
    return RB_OK;
}

/* NCCL sees that its streams are recorded and keeps what a graph needs of it (its user guide, "Using NCCL with CUDA Graphs"). */
int nccl_record(struct baseline_operation *head, const struct call_place *calls, size_t count, struct recording **recording_p)
{
    struct nccl_operation *op = (struct nccl_operation *)head;
    const struct nccl *n = op->nccl;
    struct record_source source = { .comm = n->comm, .gang = n->gang, .context = op, .hand_over = record_hand_over, .enqueue = record_enqueue,
                                    .ended = record_ended, .pause = record_pause, .nstreams = n->nmembers };
    for (int m = 0; m < n->nmembers; m++)
        source.streams[m] = n->members[m].stream;
    return record_calls(&source, calls, count, recording_p);
}
