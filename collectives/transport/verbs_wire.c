#include "collectives/transport/verbs.h"

#include "core/clock.h"
#include "core/error.h"

#include <arpa/inet.h>
#include <string.h>

/* The immediate value: of a message its number (23 bits, checked) and slot (8 bits), of credits how many messages have been
 * consumed so far (31 bits). */
enum { CREDIT_BITS = 31, NUMBER_BITS = 23, SLOT_BITS = 8, BATCH = 16, LOOK_EVERY = 64, LOOK_EVERY_BUSY = 256 };

static const uint32_t credit_flag = UINT32_C(1) << CREDIT_BITS, number_mask = (UINT32_C(1) << NUMBER_BITS) - 1;

uint64_t verbs_pack(struct verbs_request r)
{
    return (uint64_t)r.kind | (uint64_t)r.qp << 8 | (uint64_t)r.peer << 16 | (uint64_t)r.slot << 32 | (uint64_t)r.parts << 40;
}

struct verbs_request verbs_unpack(uint64_t id)
{
    return (struct verbs_request){ .kind = (enum verbs_kind)(id & 0xff), .qp = (int)(id >> 8 & 0xff), .peer = (int)(id >> 16 & 0xffff),
                                   .slot = (uint32_t)(id >> 32 & 0xff), .parts = (uint32_t)(id >> 40) };
}

uint32_t verbs_parts(uint64_t bytes, uint32_t largest_message)
{
    return bytes == 0 ? 1 : (uint32_t)((bytes + largest_message - 1) / largest_message);
}

uint64_t verbs_packets_of(uint64_t bytes, uint32_t largest_message, uint32_t mtu_bytes)
{
    if (bytes == 0)
        return 1;
    const uint64_t whole = bytes / largest_message, rest = bytes % largest_message;
    return whole * ((largest_message + mtu_bytes - 1) / mtu_bytes) + (rest + mtu_bytes - 1) / mtu_bytes;
}

static int post(struct verbs *v, struct verbs_peer *p, int peer, int q, struct ibv_send_wr *wr)
{
    struct ibv_send_wr *bad;
    const int rc = ibv_post_send(p->qp[q], wr, &bad);
    if (rc != 0)
        return rb_fail(RB_EINTERNAL, "rank %d: %s takes no work for rank %d on %s: %s", v->head.job->rank, v->port.name, peer,
                       v->addresses[peer].host, strerror(rc));
    p->queued[q]++;
    v->packets.requests++;
    return RB_OK;
}

static int post_message(struct verbs *v, int peer, int q, uint32_t parts)
{
    struct verbs_peer *p = &v->peers[peer];
    const uint32_t slot = (uint32_t)(p->posted % p->send.nslots);
    const uint64_t bytes = p->send.tail[slot].argument, first = (uint64_t)slot * p->send.slot_bytes;
    for (uint64_t at = 0, part = 1; part <= parts; part++) {
        const uint64_t length = bytes - at < p->largest_message ? bytes - at : p->largest_message;
        struct ibv_sge piece = { .addr = p->send_slots + first + at, .length = (uint32_t)length, .lkey = v->memory.mr->lkey };
        struct ibv_send_wr wr = { .sg_list = &piece, .num_sge = length > 0, .opcode = IBV_WR_RDMA_WRITE,
                                  .wr.rdma = { .remote_addr = p->slots_there + first + at, .rkey = p->key } };
        if (part == parts) {
            wr.opcode = IBV_WR_RDMA_WRITE_WITH_IMM;
            wr.send_flags = IBV_SEND_SIGNALED | (length <= v->inline_bytes ? IBV_SEND_INLINE : 0u);
            wr.imm_data = htonl(((uint32_t)p->posted & number_mask) << SLOT_BITS | slot);
            wr.wr_id = verbs_pack((struct verbs_request){ VERBS_DATA, peer, q, slot, parts });
        }
        RB_TRY(post(v, p, peer, q, &wr));
        at += length;
    }
    const uint64_t packets = verbs_packets_of(bytes, p->largest_message, p->mtu_bytes);
    v->packets.payload += packets;
    v->packets.payload_away += strcmp(v->addresses[peer].host, v->addresses[v->head.job->rank].host) != 0 ? packets : 0;
    p->posted++;
    return RB_OK;
}

static int post_messages(struct verbs *v, int peer, bool *busy_p)
{
    struct verbs_peer *p = &v->peers[peer];
    while (mark_filled(&p->send, p->posted)) {
        const int q = (int)(p->posted % (uint64_t)v->nqps);
        const uint32_t parts = verbs_parts(p->send.tail[p->posted % p->send.nslots].argument, p->largest_message);
        if (p->queued[q] + parts > v->queue_room) {
            *busy_p = true;
            return RB_OK;
        }
        RB_TRY(post_message(v, peer, q, parts));
    }
    return RB_OK;
}

static int post_credits(struct verbs *v, int peer, bool *busy_p)
{
    struct verbs_peer *p = &v->peers[peer];
    const uint64_t consumed = mark_load(p->recv.head);
    if (p->credited == consumed)
        return RB_OK;
    if (p->queued[0] >= v->queue_room) {
        *busy_p = true;
        return RB_OK;
    }
    struct ibv_send_wr wr = { .opcode = IBV_WR_RDMA_WRITE_WITH_IMM, .send_flags = IBV_SEND_SIGNALED,
                              .wr_id = verbs_pack((struct verbs_request){ VERBS_CREDIT, peer, 0, 0, 1 }),
                              .imm_data = htonl(credit_flag | ((uint32_t)consumed & ~credit_flag)),
                              .wr.rdma = { .remote_addr = p->slots_there, .rkey = p->key } };
    p->credited = consumed;
    v->packets.credits++;
    return post(v, p, peer, 0, &wr);
}

/* An empty write that asks only for an acknowledgement. */
int verbs_post_probe(struct verbs *v, int peer)
{
    struct verbs_peer *p = &v->peers[peer];
    struct ibv_send_wr wr = { .opcode = IBV_WR_RDMA_WRITE, .send_flags = IBV_SEND_SIGNALED,
                              .wr_id = verbs_pack((struct verbs_request){ VERBS_PROBE, peer, 0, 0, 1 }),
                              .wr.rdma = { .remote_addr = p->slots_there, .rkey = p->key } };
    v->packets.credits++;
    return post(v, p, peer, 0, &wr);
}

/* A slot is free again when its message has left the card and the peer has consumed it. */
static void free_slots(struct verbs_peer *p)
{
    while (p->done < p->posted && p->left[p->done % p->send.nslots] == p->done + 1)
        p->done++;
    mark_store(p->send.head, p->done < p->consumed ? p->done : p->consumed);
}

static void take_credits(struct verbs_peer *p, uint32_t value)
{
    const uint32_t news = (value - (uint32_t)p->consumed) & ~credit_flag;
    p->consumed += news;
    free_slots(p);
}

static int take_message(struct verbs *v, struct verbs_peer *p, int peer, uint32_t value)
{
    const uint32_t slot = value & ((1u << SLOT_BITS) - 1);
    struct mark *m = &p->recv.tail[slot < p->recv.nslots ? slot : 0];
    const uint64_t number = m->sequence == 0 ? slot : m->sequence - 1 + p->recv.nslots;
    if (slot >= p->recv.nslots || ((uint32_t)number & number_mask) != value >> SLOT_BITS)
        return rb_fail(RB_EINTERNAL, "rank %d: rank %d on %s sent message %u into slot %u, which is not due: do both run the same ringbench?",
                       v->head.job->rank, peer, v->addresses[peer].host, value >> SLOT_BITS, slot);
    if (v->flush.qp != NULL)
        return verbs_flush_add(v, (struct verbs_landed){ peer, slot, number + 1 });
    mark_store(m, number + 1);
    return RB_OK;
}

static int take(struct verbs *v, const struct ibv_wc *wc)
{
    const struct verbs_request r = verbs_unpack(wc->wr_id);
    struct verbs_peer *p = &v->peers[r.peer];
    if (wc->status != IBV_WC_SUCCESS)
        return verbs_fault(v, wc);
    if (r.kind == VERBS_READ)
        return verbs_flush_done(v);
    if (r.kind != VERBS_RECEIVE) {
        p->queued[r.qp] -= r.parts;
        if (r.kind == VERBS_DATA) {
            const uint64_t before = p->left[r.slot];
            p->left[r.slot] = before == 0 ? r.slot + 1 : before + p->send.nslots;
            free_slots(p);
        }
        return RB_OK;
    }
    const uint32_t value = ntohl(wc->imm_data);
    if (value & credit_flag)
        take_credits(p, value & ~credit_flag);
    else
        RB_TRY(take_message(v, p, r.peer, value));
    return verbs_post_receive(v, r.peer, r.qp);
}

static int poll(struct verbs *v, bool *heard_p)
{
    struct ibv_wc batch[BATCH];
    int n;
    do {
        n = ibv_poll_cq(v->cq, BATCH, batch);
        if (n < 0)
            return rb_fail(RB_EINTERNAL, "rank %d: %s: the completion queue cannot be read", v->head.job->rank, v->port.name);
        *heard_p = *heard_p || n > 0;
        for (int i = 0; i < n; i++)
            RB_TRY(take(v, &batch[i]));
    } while (n == BATCH);
    return RB_OK;
}

int verbs_progress(struct transport *t, bool *busy_p)
{
    struct verbs *v = (struct verbs *)t;
    bool heard = false;
    *busy_p = false;
    RB_TRY(poll(v, &heard));
    for (int r = 0; r < t->job->nranks; r++)
        if (v->peers[r].used) {
            RB_TRY(post_messages(v, r, busy_p));
            RB_TRY(post_credits(v, r, busy_p));
        }
    v->calls++;
    v->quiet = heard ? 0 : v->quiet + 1;
    const bool silent = v->quiet > 0 && v->quiet % LOOK_EVERY == 0;
    return silent || v->calls % LOOK_EVERY_BUSY == 0 ? verbs_watch(v, silent) : RB_OK;
}
