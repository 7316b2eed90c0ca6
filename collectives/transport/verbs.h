/* collectives/transport/verbs.h - inside of the verbs transport: RDMA over InfiniBand and RoCE, for verbs*.c only.
 *
 * Between every two ranks there is one link of one or more reliable queue pairs. A message is an RDMA write into the
 * receiver's slot; its last part carries an immediate value that names the slot. Consumed slots are reported back by empty writes with an
 * immediate value (credits). Message m travels on queue pair m modulo their number, credits always on the first.
 *
 * All memory that the card sees is one block, registered once: the slots of both directions with every peer (verbs_memory.h). Marks
 * are between this rank's thread, or its kernels, and progress alone, which may be a thread of its own (proxy.h).
 *
 * Sources  the queue pairs' states and attributes: InfiniBand specification, volume 1, chapters 9 to 11. */
#ifndef RB_TRANSPORT_VERBS_H
#define RB_TRANSPORT_VERBS_H

#include "collectives/transport/marks.h"
#include "collectives/transport/proxy.h"
#include "collectives/transport/transport.h"
#include "collectives/transport/verbs_memory.h"
#include "collectives/transport/verbs_port.h"

enum {
    VERBS_QPS = 16,    /* most queue pairs of a link */
    VERBS_TIMEOUT = 17, /* 4.096 us * 2^17 = 0.54 s without an answer, then again */
    VERBS_RETRIES = 6,  /* 7 is for ever on some devices */
    VERBS_INLINE = 128, /* payloads that travel inside the work request, where the card can */
};

/* What a rank tells the others. */
struct verbs_address {
    union ibv_gid gid;
    uint64_t memory; /* where its slots begin */
    uint32_t gid_type, key, first_packet, largest_message;
    uint16_t lid;
    uint8_t mtu;
    bool ethernet;
    char port[VERBS_NAME], host[VERBS_NAME];
};

struct verbs_peer {
    struct connection send, recv;
    uint64_t send_slots, recv_slots; /* addresses of their slots as the card uses them */
    _Atomic bool used;
    struct ibv_qp *qp[VERBS_QPS];
    uint32_t queued[VERBS_QPS]; /* work requests that the card has not reported as done */
    uint64_t slots_there;       /* address of the peer's slots for us */
    uint32_t key, mtu_bytes, largest_message;
    uint64_t posted;            /* messages given to the card */
    uint64_t done;              /* of these all before this one have left */
    uint64_t credited;          /* consumed messages that the peer has been told of */
    uint64_t consumed;          /* of ours, as the peer has told */
    uint64_t left[CONNECTION_SLOTS]; /* by slot: number + 1 of the last message that has left */
};

/* Packets that this rank has given to the card, the least that its data need. */
struct verbs_packets {
    _Atomic uint64_t payload, payload_away; /* away: to ranks on other machines */
    _Atomic uint64_t credits;               /* and probes, and reads that flush */
    _Atomic uint64_t requests;
};

/* A message that has arrived in GPU memory and may not be seen there yet. */
struct verbs_landed {
    int peer;
    uint32_t slot;
    uint64_t sequence;
};

/* A queue pair with itself, on which a byte of the last message is read back. */
struct verbs_flush {
    struct ibv_qp *qp; /* NULL: nothing is to be flushed */
    struct ibv_mr *mr;
    char byte[8];
    struct verbs_landed *landed; /* in order of arrival */
    size_t count, covered;       /* the read that is on its way is for the first `covered`; 0: none is */
};

struct verbs {
    struct transport head;
    struct verbs_port port;
    struct ibv_pd *pd;
    struct ibv_cq *cq;
    struct verbs_memory memory;
    struct mark *marks;
    const struct gpu_api *pinned; /* has pinned the marks; NULL: nobody */
    size_t marks_bytes, slots_bytes; /* of all FIFOs; of one */
    struct verbs_flush flush;
    struct proxy *proxy; /* NULL: the rank's own thread moves messages */
    int nqps;
    uint32_t queue_room, inline_bytes;
    struct verbs_address *addresses; /* [nranks] */
    struct verbs_peer *peers;        /* [nranks]; the own one is empty */
    struct verbs_packets packets;
    _Atomic uint32_t abort;
    uint32_t calls, quiet;        /* of progress in all, and since the last completion */
    uint64_t heard_ns, looked_ns; /* when silent peers were last probed, when events were last looked at */
    uint64_t down_ns;             /* since when the own port is down; 0: it is up */
};

/* What a work request is: its wr_id. */
enum verbs_kind { VERBS_DATA, VERBS_CREDIT, VERBS_PROBE, VERBS_READ, VERBS_RECEIVE };

struct verbs_request {
    enum verbs_kind kind;
    int peer, qp;
    uint32_t slot, parts; /* of a message: work requests it was split into */
};

/* 8 bits kind, 8 qp, 16 peer, 8 slot, 24 parts: all fit one number. */
uint64_t verbs_pack(struct verbs_request r);
struct verbs_request verbs_unpack(uint64_t id);

/* Work requests that a message of `bytes` is split into (an empty one is 1), packets that these need. */
uint32_t verbs_parts(uint64_t bytes, uint32_t largest_message);
uint64_t verbs_packets_of(uint64_t bytes, uint32_t largest_message, uint32_t mtu_bytes);

/* verbs_link.c: queue pairs with all peers. Collective; on failure verbs_unlink() takes away what there is. */
int verbs_link(struct verbs *v);
void verbs_unlink(struct verbs *v);
int verbs_post_receive(struct verbs *v, int peer, int qp);

/* verbs_wire.c: moves messages and credits; the transport's progress. */
int verbs_progress(struct transport *t, bool *busy_p);
int verbs_post_probe(struct verbs *v, int peer);

/* verbs_flush.c: open is for GPU memory that must be flushed; close is of any state. */
int verbs_flush_open(struct verbs *v);
void verbs_flush_close(struct verbs *v);
int verbs_flush_add(struct verbs *v, struct verbs_landed landed); /* a message has arrived */
int verbs_flush_done(struct verbs *v);                            /* the read has come back: its messages are told of */

/* States of a queue pair; there: the other end's address. 0 or an errno. */
int verbs_to_init(const struct verbs *v, struct ibv_qp *qp, unsigned access);
int verbs_to_ready(const struct verbs *v, struct ibv_qp *qp, const struct verbs_address *there, uint32_t number_there);

/* verbs_fault.c: one line that names this rank, device, peer, what happened and what to do. */
int verbs_fault(struct verbs *v, const struct ibv_wc *wc);
/* Called now and then: looks for events of the device and a dead link; in a silence, when nothing completes, probes the peers. */
int verbs_watch(struct verbs *v, bool silent);

#endif
