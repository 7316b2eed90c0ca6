/* RDMA through libibverbs: see verbs.h for how messages travel. FIFOs are private to each side; progress() writes filled
 * slots into the peer's and takes what the completion queue tells. */
#include "collectives/transport/verbs.h"

#include "collectives/transport/verbs_counters.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

static bool usable(const struct job *job, const char **why_p)
{
    *why_p = "";
    return job->nranks <= UINT16_MAX && verbs_port_any(why_p);
}

static size_t fifo_bytes(const struct transport *t)
{
    return (((size_t)t->slots + 1) * sizeof(struct mark) + (size_t)t->slots * t->slot_bytes + 4095) / 4096 * 4096;
}

static int refuse_memory(const struct verbs *v, int why)
{
    struct rlimit limit = { 0, 0 };
    char need[UNITS_TEXT], have[UNITS_TEXT];
    units_bytes(need, v->memory_bytes);
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < v->memory_bytes)
        return rb_fail(RB_EUSAGE, "rank %d: %s cannot register %s: at most %s may be locked in memory; raise it (ulimit -l unlimited, "
                       "/etc/security/limits.conf, LimitMEMLOCK= of the service that starts the ranks)", v->head.job->rank, v->port.name, need,
                       units_bytes(have, limit.rlim_cur));
    return rb_fail(RB_EINTERNAL, "rank %d: %s cannot register %s: %s", v->head.job->rank, v->port.name, need, strerror(why));
}

/* One block for all FIFOs, registered once. */
static int make_memory(struct verbs *v)
{
    const size_t peers = (size_t)v->head.job->nranks - 1;
    v->fifo_bytes = fifo_bytes(&v->head);
    v->memory_bytes = peers > 0 ? 2 * peers * v->fifo_bytes : 4096;
    void *p = mmap(NULL, v->memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return rb_fail(RB_EINTERNAL, "rank %d: no memory for the slots: %s", v->head.job->rank, strerror(errno));
    v->memory = p;
    v->mr = v->port.api->reg_mr(v->pd, p, v->memory_bytes, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
    return v->mr != NULL ? RB_OK : refuse_memory(v, errno);
}

static struct connection fifo(const struct verbs *v, size_t index, int peer)
{
    const size_t slots = (size_t)v->head.slots;
    struct mark *tail = (struct mark *)(void *)(v->memory + index * v->fifo_bytes);
    return (struct connection){ .tail = tail, .head = tail + slots, .slots = (char *)(tail + slots + 1), .nslots = (uint32_t)slots,
                                .slot_bytes = v->head.slot_bytes, .peer = peer };
}

/* All that may complete at once, errors included: every work request of every queue pair. */
static int make_queue(struct verbs *v)
{
    const uint32_t limit = (uint32_t)v->port.limits.max_qp_wr, slots = (uint32_t)v->head.slots;
    const uint32_t parts = verbs_parts(v->head.slot_bytes, v->port.attr.max_msg_sz), want = slots * parts + slots + 1;
    v->queue_room = want < limit ? want : limit;
    const uint64_t entries = ((uint64_t)v->head.job->nranks - 1) * (uint64_t)v->nqps * (v->queue_room + 2 * slots) + 1;
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
    RB_TRY(make_memory(v));
    return make_queue(v);
}

static void close_verbs(struct transport *t)
{
    struct verbs *v = (struct verbs *)t;
    const struct verbs_api *api = v->port.api;
    verbs_unlink(v);
    if (v->cq != NULL)
        api->destroy_cq(v->cq);
    if (v->mr != NULL)
        api->dereg_mr(v->mr);
    if (v->memory != NULL)
        munmap(v->memory, v->memory_bytes);
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
        v->peers[r].send = fifo(v, index, r);
        v->peers[r].recv = fifo(v, index + 1, r);
        index += 2;
    }
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
    v->peers[peer].used = true;
    return sends ? &v->peers[peer].send : &v->peers[peer].recv;
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
    snprintf(text, room, "%s, %s, GID %u, MTU %u, %d queue pair%s a connection", v->port.name, verbs_gid_kind(v->port.gid.gid_type),
             v->port.gid.gid_index, verbs_mtu_bytes(v->port.attr.active_mtu), v->nqps, v->nqps == 1 ? "" : "s");
}

const struct transport_ops transport_verbs = {
    .name = "verbs", .summary = "RDMA writes over InfiniBand or RoCE (libibverbs)", .moves = true, .usable = usable, .open = open_verbs,
    .close = close_verbs, .connection = connection, .progress = verbs_progress, .allocate = transport_allocate_private,
    .release = transport_release_private, .card = card, .describe = describe,
};
