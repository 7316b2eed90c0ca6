/* Two transports as one: shared memory between the ranks of a host, a network to those of other hosts. Every pair of ranks has the
 * connection of the one that serves it, all with the network's slots, so that messages are cut alike everywhere.
 *
 * No direct access: a schedule is played directly by all of its ranks or by none. */
#include "collectives/transport/transport.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

extern const struct transport_ops transport_shm, transport_verbs, transport_mpi;

struct mixed {
    struct transport head;
    struct job *node; /* the ranks of this host */
    struct transport *memory, *network;
    int *place; /* [nranks] number among the ranks of this host; -1: on another */
};

static bool has_both(const struct job *job, const char **why_p)
{
    *why_p = job->nnodes == 1 ? "all ranks are on one host" : "each host has one rank";
    return job->nnodes > 1 && job->nranks > job->nnodes;
}

static void close_mixed(struct transport *t)
{
    struct mixed *m = (struct mixed *)t;
    if (m->memory != NULL)
        m->memory->ops->close(m->memory);
    if (m->network != NULL)
        m->network->ops->close(m->network);
    job_close(m->node);
    free(m->place);
    free(m);
}

static int open_memory(struct mixed *m)
{
    const struct transport_config config = { .slot_bytes = m->network->slot_bytes, .slots = m->network->slots };
    RB_TRY(job_open_node(&m->node, m->head.job));
    return transport_shm.open(&m->memory, m->node, &config);
}

static int open_both(struct mixed *m, const struct transport_ops *network, const struct transport_config *config)
{
    struct job *job = m->head.job;
    m->place = rb_calloc((size_t)job->nranks, sizeof *m->place);
    RB_TRY(job_places(job, m->place));
    RB_TRY(network->open(&m->network, job, config));
    RB_TRY(job_agree(job, open_memory(m)));
    m->head.slot_bytes = m->network->slot_bytes;
    m->head.slots = m->network->slots;
    m->head.port = m->network->port;
    m->head.abort = m->memory->abort;
    return RB_OK;
}

static int open_mixed(struct transport **t_p, const struct transport *head, const struct transport_ops *network, const struct transport_config *config)
{
    struct mixed *m = rb_calloc(1, sizeof *m);
    m->head = *head;
    const int rc = open_both(m, network, config);
    if (rc != RB_OK) {
        close_mixed(&m->head);
        return rc;
    }
    *t_p = &m->head;
    return RB_OK;
}

static struct connection *connection(struct transport *t, int peer, bool sends)
{
    struct mixed *m = (struct mixed *)t;
    if (m->place[peer] < 0)
        return m->network->ops->connection(m->network, peer, sends);
    struct connection *c = m->memory->ops->connection(m->memory, m->place[peer], sends);
    c->peer = peer; /* by its number in the whole job, as messages name it */
    return c;
}

static int progress(struct transport *t, bool *busy_p)
{
    struct mixed *m = (struct mixed *)t;
    return m->network->ops->progress(m->network, busy_p);
}

static bool usable_mpi(const struct job *job, const char **why_p)
{
    return has_both(job, why_p) && transport_mpi.usable(job, why_p);
}

static int open_mpi(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_shm_mpi;
    return open_mixed(t_p, &(struct transport){ .ops = &transport_shm_mpi, .job = job }, &transport_mpi, config);
}

const struct transport_ops transport_shm_mpi = {
    .name = "shm+mpi", .summary = "shared memory inside a host, Open MPI between hosts", .moves = true, .usable = usable_mpi, .open = open_mpi,
    .close = close_mixed, .connection = connection, .progress = progress, .allocate = transport_allocate_private, .release = transport_release_private,
};

#ifdef RB_VERBS
static bool usable_verbs(const struct job *job, const char **why_p)
{
    return has_both(job, why_p) && transport_verbs.usable(job, why_p);
}

static int open_verbs(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_shm_verbs;
    return open_mixed(t_p, &(struct transport){ .ops = &transport_shm_verbs, .job = job }, &transport_verbs, config);
}

static void card(const struct transport *t, struct transport_card *card)
{
    const struct mixed *m = (const struct mixed *)t;
    m->network->ops->card(m->network, card);
}

static void describe(const struct transport *t, char *text, size_t room)
{
    const struct mixed *m = (const struct mixed *)t;
    m->network->ops->describe(m->network, text, room);
}

const struct transport_ops transport_shm_verbs = {
    .name = "shm+verbs", .summary = "shared memory inside a host, RDMA (verbs) between hosts", .moves = true, .usable = usable_verbs,
    .open = open_verbs, .close = close_mixed, .connection = connection, .progress = progress, .allocate = transport_allocate_private,
    .release = transport_release_private, .card = card, .describe = describe,
};
#endif
