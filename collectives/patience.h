/* collectives/patience.h - waiting inside a communicator: when to give the core away, when to look up, when to give up.
 *
 * It knows nothing of what is waited for: the caller shows that on the heartbeat when patience_wait() says SHOW, and prints why it
 * ends when it says ABORTED or OVER.
 *
 * Threads: of the rank that owns the communicator. */
#ifndef RB_COLLECTIVES_PATIENCE_H
#define RB_COLLECTIVES_PATIENCE_H

#include "collectives/comm.h"

/* Zeroed whenever something has moved. */
struct patience {
    uint32_t spins;
    uint64_t since_ns; /* 0: not blocked long enough to ask the clock */
};

enum patience_result { PATIENCE_GO_ON, PATIENCE_SHOW, PATIENCE_ABORTED, PATIENCE_OVER };

/* A short pause after nothing could be moved. */
enum patience_result patience_wait(const struct comm *comm, struct patience *p);
/* A pause of random length, for tests; nothing when the communicator was opened without a seed. */
void patience_random_delay(struct comm *comm);

#endif
