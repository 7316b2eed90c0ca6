#include "collectives/comm.h"

#include "collectives/device/gpu_operation.h"
#include "collectives/operation.h"
#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool comm_transport_usable(const char *name, const struct job *job, const char **why_p)
{
    const struct transport_ops *ops = transport_find(name);
    if (ops == NULL) {
        const char *missing = transport_missing(name);
        *why_p = missing != NULL ? missing : "there is no such transport";
        return false;
    }
    return ops->usable(job, why_p);
}

/* The same answer on every rank: hosts may differ. */
static bool all_can_use(struct job *job, const struct transport_ops *ops, const char **why_p)
{
    const bool mine = ops->usable(job, why_p), all = job_agree(job, mine ? RB_OK : RB_EUSAGE) == RB_OK;
    if (mine && !all)
        *why_p = "another host cannot use it";
    return all;
}

/* "no a: reason; ", or one more name to the last of them when its reason is the same. names_end: where the names of that end. */
static void add_refusal(char *why, size_t room, size_t *names_end, const char *name, const char *reason)
{
    char tail[256];
    snprintf(tail, sizeof tail, ": %s; ", reason);
    const bool same = *names_end > 0 && strcmp(why + *names_end, tail) == 0;
    const size_t at = same ? *names_end : strlen(why);
    snprintf(why + at, room - at, "%s%s", same ? ", " : "no ", name);
    *names_end = strlen(why);
    snprintf(why + *names_end, room - *names_end, "%s", tail);
}

/* The first of the table that moves data and all ranks can use; NULL: none. why: what speaks against those before it. */
static const struct transport_ops *first_usable(struct job *job, bool host_memory, char *why, size_t room)
{
    size_t names_end = 0;
    why[0] = '\0';
    for (size_t i = 0; i < transport_count; i++) {
        const char *reason = "";
        if (!transports[i]->moves || (transports[i]->gpu && host_memory))
            continue;
        if (all_can_use(job, transports[i], &reason))
            return transports[i];
        add_refusal(why, room, &names_end, transports[i]->name, reason);
    }
    return NULL;
}

const char *comm_auto(struct job *job, bool host_memory)
{
    char why[sizeof ((struct comm *)NULL)->why];
    const struct transport_ops *ops = first_usable(job, host_memory, why, sizeof why);
    return ops != NULL ? ops->name : NULL;
}

static int choose(struct comm *comm, const struct transport_ops **ops_p)
{
    const char *wanted = comm->config.transport != NULL ? comm->config.transport : "auto", *why = "";
    if (strcmp(wanted, "auto") != 0) {
        const bool mine = comm_transport_usable(wanted, comm->job, &why);
        if (!mine)
            rb_fail(RB_EUSAGE, "transport %s cannot be used: %s", wanted, why);
        RB_TRY(job_agree(comm->job, mine ? RB_OK : RB_EUSAGE));
        *ops_p = transport_find(wanted);
        if (comm->config.found)
            snprintf(comm->why, sizeof comm->why, "%s by auto, the first of its list that all ranks can use: %s", wanted, (*ops_p)->summary);
        else
            snprintf(comm->why, sizeof comm->why, "%s, as asked", wanted);
        return RB_OK;
    }
    *ops_p = first_usable(comm->job, comm->config.host_memory, comm->why, sizeof comm->why);
    if (*ops_p == NULL)
        return rb_fail(RB_EINTERNAL, "no transport can be used: %s", comm->why);
    const size_t n = strlen(comm->why);
    snprintf(comm->why + n, sizeof comm->why - n, "%s by auto, the first of its list that all ranks can use: %s", (*ops_p)->name, (*ops_p)->summary);
    return RB_OK;
}

static int open_barrier(struct comm *comm)
{
    const struct call call = { .algorithm = algorithm_find("direct_one_shot_all_reduce"), .count = 1, .type = TYPE_INT32, .op = OP_SUM,
                               .group = { .nranks = comm->job->nranks, .servers = 1 }, .protocol = PROTOCOL_SLOTS };
    return comm_prepare(comm, &call, &comm->barrier);
}

int comm_open(struct comm **comm_p, struct job *job, const struct comm_config *config)
{
    struct comm *comm = rb_calloc(1, sizeof *comm);
    const struct transport_ops *ops = NULL;
    comm->job = job;
    comm->config = *config;
    comm->random = config->delay_seed + (unsigned)job->rank * 7919u;
    heartbeat_init(&comm->private_heartbeat);
    comm->heartbeat = config->heartbeat != NULL ? config->heartbeat : &comm->private_heartbeat;
    comm->nodes = rb_calloc((size_t)job->nranks, sizeof *comm->nodes);
    int rc = job_allgather(job, &job->node, comm->nodes, sizeof *comm->nodes);
    if (rc == RB_OK)
        rc = choose(comm, &ops);
    if (rc == RB_OK)
        rc = ops->open(&comm->transport, job, &(struct transport_config){
            .slot_bytes = config->slot_bytes, .slots = config->slots, .ranks_per_gpu = config->ranks_per_gpu, .channels = config->channels,
            .qps = config->qps, .device = config->device, .near = config->near_device, .proxy = config->proxy, .gpu = config->card_gpu });
    if (rc == RB_OK && ops->gpu)
        rc = gpu_comm_open(&comm->gpu, comm);
    if (rc == RB_OK && !ops->gpu)
        rc = open_barrier(comm);
    if (rc == RB_OK && !ops->gpu)
        rc = comm_pace_open(comm); /* after the barrier, which is as fast as it can be */
    if (rc == RB_OK && ops->describe != NULL) {
        const size_t used = strlen(comm->why);
        snprintf(comm->why + used, sizeof comm->why - used, "; ");
        ops->describe(comm->transport, comm->why + used + 2, used + 3 < sizeof comm->why ? sizeof comm->why - used - 2 : 0);
    }
    if (rc != RB_OK) {
        gpu_comm_close(comm->gpu);
        comm_pace_close(comm);
        if (comm->transport != NULL)
            ops->close(comm->transport);
        free(comm->nodes);
        free(comm);
        return rc;
    }
    *comm_p = comm;
    return RB_OK;
}

void comm_close(struct comm *comm)
{
    if (comm == NULL)
        return;
    job_barrier(comm->job); /* nobody unmaps what a peer still uses */
    for (int i = 0; i < COMM_REGIONS; i++)
        if (comm->regions[i].base != NULL)
            comm->transport->ops->release(comm->transport, &comm->regions[i]);
    operation_free(comm->barrier);
    gpu_comm_close(comm->gpu);
    comm_pace_close(comm);
    comm->transport->ops->close(comm->transport);
    free(comm->nodes);
    free(comm);
}

void comm_abort(struct comm *comm)
{
    atomic_store(comm->transport->abort, 1);
}

const char *comm_transport(const struct comm *comm)
{
    return comm->transport->ops->name;
}

const char *comm_transport_why(const struct comm *comm)
{
    return comm->why;
}

int comm_allocate(struct comm *comm, size_t bytes, void **memory_p)
{
    int i = 0;
    while (i < COMM_REGIONS && comm->regions[i].base != NULL)
        i++;
    if (i == COMM_REGIONS)
        return rb_fail(RB_EINTERNAL, "more than %d buffers allocated", COMM_REGIONS);
    RB_TRY(comm->transport->ops->allocate(comm->transport, bytes, &comm->regions[i]));
    *memory_p = comm->regions[i].base[comm->job->rank];
    return comm->gpu != NULL ? gpu_comm_regions(comm->gpu) : RB_OK;
}

int comm_release(struct comm *comm, void *memory)
{
    for (int i = 0; i < COMM_REGIONS; i++)
        if (comm->regions[i].base != NULL && comm->regions[i].base[comm->job->rank] == memory) {
            RB_TRY(job_barrier(comm->job));
            comm->transport->ops->release(comm->transport, &comm->regions[i]);
            comm->regions[i] = (struct region){0};
            return RB_OK;
        }
    return rb_fail(RB_EINTERNAL, "comm_release: not memory of comm_allocate");
}

const char *comm_protocol_name(enum comm_protocol protocol)
{
    static const char *const names[] = { [PROTOCOL_AUTO] = "auto", [PROTOCOL_SLOTS] = "slots", [PROTOCOL_DIRECT] = "direct",
                                         [PROTOCOL_LL] = "ll", [PROTOCOL_LL128] = "ll128" };
    return names[protocol];
}

void *comm_peer(const struct comm *comm, const void *address, int rank)
{
    uint64_t token;
    return comm_token(comm, address, &token) ? comm_at(comm, token, rank) : NULL;
}

void *comm_at(const struct comm *comm, uint64_t token, int rank)
{
    char *base = comm->regions[token >> TOKEN_SHIFT].base[rank];
    return base != NULL ? base + (token & ((UINT64_C(1) << TOKEN_SHIFT) - 1)) : NULL;
}

struct comm_gpu comm_gpu(const struct comm *comm)
{
    struct comm_gpu g = { NULL, NULL, -1 };
    if (comm->gpu != NULL) {
        const struct gang *gang = ((const struct cuda_transport *)comm->transport)->gang;
        g = (struct comm_gpu){ gang->facts.name, gang->facts.bus, gang->device };
    }
    return g;
}

bool comm_on_gpu(const struct comm *comm)
{
    return comm->gpu != NULL;
}

int comm_copy(const struct comm *comm, void *to, const void *from, size_t bytes)
{
    if (comm->gpu != NULL && bytes > 0)
        return gpu_api.copy(to, from, bytes);
    memcpy(to, from, bytes);
    return RB_OK;
}

bool comm_token(const struct comm *comm, const void *address, uint64_t *token_p)
{
    for (size_t i = 0; i < COMM_REGIONS; i++) {
        const struct region *r = &comm->regions[i];
        if (r->base == NULL)
            continue;
        const char *base = r->base[comm->job->rank], *at = address;
        if (at >= base && at < base + r->bytes) {
            *token_p = (uint64_t)i << TOKEN_SHIFT | (uint64_t)(at - base);
            return true;
        }
    }
    return false;
}

int comm_barrier(struct comm *comm)
{
    if (comm->barrier == NULL || !comm->transport->ops->moves)
        return job_barrier(comm->job);
    int32_t in = 0, out;
    return operation_run(comm->barrier, &in, &out);
}
