/* RDMA through libibverbs: see verbs.h for how messages travel. FIFOs are private to each side; progress() writes filled
 * slots into the peer's and takes what the completion queue tells. */
#include "collectives/transport/verbs.h"

#include "collectives/transport/verbs_counters.h"
#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static bool usable(const struct job *job, const char **why_p)
{
    *why_p = "";
    return job->nranks <= UINT16_MAX && verbs_port_any(why_p);
}

static size_t marks_of_fifo(const struct verbs *v)
{
    return (size_t)v->head.slots + 1;
}

/* Kernels poll and write the marks where they lie. */
static int pin_marks(struct verbs *v, const struct gpu_api *api)
{
    void *device;
    RB_TRY(api->pin(v->marks, v->marks_bytes, &device));
    v->pinned = api;
    return device == v->marks ? RB_OK : rb_fail(RB_ECUDA, "rank %d: the GPU sees host memory at other addresses; take --transport mpi", v->head.job->rank);
}

/* Slots in one block, registered once, and marks in another, of two FIFOs with each peer. */
static int make_memory(struct verbs *v, const struct transport_config *config)
{
    const size_t fifos = 2 * (size_t)(v->head.job->nranks - 1);
    v->slots_bytes = (size_t)v->head.slots * v->head.slot_bytes;
    v->marks_bytes = (fifos * marks_of_fifo(v) * sizeof(struct mark) + 4096) / 4096 * 4096;
    void *p = mmap(NULL, v->marks_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return rb_fail(RB_EINTERNAL, "rank %d: no memory for the marks: %s", v->head.job->rank, strerror(errno));
    v->marks = p;
    if (config->gpu != NULL)
        RB_TRY(pin_marks(v, config->gpu->api));
    return verbs_memory_open(&v->memory, &(struct verbs_memory_wish){ &v->port, v->pd, config->gpu, fifos * v->slots_bytes, v->head.job->rank });
}

static struct connection fifo(const struct verbs *v, size_t index, int peer)
{
    struct mark *tail = v->marks + index * marks_of_fifo(v);
    return (struct connection){ .tail = tail, .head = tail + v->head.slots, .slots = v->memory.base + index * v->slots_bytes,
                                .nslots = (uint32_t)v->head.slots, .slot_bytes = v->head.slot_bytes, .peer = peer };
}

/* All that may complete at once, errors included: every work request of every queue pair. */
static int make_queue(struct verbs *v)
{
    const uint32_t limit = (uint32_t)v->port.limits.max_qp_wr, slots = (uint32_t)v->head.slots;
    const uint32_t parts = verbs_parts(v->head.slot_bytes, v->port.attr.max_msg_sz), want = slots * parts + slots + 1;
    v->queue_room = want < limit ? want : limit;
    const uint64_t entries = ((uint64_t)v->head.job->nranks - 1) * (uint64_t)v->nqps * (v->queue_room + 2 * slots) + 2;
    if (parts + 1 > v->queue_room || 2 * slots > limit || entries > (uint64_t)v->port.limits.max_cqe)
        return rb_fail(RB_EUSAGE, "rank %d: %s holds %d completions and %u work requests a queue pair, but %d ranks with %d queue pairs (--qps) and %u slots "
                       "need %llu and %u", v->head.job->rank, v->port.name, v->port.limits.max_cqe, limit, v->head.job->nranks, v->nqps, slots,
                       (unsigned long long)entries, want > 2 * slots ? parts + 1 : 2 * slots);
    v->cq = v->port.api->create_cq(v->port.context, (int)entries, NULL, NULL, 0);
    return v->cq != NULL ? RB_OK : rb_fail(RB_EINTERNAL, "rank %d: %s makes no completion queue: %s", v->head.job->rank, v->port.name, strerror(errno));
}

static int open_card(struct verbs *v, const struct transport_config *config)
{
    RB_TRY(verbs_port_open(&v->port, config->device, config->near));
    v->head.port = v->port.name;
    const int flags = fcntl(v->port.context->async_fd, F_GETFL);
    if (flags < 0 || fcntl(v->port.context->async_fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return rb_fail(RB_EINTERNAL, "rank %d: %s: its events cannot be read: %s", v->head.job->rank, v->port.name, strerror(errno));
    v->pd = v->port.api->alloc_pd(v->port.context);
    if (v->pd == NULL)
        return rb_fail(RB_EINTERNAL, "rank %d: %s makes no protection domain: %s", v->head.job->rank, v->port.name, strerror(errno));
    RB_TRY(make_memory(v, config));
    return make_queue(v);
}

static void close_verbs(struct transport *t)
{
    struct verbs *v = (struct verbs *)t;
    const struct verbs_api *api = v->port.api;
    proxy_stop(v->proxy);
    verbs_flush_close(v);
    verbs_unlink(v);
    if (v->cq != NULL)
        api->destroy_cq(v->cq);
    verbs_memory_close(&v->memory, api);
    if (v->pinned != NULL)
        v->pinned->unpin(v->marks);
    if (v->marks != NULL)
        munmap(v->marks, v->marks_bytes);
    if (v->pd != NULL)
        api->dealloc_pd(v->pd);
    verbs_port_close(&v->port);
    free(v->addresses);
    free(v->peers);
    free(v);
}

static void make_fifos(struct verbs *v)
{
    size_t index = 0;
    for (int r = 0; r < v->head.job->nranks; r++) {
        if (r == v->head.job->rank)
            continue;
        struct verbs_peer *p = &v->peers[r];
        p->send = fifo(v, index, r);
        p->recv = fifo(v, index + 1, r);
        p->send_slots = v->memory.card_base + index * v->slots_bytes;
        p->recv_slots = p->send_slots + v->slots_bytes;
        index += 2;
    }
}

static int start_proxy(struct verbs *v)
{
    cpu_set_t cpus;
    const bool near = proxy_cpus("/sys/class/infiniband", v->port.device, &cpus);
    return proxy_start(&v->proxy, &v->head, verbs_progress, near ? &cpus : NULL);
}

static int open_verbs(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_verbs;
    struct verbs *v = rb_calloc(1, sizeof *v);
    const size_t n = (size_t)job->nranks;
    const int slots = config->slots > 0 ? config->slots : 8;
    v->head = (struct transport){ .ops = &transport_verbs, .job = job, .slots = slots, .abort = &v->abort,
                                  .slot_bytes = transport_slot_bytes(config, job->nranks, slots) };
    v->nqps = config->qps > 0 ? config->qps : 1;
    v->addresses = rb_calloc(n, sizeof *v->addresses);
    v->peers = rb_calloc(n, sizeof *v->peers);
    int rc = v->nqps <= VERBS_QPS ? RB_OK : rb_fail(RB_EUSAGE, "%d queue pairs for each connection: at most %d", v->nqps, VERBS_QPS);
    if (rc == RB_OK)
        rc = open_card(v, config);
    rc = job_agree(job, rc);
    if (rc == RB_OK) {
        make_fifos(v);
        rc = verbs_link(v);
    }
    if (rc == RB_OK && config->proxy)
        rc = job_agree(job, start_proxy(v));
    if (rc != RB_OK) {
        close_verbs(&v->head);
        return rc;
    }
    *t_p = &v->head;
    return RB_OK;
}

static struct connection *connection(struct transport *t, int peer, bool sends)
{
    struct verbs *v = (struct verbs *)t;
    atomic_store(&v->peers[peer].used, true);
    return sends ? &v->peers[peer].send : &v->peers[peer].recv;
}

static int progress(struct transport *t, bool *busy_p)
{
    struct verbs *v = (struct verbs *)t;
    if (v->proxy == NULL)
        return verbs_progress(t, busy_p);
    *busy_p = false; /* the thread goes on after the call */
    return proxy_result(v->proxy);
}

static void card(const struct transport *t, struct transport_card *card)
{
    const struct verbs *v = (const struct verbs *)t;
    *card = (struct transport_card){ .payload = v->packets.payload, .payload_away = v->packets.payload_away, .credits = v->packets.credits,
                                      .requests = v->packets.requests };
    snprintf(card->port, sizeof card->port, "%s", v->port.name);
    verbs_counters_read("/sys/class/infiniband", v->port.device, v->port.port, card);
}

static void describe(const struct transport *t, char *text, size_t room)
{
    const struct verbs *v = (const struct verbs *)t;
    char memory[256];
    verbs_memory_text(&v->memory, memory, sizeof memory);
    snprintf(text, room, "%s, %s, GID %u, MTU %u, %d queue pair%s a connection%s%s%s", v->port.name, verbs_gid_kind(v->port.gid.gid_type),
             v->port.gid.gid_index, verbs_mtu_bytes(v->port.attr.active_mtu), v->nqps, v->nqps == 1 ? "" : "s",
             v->proxy != NULL ? ", a thread of its own" : "", memory[0] != '\0' ? "; " : "", memory);
}

const struct transport_ops transport_verbs = {
    .name = "verbs", .summary = "RDMA writes over InfiniBand or RoCE (libibverbs)", .moves = true, .usable = usable, .open = open_verbs,
    .close = close_verbs, .connection = connection, .progress = progress, .allocate = transport_allocate_private,
    .release = transport_release_private, .card = card, .describe = describe,
};
