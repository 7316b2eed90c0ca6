/* NCCL on the same buffers. The leader of a gang holds the communicators of all its members and issues their calls as one group;
 * the members hand their buffers over as they do for our own kernels. */
#include "collectives/baseline/nccl_inside.h"
#include "collectives/operation.h"
#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* All ranks have it, in one version; else why not, the same on all. */
static int find_library(struct nccl *n, const char *file, bool *found_p, char *why, size_t room)
{
    struct finding {
        int version;
        char why[200];
    } mine = {0}, *all = rb_calloc((size_t)n->gang->job->nranks, sizeof *all);
    if (nccl_api_open(&n->api, file, mine.why, sizeof mine.why) && nccl_check_wishes(n, mine.why, sizeof mine.why))
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
    if (*found_p && nccl_sets_environment(n)) {
        nccl_set_environment(n);
        nccl_log_rest();
    }
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
static int connect_all(struct nccl *n)
{
    if (n->algorithm == NULL)
        return connect_members(n);
    char *before = getenv("NCCL_ALGO") != NULL ? rb_strdup(getenv("NCCL_ALGO")) : NULL;
    int rc = job_barrier(n->gang->job);
    if (nccl_sets_environment(n))
        setenv("NCCL_ALGO", n->algorithm, 1);
    if (rc == RB_OK)
        rc = connect_members(n);
    if (nccl_sets_environment(n) && before == NULL)
        unsetenv("NCCL_ALGO");
    else if (nccl_sets_environment(n))
        setenv("NCCL_ALGO", before, 1);
    free(before);
    const int met = job_barrier(n->gang->job);
    return rc == RB_OK ? met : rc;
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
    n->algorithm = setup->algorithm;
    n->equal_ctas = setup->equal_ctas;
    n->cta_policy = setup->cta_policy;
    n->gang = ((struct cuda_transport *)setup->comm->transport)->gang;
    bool found = false;
    int rc = find_library(n, setup->library, &found, why, room);
    if (rc == RB_OK && found) {
        rc = connect_all(n);
        nccl_describe(n);
        if (rc == RB_OK)
            rc = nccl_log_ready(n);
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

static const char *chosen(const struct baseline_operation *head)
{
    return ((const struct nccl_operation *)head)->chosen;
}

const struct baseline_ops baseline_nccl = {
    .name = "nccl", .summary = "NCCL, on the same GPU buffers", .supports = supports, .label = label, .identify = identify, .open = open_nccl,
    .close = close_nccl, .prepare = prepare, .release = release, .chosen = chosen, .run = nccl_run,
    .queue = nccl_queue, .wait = nccl_wait, .record = nccl_record, .issue = nccl_issue_queued, .streams = nccl_streams, .drain = nccl_drain,
};
