/* collectives/transport/transport.h - how the pieces of a schedule get from one rank to another.
 *
 * Every transport offers the same thing: one-way connections, FIFOs of slots with marks. A memory transport maps the
 * receiver's FIFO into both ranks; a message transport has a FIFO at each side and moves filled slots in progress().
 *
 * Errors RB_E*. Threads: a transport belongs to its rank's thread. One transport a file; registry.c lists them. */
#ifndef RB_COLLECTIVES_TRANSPORT_H
#define RB_COLLECTIVES_TRANSPORT_H

#include "collectives/connection.h"
#include "core/job.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct verbs_gpu;

struct transport_config {
    size_t slot_bytes; /* 0: default */
    int slots;
    int ranks_per_gpu;  /* GPUs: as many may share one; 0: 1 */
    int channels;       /* GPUs: groups of threads a rank; 0: default */
    int qps;            /* verbs: queue pairs of a connection; 0: default */
    const char *device; /* verbs: NAME or NAME:PORT that must be used; NULL: chosen */
    const char *near;   /* verbs: the device that the topology prefers for this rank; NULL: none */
    bool proxy;         /* verbs: a thread near the card moves messages */
    const struct verbs_gpu *gpu; /* verbs, mpi: slots for kernels of this GPU (transport/gpu_driver.h); NULL: host memory */
};

struct transport;

/* What the port of a network card has counted so far (by all its users), and what this rank has given it to send. */
struct transport_card {
    char port[64];               /* device:port, the same text for all ranks that share it on a machine */
    bool counted;                /* sent and received are known */
    bool counts_loops;           /* also what goes from the card to itself */
    uint64_t sent, received;     /* packets */
    uint64_t retried;            /* packets sent again, as far as the card tells */
    uint64_t payload;            /* packets: the least that this rank's data need */
    uint64_t payload_away;       /* of these, to ranks on other machines */
    uint64_t credits;            /* packets without payload: a slot is free, or is the peer there? */
    uint64_t requests;           /* of this rank, each of which the peer acknowledges by one packet or less */
};

struct transport_ops {
    const char *name;    /* value of --transport */
    const char *summary; /* one line of --help */
    bool direct;         /* peers can read and write each other's regions */
    bool gpu;            /* kernels play it (device/gpu_operation.h): memory is the GPU's, and connection is not used */
    bool lines;          /* kernels can send flags with the data (device/lines.h) */
    bool moves;          /* false: nothing is transferred (null), results are not checked */
    /* Can this job use it? *why_p (static text) when not. Not collective. */
    bool (*usable)(const struct job *job, const char **why_p);
    int (*open)(struct transport **t_p, struct job *job, const struct transport_config *config); /* collective */
    void (*close)(struct transport *t);
    /* This rank's end of the connection to (sends) or from a peer. Borrowed until close. NULL, for kernels only: said why. */
    struct connection *(*connection)(struct transport *t, int peer, bool sends);
    /* Moves what can be moved, never waits. NULL: nothing to do. *busy_p: something is still on its way from here. */
    int (*progress)(struct transport *t, bool *busy_p);
    int (*allocate)(struct transport *t, size_t bytes, struct region *region_p); /* collective */
    void (*release)(struct transport *t, struct region *region);
    void (*card)(const struct transport *t, struct transport_card *card); /* NULL: no card whose counters tell anything */
    void (*describe)(const struct transport *t, char *text, size_t room); /* a few words for the header; NULL: none */
};

struct transport {
    const struct transport_ops *ops;
    struct job *job; /* borrowed */
    size_t slot_bytes;
    int slots;
    const char *port;        /* of the network card, "mlx5_0:1"; NULL: uses none of its own */
    _Atomic uint32_t *abort; /* not 0: every wait ends; shared by this machine's ranks */
};

extern const struct transport_ops *const transports[]; /* registry.c, best first: the order of auto */
extern const size_t transport_count;
const struct transport_ops *transport_find(const char *name);

/* What this program was built without; ends with a NULL name. */
struct transport_gap {
    const char *name, *why;
};
extern const struct transport_gap transport_gaps[];
/* Why a transport of this name is not in this program; NULL when there never is one of that name. */
const char *transport_missing(const char *name);

/* The slot size that keeps a rank's FIFOs within a few MiB whatever the number of ranks. */
size_t transport_slot_bytes(const struct transport_config *config, int nranks, int slots);
/* Memory of this rank alone, for transports without direct access. */
int transport_allocate_private(struct transport *t, size_t bytes, struct region *region_p);
void transport_release_private(struct transport *t, struct region *region);

#endif
