/* NCCL on the same buffers. The leader of a gang holds the communicators of all its members and issues their calls as one group;
 * the members hand their buffers over as they do for our own kernels. */
#include "collectives/baseline/baseline.h"

#include "collectives/baseline/nccl_api.h"
#include "collectives/baseline/nccl_calls.h"
#include "collectives/device/record.h"
#include "collectives/operation.h"
#include "collectives/patience.h"
#include "collectives/transport/cuda.h"
#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nccl {
    struct baseline head;
    struct nccl_api api;
    struct comm *comm; /* ours: buffers, gang, patience */
    struct gang *gang;
    struct nccl_member members[GPU_RANKS]; /* leader only */
    int nmembers;
    char version[240];
};

struct nccl_operation {
    struct baseline_operation head;
    struct nccl *nccl;
    uint64_t number; /* of the call under way */
};

static bool is_float(enum rb_type type)
{
    return type >= TYPE_HALF;
}

static bool is_fp8(enum rb_type type)
{
    return type == TYPE_FLOAT8E4M3 || type == TYPE_FLOAT8E5M2;
}

/* What no version can do. */
static const char *never(const struct baseline_call *call)
{
    if (call->collective == COLLECTIVE_PUSH_PULL)
        return "NCCL has no parameter server";
    if (call->collective == COLLECTIVE_ALLTOALL && call->in_place)
        return "NCCL's sends and receives want two buffers";
    return NULL;
}

/* NCCL multiplies floats by 1/n before it adds, which rounds unless n is a power of two: not the mean that is verified. */
static bool rounds_mean(const struct baseline_call *call)
{
    const int n = call->group.nranks;
    return call->op == OP_AVG && is_float(call->type) && (n & (n - 1)) != 0;
}

static bool supports(const struct baseline *b, const struct baseline_call *call, const char **why_p)
{
    const struct nccl *n = (const struct nccl *)b;
    const bool reduces = collective_get(call->collective)->reduces;
    const char *why = never(call);
    if (why == NULL && reduces && rounds_mean(call))
        why = "NCCL's mean rounds every operand where the ranks are no power of two";
    if (why == NULL && n != NULL && is_fp8(call->type) && n->api.version < NCCL_FIRST_FP8)
        why = "NCCL has 8-bit floats from 2.24 on";
    if (why == NULL && n != NULL && reduces && is_fp8(call->type) && n->gang->facts.major < 9)
        why = "NCCL reduces 8-bit floats on GPUs of sm_90 and newer";
    if (why == NULL && n != NULL && reduces && call->op == OP_AVG && n->api.version < NCCL_FIRST_AVG)
        why = "NCCL has a mean from 2.10 on";
    if (why != NULL)
        *why_p = why;
    return why == NULL;
}

static const char *label(const struct baseline_call *call)
{
    (void)call;
    return "";
}

static bool identify(const char *library, char *text, size_t room)
{
    struct nccl_api api;
    if (!nccl_api_open(&api, library, text, room))
        return false;
    snprintf(text, room, "%s", api.version_text);
    nccl_api_close(&api);
    return true;
}

static int most_on_a_gpu(const struct gang *g)
{
    int most = 0;
    for (int r = 0; r < g->job->nranks; r++) {
        int here = 0;
        for (int k = 0; k < g->job->nranks; k++)
            here += g->leaders[k] == g->leaders[r];
        most = here > most ? here : most;
    }
    return most;
}

static bool check_sharing(const struct nccl *n, char *why, size_t room)
{
    const int sharing = most_on_a_gpu(n->gang), fit = n->gang->facts.sms / sharing;
    const char *given = getenv("NCCL_MAX_CTAS");
    if (sharing > 1 && n->api.version < NCCL_FIRST_SHARED_GPU) {
        snprintf(why, room, "%d ranks share a GPU, which is not possible with this version: NCCL %s refuses duplicate GPUs, 2.30.3 and newer can (--nccl FILE)",
                 sharing, n->api.version_text);
        return false;
    }
    if (sharing > 1 && given != NULL && atoi(given) > fit) {
        snprintf(why, room, "NCCL_MAX_CTAS=%s with %d ranks on a GPU of %d SMs would wait for ever: at most %d", given, sharing, n->gang->facts.sms, fit);
        return false;
    }
    return true;
}

/* As many thread blocks as we use, so that the same share of the GPU is compared; never more than fit at once, or ranks that share a GPU
 * would wait for each other for ever. */
static void set_environment(const struct nccl *n)
{
    const struct cuda_transport *t = (const struct cuda_transport *)n->comm->transport;
    const int sharing = most_on_a_gpu(n->gang), fit = n->gang->facts.sms / sharing;
    char text[16];
    if (sharing > 1)
        setenv("NCCL_MULTI_RANK_GPU_ENABLE", "1", 1);
    snprintf(text, sizeof text, "%d", t->channels < fit ? t->channels : fit);
    setenv("NCCL_MAX_CTAS", text, 0);
}

/* The environment is the process's: one of its threads changes it while the others read nothing. */
static bool sets_environment(const struct nccl *n)
{
    return n->gang->job->thread == 0;
}

/* All ranks have it, in one version; else why not, the same on all. */
static int find_library(struct nccl *n, const char *file, bool *found_p, char *why, size_t room)
{
    struct finding {
        int version;
        char why[200];
    } mine = {0}, *all = rb_calloc((size_t)n->gang->job->nranks, sizeof *all);
    if (nccl_api_open(&n->api, file, mine.why, sizeof mine.why) && check_sharing(n, mine.why, sizeof mine.why))
        mine.version = n->api.version;
    const int rc = job_allgather(n->gang->job, &mine, all, sizeof mine);
    *found_p = rc == RB_OK;
    for (int r = 0; r < n->gang->job->nranks && *found_p; r++) {
        *found_p = all[r].version > 0 && all[r].version == all[0].version;
        if (all[r].version == 0)
            snprintf(why, room, "%s", all[r].why);
        else if (!*found_p)
            snprintf(why, room, "rank %d has NCCL %d, rank 0 has %d", r, all[r].version, all[0].version);
    }
    free(all);
    if (*found_p && sets_environment(n))
        set_environment(n);
    return rc == RB_OK ? job_barrier(n->gang->job) : rc;
}

static int open_members(struct nccl *n, const struct nccl_id *id)
{
    const struct gang *g = n->gang;
    for (int m = 0; m < g->nmembers; m++)
        RB_TRY(gpu_api.stream_open(&n->members[m].stream));
    RB_TRY(nccl_api_check(&n->api, n->api.group_start(), "ncclGroupStart", NULL));
    int rc = RB_OK;
    for (int m = 0; m < g->nmembers && rc == RB_OK; m++) {
        n->members[m].rank = g->members[m];
        rc = nccl_api_check(&n->api, n->api.comm_init_rank(&n->members[m].comm, g->job->nranks, *id, g->members[m]), "ncclCommInitRank", NULL);
    }
    const int ended = n->api.group_end();
    n->nmembers = g->nmembers;
    return rc != RB_OK ? rc : nccl_api_check(&n->api, ended, "connecting", NULL);
}

static int connect_members(struct nccl *n)
{
    struct job *job = n->gang->job;
    struct nccl_id id;
    int rc = RB_OK;
    if (job->rank == 0)
        rc = nccl_api_check(&n->api, n->api.get_unique_id(&id), "ncclGetUniqueId", NULL);
    RB_TRY(job_agree(job, rc));
    RB_TRY(job_broadcast(job, &id, sizeof id, 0));
    return job_agree(job, gang_leads(n->gang) ? open_members(n, &id) : RB_OK);
}

/* NCCL reads the wish when a communicator is made. */
static int connect_all(struct nccl *n, const char *algorithm)
{
    if (algorithm == NULL)
        return connect_members(n);
    char *before = getenv("NCCL_ALGO") != NULL ? rb_strdup(getenv("NCCL_ALGO")) : NULL;
    int rc = job_barrier(n->gang->job);
    if (sets_environment(n))
        setenv("NCCL_ALGO", algorithm, 1);
    if (rc == RB_OK)
        rc = connect_members(n);
    if (sets_environment(n) && before == NULL)
        unsetenv("NCCL_ALGO");
    else if (sets_environment(n))
        setenv("NCCL_ALGO", before, 1);
    free(before);
    const int met = job_barrier(n->gang->job);
    return rc == RB_OK ? met : rc;
}

static void describe(struct nccl *n, const char *algorithm)
{
    const char *algo = algorithm != NULL ? algorithm : getenv("NCCL_ALGO"), *proto = getenv("NCCL_PROTO"), *ctas = getenv("NCCL_MAX_CTAS");
    snprintf(n->version, sizeof n->version, "NCCL %s, at most %.8s CTAs a rank, algorithm %.40s, protocol %.40s", n->api.version_text,
             ctas != NULL ? ctas : "?", algo != NULL ? algo : "of its choice", proto != NULL ? proto : "of its choice");
    n->head.version = n->version;
}

static void close_nccl(struct baseline *b)
{
    struct nccl *n = (struct nccl *)b;
    for (int m = 0; m < n->nmembers; m++) {
        if (n->members[m].comm != NULL)
            n->api.comm_destroy(n->members[m].comm);
        gpu_api.stream_close(n->members[m].stream);
    }
    nccl_api_close(&n->api);
    free(n);
}

static int open_nccl(struct baseline **b_p, const struct baseline_setup *setup, char *why, size_t room)
{
    extern const struct baseline_ops baseline_nccl;
    *b_p = NULL;
    if (setup->comm == NULL || !comm_on_gpu(setup->comm)) {
        snprintf(why, room, "NCCL moves GPU memory, and this run's buffers lie in host memory");
        return RB_OK;
    }
    struct nccl *n = rb_calloc(1, sizeof *n);
    n->head.ops = &baseline_nccl;
    n->comm = setup->comm;
    n->gang = ((struct cuda_transport *)setup->comm->transport)->gang;
    bool found = false;
    int rc = find_library(n, setup->library, &found, why, room);
    if (rc == RB_OK && found) {
        rc = connect_all(n, setup->algorithm);
        describe(n, setup->algorithm);
    }
    if (rc == RB_OK && found) {
        *b_p = &n->head;
        return RB_OK;
    }
    nccl_api_close(&n->api);
    free(n);
    return rc;
}

static int prepare(struct baseline *b, struct baseline_operation **op_p, const struct baseline_call *call)
{
    struct nccl_operation *op = rb_calloc(1, sizeof *op);
    op->head = (struct baseline_operation){ .ops = b->ops, .call = *call };
    op->nccl = (struct nccl *)b;
    *op_p = &op->head;
    return RB_OK;
}

static void release(struct baseline_operation *head)
{
    free((struct nccl_operation *)head);
}

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

static int issue_all(struct nccl_operation *op)
{
    struct nccl *n = op->nccl;
    const struct baseline_call *call = &op->head.call;
    const struct collective *c = collective_get(call->collective);
    RB_TRY(nccl_api_check(&n->api, n->api.group_start(), "ncclGroupStart", NULL));
    int rc = RB_OK;
    for (int m = 0; m < n->nmembers && rc == RB_OK; m++) {
        const struct nccl_member *member = &n->members[m];
        const struct gang_post *post = gang_post(n->gang, member->rank);
        const void *in = c->in_blocks(&call->group, member->rank) > 0 ? comm_at(n->comm, post->in_token, member->rank) : NULL;
        void *out = c->out_blocks(&call->group, member->rank) > 0 ? comm_at(n->comm, post->out_token, member->rank) : NULL;
        rc = nccl_api_check(&n->api, nccl_issue(&n->api, call, member, in, out), c->name, member->comm);
    }
    const int ended = n->api.group_end();
    return rc != RB_OK ? rc : nccl_api_check(&n->api, ended, c->name, n->members[0].comm);
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

static int queue(struct baseline_operation *head, const void *in, void *out)
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

static int wait(struct baseline_operation *head)
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

static int run(struct baseline_operation *head, const void *in, void *out)
{
    RB_TRY(queue(head, in, out));
    return wait(head);
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
static int record(struct baseline_operation *head, const struct call_place *calls, size_t count, struct recording **recording_p)
{
    struct nccl_operation *op = (struct nccl_operation *)head;
    const struct nccl *n = op->nccl;
    struct record_source source = { .comm = n->comm, .gang = n->gang, .context = op, .hand_over = record_hand_over, .enqueue = record_enqueue,
                                    .ended = record_ended, .pause = record_pause, .nstreams = n->nmembers };
    for (int m = 0; m < n->nmembers; m++)
        source.streams[m] = n->members[m].stream;
    return record_calls(&source, calls, count, recording_p);
}

const struct baseline_ops baseline_nccl = {
    .name = "nccl", .summary = "NCCL, on the same GPU buffers", .supports = supports, .label = label, .identify = identify, .open = open_nccl,
    .close = close_nccl, .prepare = prepare, .release = release, .run = run, .queue = queue, .wait = wait, .record = record,
};
