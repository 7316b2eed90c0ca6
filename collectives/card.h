/* collectives/card.h - did the bytes go through the network card? The ports' own counters beside what the data need.
 *
 * Between two moments every rank knows how many packets its messages need at least (payload / MTU, message by message); the
 * ports must have sent as many. What they sent beyond is acknowledgements, credits, packets sent again, and whatever else
 * uses the port meanwhile (a baseline, other jobs).
 *
 * Units packets. Errors RB_E*, printed. */
#ifndef RB_COLLECTIVES_CARD_H
#define RB_COLLECTIVES_CARD_H

#include "collectives/comm.h"
#include "collectives/transport/transport.h"

/* All ranks together, over a stretch of time. */
struct card_packets {
    char port[64]; /* of rank 0; "" when the transport has no card or the card does not count */
    uint64_t sent, received, payload, credits;
    uint64_t acknowledgements; /* of what is left, as many as there were messages and credits to acknowledge */
    uint64_t other;            /* the rest of what was sent: packets sent again, other users of the ports */
    uint64_t retried;          /* as the card counts it: on some, a time-out that sends a whole window again is one */
};

/* Does this communicator's transport have a card? */
bool card_has(const struct comm *comm);
/* This rank's port, "mlx5_0:1"; NULL without one. */
const char *card_port(const struct comm *comm);
/* The moment it begins. Collective; free for transports without a card. */
int card_begin(struct comm *comm, struct transport_card *then);
/* Collective, after the last call has returned on this rank. RB_EDATA on all ranks when a port sent less than its ranks' data need;
 * what: the calls in between, for that message. */
int card_end(struct comm *comm, const struct transport_card *then, const char *what, struct card_packets *packets_p);

#endif
