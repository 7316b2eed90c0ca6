/* GPUs on several machines: memory between those of one machine, as in cuda_peer.c or cuda_staged.c, and a network of the host's to the
 * others. The network is opened once a channel, so that each has queue pairs or a communicator of its own; its slots (in GPU memory, or
 * pinned) and its marks (pinned) are used by kernels in place, while a thread of the host, or the rank's own, moves the messages.
 *
 * A rank has its GPU for itself: who launches for others would need their networks. No direct access and no lines, which a network does
 * not carry. */
#include "collectives/transport/cuda.h"
#include "collectives/transport/gpu_driver.h"
#include "collectives/transport/proxy.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

static bool crosses(const struct job *job, const char **why_p)
{
    if (!cuda_any(why_p))
        return false;
    *why_p = "all ranks are on one host";
    return job->nnodes > 1;
}

static int check_gang(const struct cuda_transport *t)
{
    const struct gang *g = t->gang;
    return g->nmembers == 1 ? RB_OK
                            : rb_fail(RB_EUSAGE, "rank %d shares %s (%s) with %d others: to reach other hosts each rank needs a GPU of its own; use fewer ranks "
                                      "or --transport shm+mpi", g->job->rank, g->facts.name, g->facts.bus, g->nmembers - 1);
}

static int open_networks(struct cuda_transport *t, const struct transport_ops *network, const struct transport_config *config)
{
    const struct verbs_gpu gpu = { &gpu_api, gpu_driver_get(), t->gang->device, "/sys/module" };
    struct transport_config one = *config;
    one.proxy = false;
    one.gpu = &gpu;
    for (int c = 0; c < t->channels; c++)
        RB_TRY(network->open(&t->networks[c], t->head.job, &one));
    t->head.slots = t->networks[0]->slots;
    t->head.slot_bytes = t->slot_bytes[LINES_NONE] = t->networks[0]->slot_bytes;
    t->head.port = t->networks[0]->port;
    return RB_OK;
}

/* The same inside of all hosts. */
static int join(struct cuda_transport *t)
{
    struct job *job = t->head.job;
    const bool reach = job_agree(job, cuda_peer_reaches(job) ? RB_OK : RB_ENOTIMPL) == RB_OK;
    RB_TRY(job_agree(job, reach ? cuda_peer_join(t) : cuda_staged_join(t)));
    return cuda_probe(t);
}

static void close_network(struct transport *head)
{
    struct cuda_transport *t = (struct cuda_transport *)head;
    proxy_stop(t->proxy);
    for (int c = 0; c < t->channels; c++)
        if (t->networks[c] != NULL)
            t->networks[c]->ops->close(t->networks[c]);
    if (t->peers.base != NULL)
        cuda_peer_leave(t);
    else
        cuda_staged_leave(t);
    cuda_close(t);
}

static int open_network(struct transport **t_p, struct job *job, const struct transport_ops *const ops[2], const struct transport_config *config)
{
    struct cuda_transport *t;
    RB_TRY(cuda_open(&t, ops[0], job, config));
    int rc = job_agree(job, check_gang(t));
    if (rc == RB_OK)
        rc = open_networks(t, ops[1], config);
    if (rc == RB_OK)
        rc = join(t);
    if (rc != RB_OK) {
        close_network(&t->head);
        return rc;
    }
    *t_p = &t->head;
    return RB_OK;
}

int cuda_network_connection(struct cuda_transport *t, int peer, bool sends, int channel, struct connection *connection_p)
{
    struct transport *n = t->networks[channel];
    const struct connection *c = n->ops->connection(n, peer, sends);
    if (c == NULL)
        return RB_ECUDA;
    *connection_p = *c;
    return RB_OK;
}

static int progress_all(struct transport *head, bool *busy_p)
{
    struct cuda_transport *t = (struct cuda_transport *)head;
    *busy_p = false;
    for (int c = 0; c < t->channels; c++) {
        bool busy;
        RB_TRY(t->networks[c]->ops->progress(t->networks[c], &busy));
        *busy_p = *busy_p || busy;
    }
    return RB_OK;
}

static int allocate(struct transport *head, size_t bytes, struct region *region_p)
{
    return cuda_allocate_shared(head, bytes, region_p, ((const struct cuda_transport *)head)->peers.base != NULL);
}

static void describe(const struct transport *head, char *text, size_t room)
{
    const struct cuda_transport *t = (const struct cuda_transport *)head;
    cuda_describe(head, text, room);
    const size_t used = strlen(text);
    snprintf(text + used, room - used, t->peers.base != NULL ? "; inside a host in GPU memory" : "; inside a host in pinned host memory");
}

extern const struct transport_ops transport_mpi;

static bool usable_mpi(const struct job *job, const char **why_p)
{
    return crosses(job, why_p) && transport_mpi.usable(job, why_p);
}

/* MPI is spoken by the rank's own thread alone. */
static int open_mpi(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_cuda_mpi;
    return open_network(t_p, job, (const struct transport_ops *const[]){ &transport_cuda_mpi, &transport_mpi }, config);
}

static void describe_mpi(const struct transport *t, char *text, size_t room)
{
    describe(t, text, room);
    const size_t used = strlen(text);
    snprintf(text + used, room - used, ", between hosts slots in pinned host memory, moved by MPI");
}

const struct transport_ops transport_cuda_mpi = {
    .name = "cuda+mpi", .summary = "GPUs on several hosts: memory inside, Open MPI from pinned host memory between hosts", .moves = true, .gpu = true,
    .usable = usable_mpi, .open = open_mpi, .close = close_network, .progress = progress_all, .allocate = allocate, .release = cuda_release_shared,
    .describe = describe_mpi,
};

#ifdef RB_VERBS
extern const struct transport_ops transport_verbs;

enum { SLOTS_VERBS = 8, SLOT_VERBS = 512 << 10, SMALLEST_VERBS = 16 << 10, ROOM_VERBS = 512 << 20 };

static bool usable_verbs(const struct job *job, const char **why_p)
{
    return crosses(job, why_p) && transport_verbs.usable(job, why_p);
}

/* Large slots, as between GPUs of one machine, as long as those of all peers fit the room. */
static size_t slot_bytes(const struct job *job, const struct transport_config *config)
{
    if (config->slot_bytes > 0)
        return config->slot_bytes;
    const size_t fifos = 2 * (size_t)(job->nranks - 1) * (size_t)(config->channels > 0 ? config->channels : 1);
    const size_t slots = (size_t)(config->slots > 0 ? config->slots : SLOTS_VERBS);
    size_t bytes = SLOT_VERBS;
    while (bytes > SMALLEST_VERBS && bytes * slots * fifos > ROOM_VERBS)
        bytes /= 2;
    return bytes;
}

static int start_proxy(struct cuda_transport *t)
{
    char device[64];
    cpu_set_t cpus;
    snprintf(device, sizeof device, "%.*s", (int)strcspn(t->head.port, ":"), t->head.port);
    const bool near = proxy_cpus("/sys/class/infiniband", device, &cpus);
    return proxy_start(&t->proxy, &t->head, progress_all, near ? &cpus : NULL);
}

static int open_verbs(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_cuda_verbs;
    struct transport_config large = *config;
    large.slot_bytes = slot_bytes(job, config);
    RB_TRY(open_network(t_p, job, (const struct transport_ops *const[]){ &transport_cuda_verbs, &transport_verbs }, &large));
    const int rc = job_agree(job, start_proxy((struct cuda_transport *)*t_p));
    if (rc != RB_OK)
        close_network(*t_p);
    return rc;
}

static int progress_verbs(struct transport *head, bool *busy_p)
{
    *busy_p = false; /* the thread goes on after the call */
    return proxy_result(((const struct cuda_transport *)head)->proxy);
}

static void card(const struct transport *head, struct transport_card *sum)
{
    const struct cuda_transport *t = (const struct cuda_transport *)head;
    t->networks[0]->ops->card(t->networks[0], sum);
    for (int c = 1; c < t->channels; c++) {
        struct transport_card one;
        t->networks[c]->ops->card(t->networks[c], &one);
        sum->payload += one.payload;
        sum->payload_away += one.payload_away;
        sum->credits += one.credits;
        sum->requests += one.requests;
    }
}

static void describe_verbs(const struct transport *head, char *text, size_t room)
{
    const struct cuda_transport *t = (const struct cuda_transport *)head;
    describe(head, text, room);
    size_t used = strlen(text);
    snprintf(text + used, room - used, ", between hosts ");
    used = strlen(text);
    t->networks[0]->ops->describe(t->networks[0], text + used, room - used);
}

const struct transport_ops transport_cuda_verbs = {
    .name = "cuda+verbs", .summary = "GPUs on several hosts: memory inside, RDMA (verbs) between hosts", .moves = true, .gpu = true,
    .usable = usable_verbs, .open = open_verbs, .close = close_network, .progress = progress_verbs, .allocate = allocate,
    .release = cuda_release_shared, .card = card, .describe = describe_verbs,
};
#endif
