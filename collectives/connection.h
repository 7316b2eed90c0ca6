/* collectives/connection.h - the two ends of a FIFO of slots, and memory that peers can reach. Plain data, the same for host
 * processes and for kernels on a GPU. */
#ifndef RB_COLLECTIVES_CONNECTION_H
#define RB_COLLECTIVES_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MARK_INLINE = 112, CONNECTION_SLOTS = 64 }; /* CONNECTION_SLOTS: the most a user can ask for */

/* One mark is one line of its own (128 bytes: the unit that adjacent-line prefetch moves). A message of up to MARK_INLINE
 * bytes travels in the mark itself: one cache line instead of two. */
struct mark {
    uint64_t sequence; /* message number + 1; grows for ever, so nothing is ever reset */
    uint64_t argument; /* slot: payload bytes; pull: where the source lies; grant: where to write */
    char payload[MARK_INLINE];
};

/* One end of a connection, as its rank sees it. The marks and slots may be shared with the other end. */
struct connection {
    struct mark *tail;  /* [nslots] written by the sender, polled by the receiver */
    struct mark *head;  /* [1] messages consumed: written by the receiver, polled by the sender */
    struct mark *grant; /* [nslots] destinations for pushes: written by the receiver */
    char *slots;        /* [nslots][slot_bytes] */
    uint64_t next;      /* messages sent, or consumed, at this end */
    uint64_t freed;     /* sender: last value seen in head */
    uint64_t grants;    /* given, or used, at this end */
    uint32_t at, grant_at; /* next and grants modulo nslots */
    uint32_t nslots;
    uint32_t inline_bytes; /* largest payload that goes in the mark; 0: none */
    size_t slot_bytes;
    int peer;
    bool in_line; /* arrival shows in the data themselves (device/lines.h): tail is not used */
};

/* Memory of every rank that peers can reach, one entry an allocation. */
struct region {
    void **base; /* [nranks] as mapped here; NULL where this rank cannot reach it */
    size_t bytes; /* of this rank */
    void *owner; /* the transport's */
};

#endif
