#include "collectives/transport/verbs.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One read is on its way at a time; what arrives meanwhile waits for the next. */
static int connect_to_itself(struct verbs *v, struct verbs_address *self)
{
    struct ibv_qp_init_attr a = { .send_cq = v->cq, .recv_cq = v->cq, .qp_type = IBV_QPT_RC,
                                  .cap = { .max_send_wr = 2, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 } };
    struct ibv_qp *qp = v->flush.qp = v->port.api->create_qp(v->pd, &a);
    if (qp == NULL || verbs_to_init(v, qp, IBV_ACCESS_REMOTE_READ) != 0)
        return errno != 0 ? errno : EIO;
    return verbs_to_ready(v, qp, self, qp->qp_num);
}

int verbs_flush_open(struct verbs *v)
{
    struct verbs_flush *f = &v->flush;
    const size_t most = (size_t)v->head.job->nranks * (size_t)v->head.slots;
    f->landed = rb_calloc(most, sizeof *f->landed);
    f->mr = v->port.api->reg_mr(v->pd, f->byte, sizeof f->byte, IBV_ACCESS_LOCAL_WRITE);
    const int rc = f->mr == NULL ? errno : connect_to_itself(v, &v->addresses[v->head.job->rank]);
    return rc == 0 ? RB_OK : rb_fail(RB_EINTERNAL, "rank %d: %s cannot read back from GPU memory: %s", v->head.job->rank, v->port.name, strerror(rc));
}

void verbs_flush_close(struct verbs *v)
{
    struct verbs_flush *f = &v->flush;
    if (f->qp != NULL)
        v->port.api->destroy_qp(f->qp);
    if (f->mr != NULL)
        v->port.api->dereg_mr(f->mr);
    free(f->landed);
    *f = (struct verbs_flush){0};
}

static int read_back(struct verbs *v)
{
    struct verbs_flush *f = &v->flush;
    const struct verbs_landed *last = &f->landed[f->count - 1];
    const struct verbs_peer *p = &v->peers[last->peer];
    struct ibv_sge piece = { .addr = (uint64_t)(uintptr_t)f->byte, .length = 1, .lkey = f->mr->lkey };
    struct ibv_send_wr *bad, wr = { .sg_list = &piece, .num_sge = 1, .opcode = IBV_WR_RDMA_READ, .send_flags = IBV_SEND_SIGNALED,
                                    .wr_id = verbs_pack((struct verbs_request){ VERBS_READ, v->head.job->rank, 0, 0, 1 }),
                                    .wr.rdma = { .remote_addr = p->recv_slots + last->slot * v->head.slot_bytes, .rkey = v->memory.mr->rkey } };
    f->covered = f->count;
    v->packets.credits++;
    v->packets.requests++;
    const int rc = ibv_post_send(f->qp, &wr, &bad);
    return rc == 0 ? RB_OK : rb_fail(RB_EINTERNAL, "rank %d: %s takes no read: %s", v->head.job->rank, v->port.name, strerror(rc));
}

int verbs_flush_add(struct verbs *v, struct verbs_landed landed)
{
    struct verbs_flush *f = &v->flush;
    f->landed[f->count++] = landed;
    return f->covered == 0 ? read_back(v) : RB_OK;
}

int verbs_flush_done(struct verbs *v)
{
    struct verbs_flush *f = &v->flush;
    for (size_t i = 0; i < f->covered; i++)
        mark_store(&v->peers[f->landed[i].peer].recv.tail[f->landed[i].slot], f->landed[i].sequence);
    f->count -= f->covered;
    memmove(f->landed, f->landed + f->covered, f->count * sizeof *f->landed);
    f->covered = 0;
    return f->count > 0 ? read_back(v) : RB_OK;
}
