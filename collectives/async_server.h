/* collectives/async_server.h - the asynchronous parameter server: arrival order decides, a staleness bound holds.
 *
 * The last `servers` ranks hold a shard of the weights each, all others are workers. A worker computes a gradient from its
 * weights, pushes it, and goes on as soon as the weights it has meet the bound (async_bound.h); servers add what arrives and answer
 * every worker's newest push. A shard is cut into blocks that fit a slot; a block is added to, and read, as a whole.
 *
 * Proof of the bound. Every block of an answer carries how many pushes of each worker it contains. The worker compares that with the
 * bound, with the block it had before and with its own pushes, for every block of every answer; there is no way to leave it out.
 * work.check lets it be compared with the data as well. What is wrong is RB_EDATA on every rank, and one line.
 *
 * With bound 0 servers add in the order of the ranks: results are the same bit by bit, whatever arrives first.
 *
 * Units    counts in elements, seconds, bytes (payload: without the headers of blocks).
 * Errors   RB_E*. RB_ETIMEOUT names the rank that is waited for and breaks the communicator, as in comm.h.
 * Threads  those of the communicator. */
#ifndef RB_COLLECTIVES_ASYNC_SERVER_H
#define RB_COLLECTIVES_ASYNC_SERVER_H

#include "collectives/async_bound.h"
#include "collectives/comm.h"

/* Tests: a server that does wrong. */
enum async_fault {
    ASYNC_SOUND,
    ASYNC_EARLY, /* answers before the bound allows */
    ASYNC_LOSES, /* counts the second push of worker 0 without adding it */
};

struct async_config {
    int servers;
    uint64_t count; /* elements of the weights */
    enum rb_type type;
    uint32_t staleness;
    uint32_t iterations; /* of each worker, at least 1 */
    enum async_fault fault;
};

/* Weights [first, first + count) and the pushes of each worker that they are the sum of; the weights begin as zeros. */
struct async_block {
    uint64_t first, count;
    const uint32_t *pushes; /* [workers] */
    int workers;
    const void *data;
};

enum { ASYNC_WHY = 240 };

struct async_work {
    void *context;
    /* A worker's iteration: from the weights to a gradient, which is what the server adds. Called until it returns true; messages
     * move between the calls. The gradient is not touched by others until then. */
    bool (*compute)(void *context, uint32_t iteration, const void *weights, void *gradient);
    /* Every block that is pulled, and on a server every block at the end. False, and why, when the data are not what the pushes
     * promise. NULL: nothing is known of the data. */
    bool (*check)(void *context, const struct async_block *block, char why[ASYNC_WHY]);
};

enum { ASYNC_STALENESS_BINS = 65 };

/* Of this rank. */
struct async_facts {
    bool server;
    uint32_t iterations;
    double seconds;         /* from the common start to the last answer; a server: to the end */
    double compute_sec;
    double waiting_sec;     /* seconds that a worker did not compute */
    double roundtrip_sec;   /* mean time from the start of a push to the end of its answer */
    uint32_t answers;       /* those that came: the server skips a push when a newer one has arrived */
    uint64_t pushed_bytes, pulled_bytes; /* a server: taken in, given out */
    uint64_t blocks_checked;
    /* Iterations that began so many iterations behind; the last bin has all beyond. */
    uint64_t staleness[ASYNC_STALENESS_BINS];
    uint32_t stalest;
    double mean_staleness;
    char wrong[ASYNC_WHY]; /* the first thing that this rank found wrong; "" none */
};

int async_workers(const struct job *job, const struct async_config *config);
/* Collective. *facts_p is set on success. */
int async_run(struct comm *comm, const struct async_config *config, const struct async_work *work, struct async_facts *facts_p);

#endif
