#include "collectives/async_wire.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

int async_workers(const struct job *job, const struct async_config *config)
{
    return job->nranks - config->servers;
}

static int check(const struct comm *comm, const struct async_config *config)
{
    const int n = comm->job->nranks;
    if (!comm->transport->ops->moves)
        return rb_fail(RB_EUSAGE, "the asynchronous parameter server needs a transport that moves data, not %s", comm->transport->ops->name);
    if (config->servers < 1 || config->servers >= n)
        return rb_fail(RB_EUSAGE, "%d servers: with %d ranks there can be 1 to %d, the others work", config->servers, n, n - 1);
    if (config->iterations < 1)
        return rb_fail(RB_EUSAGE, "0 iterations: a worker needs at least one");
    if (config->count < 1)
        return rb_fail(RB_EUSAGE, "0 elements: weights have at least one");
    struct async_shard probe;
    return async_shard_init(&probe, comm, config, 0);
}

/* Many may have found the same: the first of them says so. */
static int agree(struct job *job, const char *wrong)
{
    const bool mine = wrong[0] != '\0';
    bool *all = rb_calloc((size_t)job->nranks, sizeof *all);
    int rc = job_allgather(job, &mine, all, sizeof mine), first = 0;
    while (rc == RB_OK && first < job->nranks && !all[first])
        first++;
    if (rc == RB_OK && first < job->nranks)
        rc = first == job->rank ? rb_fail(RB_EDATA, "%s", wrong) : RB_EDATA;
    free(all);
    return rc;
}

int async_run(struct comm *comm, const struct async_config *config, const struct async_work *work, struct async_facts *facts_p)
{
    RB_TRY(check(comm, config)); /* the same on every rank */
    struct async_facts facts = {0};
    const int phase = atomic_load(&comm->heartbeat->phase);
    heartbeat_phase(comm->heartbeat, PHASE_ASYNC);
    const bool serves = comm->job->rank >= async_workers(comm->job, config);
    const int rc = serves ? async_serve(comm, config, work, &facts) : async_toil(comm, config, work, &facts);
    if (rc != RB_OK && facts.wrong[0] != '\0') /* perhaps the reason */
        rb_fail(RB_EDATA, "%s", facts.wrong);
    RB_TRY(rc);
    atomic_store(&comm->heartbeat->step, -1);
    heartbeat_phase(comm->heartbeat, (enum heartbeat_phase)phase);
    RB_TRY(comm_barrier(comm)); /* patience has an end here, in agree() it has none */
    RB_TRY(agree(comm->job, facts.wrong));
    *facts_p = facts;
    return RB_OK;
}
