#include "collectives/operation.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

void pace_settle(struct pace *p, double GBps, double latency_sec)
{
    static const double burst_bytes = 128 << 10; /* two slots: what a port may catch up after a pause */
    p->ns_per_byte = 1 / GBps;
    p->latency_ns = (uint64_t)(latency_sec * 1e9);
    p->burst_ns = (uint64_t)(burst_bytes * p->ns_per_byte) + p->latency_ns;
}

int comm_pace_open(struct comm *comm)
{
    struct job *job = comm->job;
    const struct comm_config *c = &comm->config;
    if (c->pace_GBps <= 0)
        return RB_OK;
    if (job->nnodes > 1)
        return rb_fail(RB_EUSAGE, "slower links are emulated between the ranks of one machine; here are %d", job->nnodes);
    RB_TRY(shared_open(&comm->clocks, job, 2 * sizeof(struct pace_clock)));
    comm->pace.egress = rb_calloc((size_t)job->nranks, sizeof *comm->pace.egress);
    comm->pace.ingress = rb_calloc((size_t)job->nranks, sizeof *comm->pace.ingress);
    for (int r = 0; r < job->nranks; r++) {
        comm->pace.egress[r] = comm->clocks.base[r];
        comm->pace.ingress[r] = comm->pace.egress[r] + 1;
    }
    comm->pace.rank = job->rank;
    pace_settle(&comm->pace, c->pace_GBps, c->pace_latency_sec);
    return RB_OK;
}

void comm_pace_close(struct comm *comm)
{
    if (comm->clocks.base != NULL)
        shared_close(&comm->clocks);
    free(comm->pace.egress);
    free(comm->pace.ingress);
}
