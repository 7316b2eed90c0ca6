#include "collectives/card.h"

#include "collectives/operation.h"
#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a rank saw of its port. */
struct share {
    int32_t node;
    char host[64];
    struct transport_card delta;
};

bool card_has(const struct comm *comm)
{
    return comm->transport->ops->card != NULL;
}

const char *card_port(const struct comm *comm)
{
    return comm->transport->port;
}

int card_begin(struct comm *comm, struct transport_card *then)
{
    struct transport *t = comm->transport;
    *then = (struct transport_card){0};
    if (t->ops->card == NULL)
        return RB_OK;
    RB_TRY(job_barrier(comm->job)); /* nobody sends any more */
    t->ops->card(t, then);
    return job_barrier(comm->job); /* and nobody sends before all have looked */
}

static struct share share_since(struct comm *comm, const struct transport_card *then)
{
    struct share s = { .node = comm->job->node };
    if (gethostname(s.host, sizeof s.host - 1) != 0)
        snprintf(s.host, sizeof s.host, "node %d", comm->job->node);
    comm->transport->ops->card(comm->transport, &s.delta);
    s.delta.sent -= then->sent;
    s.delta.received -= then->received;
    s.delta.retried -= then->retried;
    s.delta.payload -= then->payload;
    s.delta.payload_away -= then->payload_away;
    s.delta.credits -= then->credits;
    s.delta.requests -= then->requests;
    return s;
}

static bool same_port(const struct share *a, const struct share *b)
{
    return a->node == b->node && strcmp(a->delta.port, b->delta.port) == 0;
}

/* The ranks of a port see the same counters: they are taken once, what each rank sent is added up. what NULL: say nothing. */
static int judge_port(const struct share *all, int n, int first, const char *what)
{
    const struct share *port = &all[first];
    uint64_t need = 0;
    for (int r = first; r < n; r++)
        if (same_port(&all[r], port))
            need += port->delta.counts_loops ? all[r].delta.payload : all[r].delta.payload_away;
    if (!port->delta.counted || port->delta.sent >= need)
        return RB_OK;
    return what == NULL ? RB_EDATA
                        : rb_fail(RB_EDATA, "refused: %s: %s on %s sent %llu packets, but the data of its ranks need %llu: they did not go through "
                                  "the card", what, port->delta.port, port->host, (unsigned long long)port->delta.sent, (unsigned long long)need);
}

static void explain(struct card_packets *p, uint64_t requests)
{
    const uint64_t own = p->payload + p->credits, rest = p->sent > own ? p->sent - own : 0;
    p->acknowledgements = rest < requests ? rest : requests;
    p->other = rest - p->acknowledgements;
}

static int judge(const struct share *all, int n, const char *what, struct card_packets *p)
{
    int rc = RB_OK;
    bool counted = true;
    uint64_t requests = 0;
    for (int r = 0; r < n; r++) {
        bool seen = false;
        for (int k = 0; k < r && !seen; k++)
            seen = same_port(&all[k], &all[r]);
        p->payload += all[r].delta.payload;
        p->credits += all[r].delta.credits;
        requests += all[r].delta.requests;
        counted = counted && all[r].delta.counted;
        if (seen)
            continue;
        p->sent += all[r].delta.sent;
        p->received += all[r].delta.received;
        p->retried += all[r].delta.retried;
        const int bad = judge_port(all, n, r, what);
        rc = rc == RB_OK ? bad : rc;
    }
    explain(p, requests);
    if (!counted)
        *p = (struct card_packets){0};
    else
        snprintf(p->port, sizeof p->port, "%s", all[0].delta.port);
    return rc;
}

int card_end(struct comm *comm, const struct transport_card *then, const char *what, struct card_packets *packets_p)
{
    *packets_p = (struct card_packets){0};
    if (comm->transport->ops->card == NULL)
        return RB_OK;
    RB_TRY(job_barrier(comm->job));
    const int n = comm->job->nranks;
    const struct share mine = share_since(comm, then);
    struct share *all = rb_calloc((size_t)n, sizeof *all);
    int rc = job_allgather(comm->job, &mine, all, sizeof mine);
    if (rc == RB_OK)
        rc = judge(all, n, comm->job->rank == 0 ? what : NULL, packets_p);
    free(all);
    return rc;
}
