/* tests/verbs_device.h - a verbs device that is a table in this process: ranks are threads, writes are copies.
 *
 * It is strict where a card is: order within a queue pair, keys and bounds, receives that must be posted, queues that must not
 * overflow. Between queue pairs it delivers in random order. The test program defines verbs_api_get() by including
 * this file, so that the library is never opened. */
#ifndef RB_TESTS_VERBS_DEVICE_H
#define RB_TESTS_VERBS_DEVICE_H

#include "collectives/transport/verbs_api.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAKE_QPS = 512, FAKE_WORK = 512, FAKE_MRS = 64, FAKE_DEVICES = 2, FAKE_LATE = 4096 };

/* A write into GPU memory that is still on its way there, though the card has reported it. */
struct fake_late {
    void *to, *data;
    uint32_t bytes;
};

struct fake_cq {
    struct ibv_cq cq;
    int capacity, used;
    struct ibv_wc *wc;
};

struct fake_work {
    struct ibv_send_wr wr;
    struct ibv_sge sge;
    char inlined[256];
};

struct fake_qp {
    struct ibv_qp qp;
    struct ibv_qp_cap cap;
    uint32_t to;
    bool broken;
    struct fake_work work[FAKE_WORK]; /* sent and not yet delivered */
    int nwork;
    uint32_t in_queue, unsignaled; /* not yet reported, and of these what the next report covers */
    uint64_t receives[FAKE_WORK];
    int nreceives;
};

static struct {
    pthread_mutex_t lock;
    struct fake_qp *qps[FAKE_QPS];
    struct ibv_mr *mrs[FAKE_MRS];
    uint32_t next_qp, next_key;
    unsigned random;
    /* what a test sets */
    const char *missing; /* why there is no library */
    int devices;
    enum ibv_port_state state;
    uint32_t largest_message, inline_bytes;
    int most_work, most_cqe;
    uint8_t link_layer;
    bool no_gid, no_memory;
    bool no_dmabuf;         /* the card knows no dma-buf */
    char *gpu;              /* memory from here on is a GPU's; NULL: none is */
    size_t gpu_bytes;
    bool late;              /* writes there show only after a read */
    enum ibv_event_type event; /* -1: none */
    uint32_t event_qp;
    /* what it counts */
    uint64_t packets, overflows, without_receive, reads, dmabufs, inlined_gpu;
    struct fake_late waiting[FAKE_LATE];
    size_t nwaiting;
} fake;

static void fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
    fake.next_qp = fake.next_key = 17;
    fake.devices = FAKE_DEVICES;
    fake.state = IBV_PORT_ACTIVE;
    fake.largest_message = 1 << 20;
    fake.inline_bytes = 64;
    fake.most_work = 400;
    fake.most_cqe = 1 << 16;
    fake.link_layer = IBV_LINK_LAYER_ETHERNET;
    fake.event = (enum ibv_event_type)-1;
    pthread_mutex_init(&fake.lock, NULL);
}

static struct ibv_device fake_devices[FAKE_DEVICES] = { { .name = "fake0", .dev_path = "/dev" }, { .name = "fake1", .dev_path = "/dev" } };

static struct ibv_device **fake_list(int *count_p)
{
    struct ibv_device **list = calloc(FAKE_DEVICES + 1, sizeof *list);
    for (int i = 0; i < fake.devices; i++)
        list[i] = &fake_devices[i];
    if (count_p != NULL)
        *count_p = fake.devices;
    return list;
}

static void fake_free_list(struct ibv_device **list)
{
    free(list);
}

static const char *fake_name(struct ibv_device *device)
{
    return device->name;
}

static void fake_push(struct ibv_cq *cq, struct ibv_wc wc)
{
    struct fake_cq *c = (struct fake_cq *)cq;
    if (c->used == c->capacity)
        fake.overflows++;
    else
        c->wc[c->used++] = wc;
}

static bool fake_allows(uint32_t key, uint64_t address, uint64_t bytes)
{
    for (int i = 0; i < FAKE_MRS; i++) {
        const struct ibv_mr *m = fake.mrs[i];
        const uint64_t base = m != NULL ? (uint64_t)(uintptr_t)m->addr : 0;
        if (m != NULL && m->rkey == key)
            return address >= base && address + bytes <= base + m->length;
    }
    return false;
}

static void fake_break(struct fake_qp *q, const struct fake_work *w, enum ibv_wc_status status)
{
    q->broken = true;
    fake_push(q->qp.send_cq, (struct ibv_wc){ .wr_id = w->wr.wr_id, .status = status, .qp_num = q->qp.qp_num });
}

static bool fake_on_gpu(uint64_t address)
{
    return fake.gpu != NULL && address >= (uintptr_t)fake.gpu && address < (uintptr_t)fake.gpu + fake.gpu_bytes;
}

static void fake_copy(void *to, const void *from, uint32_t bytes)
{
    if (!fake.late || !fake_on_gpu((uintptr_t)to) || fake.nwaiting == FAKE_LATE) {
        memcpy(to, from, bytes);
        return;
    }
    struct fake_late *l = &fake.waiting[fake.nwaiting++];
    *l = (struct fake_late){ to, malloc(bytes), bytes };
    memcpy(l->data, from, bytes);
}

static void fake_settle(void)
{
    for (size_t i = 0; i < fake.nwaiting; i++) {
        memcpy(fake.waiting[i].to, fake.waiting[i].data, fake.waiting[i].bytes);
        free(fake.waiting[i].data);
    }
    fake.nwaiting = 0;
}

/* The queue pairs lead nowhere any more. */
static inline void fake_disconnect(void)
{
    pthread_mutex_lock(&fake.lock);
    for (int i = 0; i < FAKE_QPS; i++)
        if (fake.qps[i] != NULL)
            fake.qps[i]->to = FAKE_QPS;
    pthread_mutex_unlock(&fake.lock);
}

static void fake_read(struct fake_qp *q, const struct fake_work *w)
{
    fake_settle();
    memcpy((void *)(uintptr_t)w->sge.addr, (const void *)(uintptr_t)w->wr.wr.rdma.remote_addr, w->sge.length);
    fake.reads++;
    fake.packets += 2;
    q->in_queue--;
    fake_push(q->qp.send_cq, (struct ibv_wc){ .wr_id = w->wr.wr_id, .opcode = IBV_WC_RDMA_READ });
}

/* True when the oldest work of a queue pair is done with. */
static bool fake_deliver(struct fake_qp *q)
{
    struct fake_work *w = &q->work[0];
    struct fake_qp *to = q->to < FAKE_QPS ? fake.qps[q->to] : NULL;
    const uint32_t bytes = w->wr.num_sge > 0 ? w->sge.length : 0;
    if (to == NULL) {
        fake_break(q, w, IBV_WC_RETRY_EXC_ERR);
        return true;
    }
    if (bytes > 0 && !fake_allows(w->wr.wr.rdma.rkey, w->wr.wr.rdma.remote_addr, bytes)) {
        fake_break(q, w, IBV_WC_REM_ACCESS_ERR);
        return true;
    }
    if (w->wr.opcode == IBV_WR_RDMA_READ) {
        fake_read(q, w);
        return true;
    }
    if (w->wr.opcode == IBV_WR_RDMA_WRITE_WITH_IMM && to->nreceives == 0) {
        fake.without_receive++;
        return false;
    }
    if (bytes > 0)
        fake_copy((void *)(uintptr_t)w->wr.wr.rdma.remote_addr,
                  w->wr.send_flags & IBV_SEND_INLINE ? (void *)w->inlined : (void *)(uintptr_t)w->sge.addr, bytes);
    fake.packets += bytes <= 1024 ? 1 : (bytes + 1023) / 1024;
    if (w->wr.opcode == IBV_WR_RDMA_WRITE_WITH_IMM) {
        fake_push(to->qp.recv_cq, (struct ibv_wc){ .wr_id = to->receives[0], .opcode = IBV_WC_RECV_RDMA_WITH_IMM, .wc_flags = IBV_WC_WITH_IMM,
                                                   .imm_data = w->wr.imm_data });
        memmove(to->receives, to->receives + 1, (size_t)--to->nreceives * sizeof *to->receives);
    }
    q->unsignaled++;
    if (w->wr.send_flags & IBV_SEND_SIGNALED) {
        q->in_queue -= q->unsignaled;
        q->unsignaled = 0;
        fake_push(q->qp.send_cq, (struct ibv_wc){ .wr_id = w->wr.wr_id, .opcode = IBV_WC_RDMA_WRITE });
    }
    return true;
}

static void fake_move(void)
{
    for (uint32_t i = 0; i < FAKE_QPS; i++) {
        struct fake_qp *q = fake.qps[i];
        fake.random = fake.random * 1664525u + 1013904223u;
        if (q == NULL || q->nwork == 0 || q->broken || fake.random >> 31)
            continue;
        if (fake_deliver(q)) {
            q->nwork--;
            memmove(q->work, q->work + 1, (size_t)q->nwork * sizeof *q->work);
        }
    }
}

static int fake_poll(struct ibv_cq *cq, int most, struct ibv_wc *wc)
{
    struct fake_cq *c = (struct fake_cq *)cq;
    pthread_mutex_lock(&fake.lock);
    fake_move();
    const int n = c->used < most ? c->used : most;
    memcpy(wc, c->wc, (size_t)n * sizeof *wc);
    c->used -= n;
    memmove(c->wc, c->wc + n, (size_t)c->used * sizeof *wc);
    pthread_mutex_unlock(&fake.lock);
    return n;
}

static int fake_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
    struct fake_qp *q = (struct fake_qp *)qp;
    int rc = 0;
    *bad = wr;
    pthread_mutex_lock(&fake.lock);
    if (q->in_queue == q->cap.max_send_wr || q->nwork == FAKE_WORK) {
        fake.overflows++;
        rc = ENOMEM;
    } else if (wr->num_sge > 0 && wr->sg_list->length > fake.largest_message) {
        rc = EINVAL;
    } else {
        struct fake_work *w = &q->work[q->nwork++];
        w->wr = *wr;
        if (wr->num_sge > 0)
            w->sge = *wr->sg_list;
        fake.inlined_gpu += wr->send_flags & IBV_SEND_INLINE && wr->num_sge > 0 && fake_on_gpu(w->sge.addr);
        if (wr->send_flags & IBV_SEND_INLINE && wr->num_sge > 0)
            memcpy(w->inlined, (void *)(uintptr_t)w->sge.addr, w->sge.length);
        q->in_queue++;
    }
    pthread_mutex_unlock(&fake.lock);
    return rc;
}

static int fake_receive(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
    struct fake_qp *q = (struct fake_qp *)qp;
    *bad = wr;
    pthread_mutex_lock(&fake.lock);
    const bool room = (uint32_t)q->nreceives < q->cap.max_recv_wr;
    if (room)
        q->receives[q->nreceives++] = wr->wr_id;
    else
        fake.overflows++;
    pthread_mutex_unlock(&fake.lock);
    return room ? 0 : ENOMEM;
}

static struct ibv_context *fake_open(struct ibv_device *device)
{
    struct ibv_context *c = calloc(1, sizeof *c);
    c->device = device;
    c->async_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    c->ops.poll_cq = fake_poll;
    c->ops.post_send = fake_send;
    c->ops.post_recv = fake_receive;
    return c;
}

static int fake_close(struct ibv_context *c)
{
    close(c->async_fd);
    free(c);
    return 0;
}

static int fake_query_device(struct ibv_context *c, struct ibv_device_attr *a)
{
    (void)c;
    *a = (struct ibv_device_attr){ .phys_port_cnt = 2, .max_qp_wr = fake.most_work, .max_cqe = fake.most_cqe };
    return 0;
}

/* Port 2 is never up. */
static int fake_query_port(struct ibv_context *c, uint8_t port, struct _compat_ibv_port_attr *attr)
{
    struct ibv_port_attr *a = (struct ibv_port_attr *)attr;
    (void)c;
    a->state = port == 1 ? fake.state : IBV_PORT_DOWN;
    a->active_mtu = IBV_MTU_1024;
    a->max_msg_sz = fake.largest_message;
    a->gid_tbl_len = 3;
    a->lid = 7;
    a->link_layer = fake.link_layer;
    return 0;
}

static int fake_query_gid(struct ibv_context *c, uint32_t port, uint32_t index, struct ibv_gid_entry *e, uint32_t flags, size_t bytes)
{
    (void)c, (void)port, (void)flags, (void)bytes;
    if (fake.no_gid || index == 1)
        return ENODATA;
    *e = (struct ibv_gid_entry){ .gid_index = index, .gid_type = fake.link_layer == IBV_LINK_LAYER_ETHERNET ? IBV_GID_TYPE_ROCE_V2 : IBV_GID_TYPE_IB };
    e->gid.raw[0] = 0xfe;
    e->gid.raw[1] = 0x80;
    e->gid.raw[15] = 1;
    return 0;
}

static struct ibv_pd *fake_pd(struct ibv_context *c)
{
    struct ibv_pd *pd = calloc(1, sizeof *pd);
    pd->context = c;
    return pd;
}

static int fake_free_pd(struct ibv_pd *pd)
{
    free(pd);
    return 0;
}

static struct ibv_mr *fake_register(struct ibv_pd *pd, void *address, size_t bytes, int access)
{
    (void)access;
    if (fake.no_memory) {
        errno = ENOMEM;
        return NULL;
    }
    struct ibv_mr *m = calloc(1, sizeof *m);
    pthread_mutex_lock(&fake.lock);
    *m = (struct ibv_mr){ .context = pd->context, .pd = pd, .addr = address, .length = bytes, .rkey = fake.next_key++ };
    m->lkey = m->rkey;
    for (int i = 0; i < FAKE_MRS; i++)
        if (fake.mrs[i] == NULL) {
            fake.mrs[i] = m;
            break;
        }
    pthread_mutex_unlock(&fake.lock);
    return m;
}

static struct ibv_mr *fake_register_dmabuf(struct ibv_pd *pd, uint64_t offset, size_t bytes, uint64_t iova, int fd, int access)
{
    (void)offset;
    if (fake.no_dmabuf || fcntl(fd, F_GETFD) < 0) {
        errno = fake.no_dmabuf ? EOPNOTSUPP : EBADF;
        return NULL;
    }
    pthread_mutex_lock(&fake.lock);
    fake.dmabufs++;
    pthread_mutex_unlock(&fake.lock);
    return fake_register(pd, (void *)(uintptr_t)iova, bytes, access);
}

static int fake_deregister(struct ibv_mr *m)
{
    pthread_mutex_lock(&fake.lock);
    for (int i = 0; i < FAKE_MRS; i++)
        if (fake.mrs[i] == m)
            fake.mrs[i] = NULL;
    pthread_mutex_unlock(&fake.lock);
    free(m);
    return 0;
}

static struct ibv_cq *fake_make_cq(struct ibv_context *c, int entries, void *own, struct ibv_comp_channel *channel, int vector)
{
    (void)own, (void)channel, (void)vector;
    struct fake_cq *cq = calloc(1, sizeof *cq);
    cq->cq.context = c;
    cq->capacity = entries;
    cq->wc = calloc((size_t)entries, sizeof *cq->wc);
    return &cq->cq;
}

static int fake_free_cq(struct ibv_cq *cq)
{
    free(((struct fake_cq *)cq)->wc);
    free(cq);
    return 0;
}

static struct ibv_qp *fake_make_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *a)
{
    if (a->cap.max_inline_data > fake.inline_bytes)
        return NULL;
    struct fake_qp *q = calloc(1, sizeof *q);
    q->qp.context = pd->context;
    q->qp.send_cq = a->send_cq;
    q->qp.recv_cq = a->recv_cq;
    q->cap = a->cap;
    pthread_mutex_lock(&fake.lock);
    q->qp.qp_num = fake.next_qp++ % FAKE_QPS;
    fake.qps[q->qp.qp_num] = q;
    pthread_mutex_unlock(&fake.lock);
    return &q->qp;
}

static int fake_modify(struct ibv_qp *qp, struct ibv_qp_attr *a, int mask)
{
    pthread_mutex_lock(&fake.lock);
    if (mask & IBV_QP_DEST_QPN)
        ((struct fake_qp *)qp)->to = a->dest_qp_num;
    pthread_mutex_unlock(&fake.lock);
    return 0;
}

static int fake_free_qp(struct ibv_qp *qp)
{
    pthread_mutex_lock(&fake.lock);
    fake.qps[qp->qp_num] = NULL;
    pthread_mutex_unlock(&fake.lock);
    free(qp);
    return 0;
}

static int fake_event(struct ibv_context *c, struct ibv_async_event *e)
{
    int rc = -1;
    (void)c;
    pthread_mutex_lock(&fake.lock);
    if (fake.event != (enum ibv_event_type)-1) {
        e->event_type = fake.event;
        e->element.qp = fake.qps[fake.event_qp] != NULL ? &fake.qps[fake.event_qp]->qp : NULL;
        fake.event = (enum ibv_event_type)-1;
        rc = 0;
    }
    pthread_mutex_unlock(&fake.lock);
    return rc;
}

static void fake_ack(struct ibv_async_event *e)
{
    (void)e;
}

static const char *fake_status(enum ibv_wc_status status)
{
    return status == IBV_WC_RETRY_EXC_ERR ? "retries exceeded" : status == IBV_WC_REM_ACCESS_ERR ? "remote access error" : "another error";
}

static const char *fake_event_name(enum ibv_event_type event)
{
    return event == IBV_EVENT_QP_ACCESS_ERR ? "access error" : "event";
}

static int fake_fork(void)
{
    return 0;
}

static const struct verbs_api fake_api = {
    .get_device_list = fake_list, .free_device_list = fake_free_list, .get_device_name = fake_name, .open_device = fake_open,
    .close_device = fake_close, .query_device = fake_query_device, .query_port = fake_query_port, .query_gid_ex = fake_query_gid,
    .alloc_pd = fake_pd, .dealloc_pd = fake_free_pd, .reg_mr = fake_register, .reg_dmabuf_mr = fake_register_dmabuf, .dereg_mr = fake_deregister, .create_cq = fake_make_cq,
    .destroy_cq = fake_free_cq, .create_qp = fake_make_qp, .modify_qp = fake_modify, .destroy_qp = fake_free_qp,
    .get_async_event = fake_event, .ack_async_event = fake_ack, .wc_status_str = fake_status, .event_type_str = fake_event_name,
    .fork_init = fake_fork,
};

const struct verbs_api *verbs_api_get(const char **why_p)
{
    *why_p = fake.missing;
    return fake.missing == NULL ? &fake_api : NULL;
}

#endif
