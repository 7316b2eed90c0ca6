/* collectives/operation.h - inside of comm.c, operation*.c, patience.c and async_*.c: the communicator, and a schedule bound to its
 * connections, ready to be played. */
#ifndef RB_COLLECTIVES_OPERATION_H
#define RB_COLLECTIVES_OPERATION_H

#include "collectives/comm.h"
#include "collectives/engine_host.h"

enum { COMM_REGIONS = 64 };

struct comm {
    struct job *job;
    struct comm_config config;
    struct transport *transport;
    char why[480];
    struct region regions[COMM_REGIONS]; /* base NULL: free */
    struct operation *barrier;
    struct heartbeat private_heartbeat;
    struct heartbeat *heartbeat;
    int *nodes; /* host of each rank */
    unsigned random;
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
};

/* The token of an address in this rank's regions; false when it lies in none. */
bool comm_token(const struct comm *comm, const void *address, uint64_t *token_p);

#endif
