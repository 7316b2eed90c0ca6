/* collectives/comm.h - run schedules between the ranks of a job: what the benchmark calls.
 *
 * Units    bytes, counts in elements, seconds.
 * Errors   RB_OK or RB_E*, printed where they are found. Once a call has failed with RB_ETIMEOUT the communicator is
 *          broken: the process can only leave (by _exit: closing would wait for the peers).
 * Threads  a communicator belongs to the thread (rank) that opened it. comm_abort() may come from any thread. */
#ifndef RB_COLLECTIVES_COMM_H
#define RB_COLLECTIVES_COMM_H

#include "collectives/schedule.h"
#include "collectives/types.h"
#include "core/heartbeat.h"
#include "core/job.h"

enum comm_protocol { PROTOCOL_AUTO, PROTOCOL_SLOTS, PROTOCOL_DIRECT, PROTOCOL_LL, PROTOCOL_LL128 }; /* the last two: GPUs */

struct comm_config {
    const char *transport;       /* "auto", "shm", "verbs", "mpi", "shm+verbs", "shm+mpi", "null"; GPUs: "cuda_peer", ... */
    bool found;                  /* the name is what comm_auto() said */
    enum comm_protocol protocol; /* AUTO: direct access from a measured size on, where buffers are shared */
    size_t slot_bytes;           /* 0: the transport's choice */
    int slots;                   /* per connection; 0: the transport's choice */
    int qps;                     /* verbs: queue pairs of a connection; 0: one */
    const char *device;          /* verbs: the device, or device:port, to use; NULL: near_device, else the first that can be used */
    const char *near_device;     /* verbs: what the topology prefers for this rank; NULL: none */
    bool host_memory;            /* auto leaves transports between GPUs out */
    int ranks_per_gpu;           /* GPUs: as many may share one; 0: 1 */
    int channels;                /* GPUs: groups of threads a rank; 0: the transport's choice */
    int gpu_threads;             /* GPUs: of a group; 0: 512, what the kernels are made for */
    bool system_scope;           /* ranks of one GPU: flags as between GPUs, to measure what that costs */
    double pace_GBps;            /* links no faster than this, per rank and direction (one machine); 0: as they are */
    double pace_latency_sec;
    bool proxy;                  /* verbs: a thread near the card moves messages */
    const struct verbs_gpu *card_gpu; /* verbs: slots for kernels of a GPU (transport/verbs_memory.h); NULL: host memory */
    double timeout_sec;          /* without progress in one call; 0: none */
    bool yield;                  /* more ranks than cores: give the core away soon while waiting */
    struct heartbeat *heartbeat; /* of this rank; NULL: none */
    const char *leaf;            /* instruction set of the loops: "avx512", "avx2", "base"; NULL: the best */
    unsigned delay_seed;         /* tests: random pauses between steps; 0: none */
};

struct comm;
struct operation;

/* Collective. */
int comm_open(struct comm **comm_p, struct job *job, const struct comm_config *config);
void comm_close(struct comm *comm); /* collective */
void comm_abort(struct comm *comm); /* every wait of this machine's ranks ends with RB_ETIMEOUT */
const char *comm_transport(const struct comm *comm);     /* the one in use: "shm", "mpi", ... */
const char *comm_transport_why(const struct comm *comm); /* one line, for the header */
/* Value of --protocol, and what records say. */
const char *comm_protocol_name(enum comm_protocol protocol);
/* Collective: what auto takes, a value of --transport; host_memory as in comm_config. NULL: nothing. */
const char *comm_auto(struct job *job, bool host_memory);
/* Value of --transport -> is it usable by this job? *why_p: static text, when not. */
bool comm_transport_usable(const char *name, const struct job *job, const char **why_p);

/* Page-aligned, zeroed memory of this rank that the peers may reach directly where the transport can. Collective (each rank its
 * own size); freed by comm_release or comm_close. */
int comm_allocate(struct comm *comm, size_t bytes, void **memory_p);
int comm_release(struct comm *comm, void *memory); /* collective, in the order of allocation */

/* The memory is a GPU's: the host reads and writes it with comm_copy() only. */
bool comm_on_gpu(const struct comm *comm);
/* The GPU of this rank; NULL fields of a communicator on host memory. */
struct comm_gpu {
    const char *name, *bus; /* "NVIDIA H200", "0000:1b:00.0" */
    int device;             /* as this process counts */
};
struct comm_gpu comm_gpu(const struct comm *comm);
/* Where `rank` has what lies at `address` here, as kernels and copies of this process reach it; NULL: out of reach. */
void *comm_peer(const struct comm *comm, const void *address, int rank);
/* Between memory of comm_allocate and any other, either way; done on return. */
int comm_copy(const struct comm *comm, void *to, const void *from, size_t bytes);

/* Fast barrier over the communicator's own connections (not on the measured path). */
int comm_barrier(struct comm *comm);

struct call {
    const struct algorithm *algorithm;
    struct group group; /* nranks as the job's; ring is copied */
    uint64_t count;     /* elements of a block */
    enum rb_type type;
    enum rb_op op;
    bool in_place;
    enum comm_protocol protocol; /* AUTO: as configured */
};

/* What one call moves, from the schedule. Bytes per direction; payload only. */
struct operation_facts {
    const char *protocol;      /* "slots", "direct", "ll", "ll128" */
    uint64_t busiest_egress;   /* bytes that leave the busiest rank */
    uint64_t busiest_ingress;
    uint64_t busiest_edge;     /* from one rank to another */
    uint64_t total;
    uint64_t host_egress;      /* the same for the busiest host: what crosses the network; 0 on one host */
    uint64_t host_ingress;
    int incast;                /* the most ranks of other hosts that send to one rank in a call */
    uint64_t out_elements;     /* elements of OUT on this rank */
    uint64_t in_elements;
    int steps;                 /* of this rank */
    int hops;                  /* messages one after the other on the longest chain; 0: not known (many ranks) */
};

/* Collective: plans, connects what is not yet connected. The caller frees. */
int comm_prepare(struct comm *comm, const struct call *call, struct operation **operation_p);
void operation_free(struct operation *op);
const struct operation_facts *operation_facts(const struct operation *op);

/* One collective call. in and out lie in memory of comm_allocate for direct access; slots take any memory. In place: see
 * struct collective. Either may be NULL when the rank has no such blocks. */
int operation_run(struct operation *op, const void *in, void *out);
/* The same in two parts: until the GPU has it (host memory: until it is begun), and until it is done. */
int operation_launch(struct operation *op, const void *in, void *out);
int operation_wait(struct operation *op);
/* The same in parts, to overlap with computation; progress sets *done_p. */
int operation_start(struct operation *op, const void *in, void *out);
int operation_progress(struct operation *op, bool *done_p);
/* The same, and whether anything was moved: false means that peers must act first. */
int operation_advance(struct operation *op, bool *moved_p, bool *done_p);

#endif
