/* collectives/operation.h - inside of comm.c and operation.c: a schedule bound to connections, ready to be played. */
#ifndef RB_COLLECTIVES_OPERATION_H
#define RB_COLLECTIVES_OPERATION_H

#include "collectives/comm.h"
#include "collectives/device/leaf.h"
#include "collectives/transport/transport.h"

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
    unsigned random;
};

/* The token of an address in this rank's regions; false when it lies in none. */
bool comm_token(const struct comm *comm, const void *address, uint64_t *token_p);

#endif
