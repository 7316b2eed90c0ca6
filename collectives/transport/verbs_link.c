#include "collectives/transport/verbs.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int verbs_post_receive(struct verbs *v, int peer, int qp)
{
    struct ibv_recv_wr wr = { .wr_id = verbs_pack((struct verbs_request){ VERBS_RECEIVE, peer, qp, 0, 0 }) }, *bad;
    const int rc = ibv_post_recv(v->peers[peer].qp[qp], &wr, &bad);
    return rc == 0 ? RB_OK : rb_fail(RB_EINTERNAL, "rank %d: %s takes no receive for rank %d: %s", v->head.job->rank, v->port.name, peer, strerror(rc));
}

/* At most all slots of data and as many credits are on their way to a rank at once. */
static uint32_t receives(const struct verbs *v)
{
    return 2 * (uint32_t)v->head.slots;
}

static struct ibv_qp *make_qp(struct verbs *v)
{
    struct ibv_qp_init_attr a = { .send_cq = v->cq, .recv_cq = v->cq, .qp_type = IBV_QPT_RC,
                                  .cap = { .max_send_wr = v->queue_room, .max_recv_wr = receives(v), .max_send_sge = 1, .max_recv_sge = 1,
                                           .max_inline_data = v->memory.host != NULL ? VERBS_INLINE : 0 } }; /* inlined by the processor */
    struct ibv_qp *qp = v->port.api->create_qp(v->pd, &a);
    if (qp == NULL && a.cap.max_inline_data > 0) {
        a.cap.max_inline_data = 0;
        qp = v->port.api->create_qp(v->pd, &a);
    }
    if (qp != NULL)
        v->inline_bytes = v->memory.host != NULL ? a.cap.max_inline_data : 0;
    return qp;
}

int verbs_to_init(const struct verbs *v, struct ibv_qp *qp, unsigned access)
{
    struct ibv_qp_attr a = { .qp_state = IBV_QPS_INIT, .pkey_index = 0, .port_num = v->port.port, .qp_access_flags = access };
    return v->port.api->modify_qp(qp, &a, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

/* Within one InfiniBand subnet the LID is enough; a GID is needed beyond, and always on Ethernet. */
static struct ibv_ah_attr path_to(const struct verbs *v, const struct verbs_address *there)
{
    const bool same_subnet = memcmp(v->port.gid.gid.raw, there->gid.raw, 8) == 0;
    struct ibv_ah_attr a = { .dlid = there->lid, .port_num = v->port.port };
    a.is_global = there->ethernet || there->lid == 0 || !same_subnet;
    if (a.is_global)
        a.grh = (struct ibv_global_route){ .dgid = there->gid, .sgid_index = (uint8_t)v->port.gid.gid_index, .hop_limit = 64 };
    return a;
}

int verbs_to_ready(const struct verbs *v, struct ibv_qp *qp, const struct verbs_address *there, uint32_t number_there)
{
    const struct verbs_address *here = &v->addresses[v->head.job->rank];
    struct ibv_qp_attr a = { .qp_state = IBV_QPS_RTR, .path_mtu = here->mtu < there->mtu ? here->mtu : there->mtu, .dest_qp_num = number_there,
                             .rq_psn = there->first_packet, .max_dest_rd_atomic = 1, .min_rnr_timer = 12, .ah_attr = path_to(v, there) };
    const int rc = v->port.api->modify_qp(qp, &a, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                                                      IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
    if (rc != 0)
        return rc;
    a = (struct ibv_qp_attr){ .qp_state = IBV_QPS_RTS, .timeout = VERBS_TIMEOUT, .retry_cnt = VERBS_RETRIES, .rnr_retry = VERBS_RETRIES,
                              .sq_psn = here->first_packet, .max_rd_atomic = 1 };
    return v->port.api->modify_qp(qp, &a, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

static int make_qps(struct verbs *v, uint32_t *numbers)
{
    for (int r = 0; r < v->head.job->nranks; r++)
        for (int q = 0; q < v->nqps && r != v->head.job->rank; q++) {
            struct verbs_peer *p = &v->peers[r];
            p->qp[q] = make_qp(v);
            if (p->qp[q] == NULL || verbs_to_init(v, p->qp[q], IBV_ACCESS_REMOTE_WRITE) != 0)
                return rb_fail(RB_EINTERNAL, "rank %d: %s makes no queue pair for rank %d: %s; fewer ranks or fewer --qps need fewer",
                               v->head.job->rank, v->port.name, r, strerror(errno));
            numbers[r * v->nqps + q] = p->qp[q]->qp_num;
            for (uint32_t i = 0; i < receives(v); i++)
                RB_TRY(verbs_post_receive(v, r, q));
        }
    return RB_OK;
}

static int check_pair(const struct verbs *v, int peer)
{
    const struct verbs_address *here = &v->addresses[v->head.job->rank], *there = &v->addresses[peer];
    if (here->ethernet == there->ethernet && here->gid_type == there->gid_type)
        return RB_OK;
    return rb_fail(RB_EUSAGE, "rank %d: %s speaks %s, but rank %d's %s on %s speaks %s: choose ports of one kind with --device", v->head.job->rank,
                   here->port, verbs_gid_kind(here->gid_type), peer, there->port, there->host, verbs_gid_kind(there->gid_type));
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* numbers: [rank][peer][qp]. */
static int connect_peer(struct verbs *v, int peer, const uint32_t *numbers)
{
    const int me = v->head.job->rank, n = v->head.job->nranks;
    const struct verbs_address *there = &v->addresses[peer], *here = &v->addresses[me];
    struct verbs_peer *p = &v->peers[peer];
    RB_TRY(check_pair(v, peer));
    p->key = there->key;
    p->mtu_bytes = verbs_mtu_bytes(here->mtu < there->mtu ? here->mtu : there->mtu);
    p->largest_message = smaller(here->largest_message, there->largest_message);
    const size_t index = (size_t)(me < peer ? me : me - 1);
    p->slots_there = there->memory + (2 * index + 1) * v->slots_bytes;
    for (int q = 0; q < v->nqps; q++) {
        const int rc = verbs_to_ready(v, p->qp[q], there, numbers[((size_t)peer * (size_t)n + (size_t)me) * (size_t)v->nqps + (size_t)q]);
        if (rc != 0)
            return rb_fail(RB_EINTERNAL, "rank %d: %s cannot connect to rank %d (%s on %s): %s; do the two reach each other (ping, rping)?", me,
                           v->port.name, peer, there->port, there->host, strerror(rc));
    }
    return RB_OK;
}

static struct verbs_address own_address(const struct verbs *v)
{
    struct verbs_address a = { .gid = v->port.gid.gid, .memory = v->memory.card_base, .gid_type = v->port.gid.gid_type, .key = v->memory.mr->rkey,
                               .first_packet = (uint32_t)(clock_ns() >> 10) & 0xffffff, .largest_message = v->port.attr.max_msg_sz,
                               .lid = v->port.attr.lid, .mtu = (uint8_t)v->port.attr.active_mtu,
                               .ethernet = v->port.attr.link_layer == IBV_LINK_LAYER_ETHERNET };
    snprintf(a.port, sizeof a.port, "%s", v->port.name);
    if (gethostname(a.host, sizeof a.host - 1) != 0)
        snprintf(a.host, sizeof a.host, "node %d", v->head.job->node);
    return a;
}

static int link_all(struct verbs *v, uint32_t *mine, uint32_t *all)
{
    struct job *job = v->head.job;
    const size_t numbers = (size_t)job->nranks * (size_t)v->nqps;
    const struct verbs_address here = own_address(v);
    RB_TRY(job_allgather(job, &here, v->addresses, sizeof here));
    RB_TRY(job_agree(job, make_qps(v, mine)));
    RB_TRY(job_allgather(job, mine, all, numbers * sizeof *mine));
    int rc = v->memory.flush ? verbs_flush_open(v) : RB_OK;
    for (int r = 0; rc == RB_OK && r < job->nranks; r++)
        if (r != job->rank)
            rc = connect_peer(v, r, all);
    return job_agree(job, rc); /* nobody sends before everybody can receive */
}

int verbs_link(struct verbs *v)
{
    const size_t numbers = (size_t)v->head.job->nranks * (size_t)v->nqps;
    uint32_t *mine = rb_calloc(numbers, sizeof *mine), *all = rb_calloc((size_t)v->head.job->nranks * numbers, sizeof *all);
    const int rc = link_all(v, mine, all);
    free(mine);
    free(all);
    return rc;
}

void verbs_unlink(struct verbs *v)
{
    for (int r = 0; r < v->head.job->nranks; r++)
        for (int q = 0; q < VERBS_QPS; q++)
            if (v->peers[r].qp[q] != NULL)
                v->port.api->destroy_qp(v->peers[r].qp[q]);
}
