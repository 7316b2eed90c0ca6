/* collectives/operation.h - inside of comm.c, operation*.c, patience.c and async_*.c: the communicator, and a schedule bound to its
 * connections, ready to be played. */
#ifndef RB_COLLECTIVES_OPERATION_H
#define RB_COLLECTIVES_OPERATION_H

#include "collectives/comm.h"
#include "collectives/engine_host.h"
#include "core/shared.h"

enum { COMM_REGIONS = 64 };

struct comm {
    struct job *job;
    struct comm_config config;
    struct transport *transport;
    char why[800];
    struct region regions[COMM_REGIONS]; /* base NULL: free */
    struct operation *barrier;
    struct heartbeat private_heartbeat;
    struct heartbeat *heartbeat;
    int *nodes; /* host of each rank */
    unsigned random;
    struct gpu_comm *gpu; /* NULL: the host plays */
    struct pace pace;     /* ns_per_byte 0: none; of this rank */
    struct shared clocks; /* two of a rank: egress, ingress */
};

struct operation {
    struct comm *comm;
    struct call call;
    int *ring; /* own copy */
    struct engine engine;
    struct leaf leaf;
    struct operation_facts facts;
    struct connection **pulled; /* connections on which peers read this rank's memory */
    int npulled;
    bool direct;
    void *arena; /* peers of all steps */
    struct gpu_operation *gpu; /* NULL: the host plays */
};

/* First element of a chunk in its buffer, and how many it has. */
uint64_t operation_chunk(const struct operation *op, struct chunk c, uint64_t *count_p);
/* A step of a plan as the engine wants it, but for peers, places and counts. */
void operation_bind_step(const struct plan *plan, int index, struct engine_step *step);
/* A moment's rest in a wait; RB_ETIMEOUT, printed, when there is no more patience. */
struct patience;
int operation_pause(struct operation *op, struct patience *p);
/* Ranks whose values a result of `rank` combines; 1 where nothing is reduced. */
int operation_contributors(const struct call *call, int rank);
/* Passes on what it receives and keeps none of it: without room to send, that waits in a hold. */
bool step_may_hold(const struct step *s);
/* Its messages lie where they are and wait in no hold: slices need not fit a slot. */
bool plan_fits_any_slice(const struct plan *p);

/* Rate and latency of comm_config into a pace. */
void pace_settle(struct pace *p, double GBps, double latency_sec);
int comm_pace_open(struct comm *comm); /* collective; nothing when no pace is asked for */
void comm_pace_close(struct comm *comm);

/* The token of an address in this rank's regions; false when it lies in none. */
bool comm_token(const struct comm *comm, const void *address, uint64_t *token_p);
/* What a token of `rank` means in this process; NULL: out of reach. */
void *comm_at(const struct comm *comm, uint64_t token, int rank);

#endif
