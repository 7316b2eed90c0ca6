/* collectives/transport/verbs.h - inside of the verbs transport: RDMA over InfiniBand and RoCE, for verbs*.c only.
 *
 * Between every two ranks there is one link of one or more reliable queue pairs. A message is an RDMA write into the
 * receiver's slot; its last part carries an immediate value that names the slot. Consumed slots are reported back by empty writes with an
 * immediate value (credits). Message m travels on queue pair m modulo their number, credits always on the first.
 *
 * All memory that the card sees is one block, registered once: the FIFOs of both directions with every peer.
 *
 * Sources  the queue pairs' states and attributes: InfiniBand specification, volume 1, chapters 9 to 11. */
#ifndef RB_TRANSPORT_VERBS_H
#define RB_TRANSPORT_VERBS_H

#include "collectives/transport/transport.h"
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
    uint64_t memory; /* where its FIFOs begin */
    uint32_t gid_type, key, first_packet, largest_message;
    uint16_t lid;
    uint8_t mtu;
    bool ethernet;
    char port[VERBS_NAME], host[VERBS_NAME];
};

struct verbs_peer {
    struct connection send, recv;
    bool used;
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
    uint64_t payload, payload_away; /* away: to ranks on other machines */
    uint64_t credits; /* and probes */
    uint64_t requests;
};

struct verbs {
    struct transport head;
    struct verbs_port port;
    struct ibv_pd *pd;
    struct ibv_cq *cq;
    struct ibv_mr *mr;
    char *memory;
    size_t memory_bytes, fifo_bytes;
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
enum verbs_kind { VERBS_DATA, VERBS_CREDIT, VERBS_PROBE, VERBS_RECEIVE };

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

/* verbs_fault.c: one line that names this rank, device, peer, what happened and what to do. */
int verbs_fault(struct verbs *v, const struct ibv_wc *wc);
/* Called now and then: looks for events of the device and a dead link; in a silence, when nothing completes, probes the peers. */
int verbs_watch(struct verbs *v, bool silent);

#endif
