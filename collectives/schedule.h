/* collectives/schedule.h - an algorithm as data: for each rank a list of steps.
 *
 * The same list is played by engine.h, proved by prove.c, costed by cost.c, printed by `ringbench schedule`.
 * It knows nothing of sizes, types, operators or transports.
 *
 * Geometry. IN and OUT are made of blocks of `count` elements each; every block is cut into `cuts` chunks by one ragged
 * rule (chunk_range). A chunk is (buffer, block * cuts + cut). The engine cuts chunks into pieces and plays all steps of
 * a lane for a piece before it begins the next (piece-major).
 *
 * A step. Waits for one message from every rank in recv_from, combines them from left to right in that order, the src
 * chunk (if any) in place src_at of the list, leaves the result in dst and sends it to every rank in send_to. Without
 * recv_from the value is src. The lists are as long as they need be. Messages between two ranks match in order; a
 * connection (from, to) has one lane at each end.
 *
 * Direct access. STEP_PULL_SEND publishes the value where it lies (src, or dst when something was received) instead of
 * copying it into a slot; the receiver's step has STEP_PULL_RECV and reads it there. STEP_PUSH_RECV says that the sender
 * (STEP_PUSH_SEND) writes straight into dst; before that, a STEP_GRANT step at the receiver (recv_from = the writers, dst)
 * has allowed it. schedule_slots() turns a plan into the one that needs no direct access. */
#ifndef RB_COLLECTIVES_SCHEDULE_H
#define RB_COLLECTIVES_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chunk_buffer {
    BUFFER_NONE,
    BUFFER_IN,
    BUFFER_OUT,
    BUFFER_THROUGH, /* passes by: nothing is kept here, the index (of an OUT chunk) gives the size */
};

struct chunk {
    enum chunk_buffer buffer;
    int index;
};

enum step_flag {
    STEP_FINISH = 1, /* the chunk is complete: the mean is taken here */
    STEP_PULL_SEND = 2,
    STEP_PULL_RECV = 4,
    STEP_PUSH_SEND = 8,
    STEP_PUSH_RECV = 16,
    STEP_GRANT = 32,
};

struct step {
    int lane;
    int after; /* index of a step of another lane of this rank that must be done first for the same piece; -1: none */
    int nrecv, nsend;
    int src_at; /* how many received operands come before src, 0 .. nrecv */
    const int *recv_from, *send_to; /* ranks; owned by the plan: one allocation, recv_from first */
    struct chunk src, dst;
    unsigned flags;
};

/* Steps are in order within a lane; lanes interleave freely but for `after`. */
struct plan {
    int nlanes;
    int nsteps, capacity;
    struct step *steps;
    bool broken; /* sticky: a step was out of order or of range */
};

/* Who takes part and in which roles. */
struct group {
    int nranks;       /* >= 1 */
    int root;         /* broadcast, reduce */
    int servers;      /* parameter server: k */
    const int *ring;  /* rank at each ring position, nranks of them; NULL: 0, 1, 2, ... */
    int nodes;        /* two-level: groups of nranks / nodes neighbours on the ring; 0: flat, one group */
};

enum collective_id {
    COLLECTIVE_ALL_REDUCE, COLLECTIVE_REDUCE_SCATTER, COLLECTIVE_ALL_GATHER, COLLECTIVE_BROADCAST, COLLECTIVE_REDUCE,
    COLLECTIVE_SENDRECV, COLLECTIVE_ALLTOALL, COLLECTIVE_PUSH_PULL, COLLECTIVE_COUNT
};

/* What a collective means, whatever the algorithm. `count` is the number of elements of a block, as in the NCCL call. */
struct collective {
    const char *name; /* "all_reduce": as nccl-tests' programs are called */
    bool reduces;     /* takes an operator */
    bool rooted;
    bool in_place;    /* an in-place form is defined */
    int (*in_blocks)(const struct group *g, int rank);  /* blocks that this rank gives; 0: it contributes nothing */
    int (*out_blocks)(const struct group *g, int rank); /* blocks that this rank gets */
    /* In place, block 0 of the smaller buffer is this block of the larger one. */
    int (*in_place_block)(const struct group *g, int rank);
    /* The ranks whose IN block (*block_p) make OUT block `block` of `rank`, in ascending order; returns their number. */
    int (*sources)(const struct group *g, int rank, int block, int *ranks, int *block_p);
    /* busbw / algbw (nccl-tests' factor), 0 where it is undefined (n = 1). algbw counts size_blocks * count elements. */
    double (*bus_factor)(const struct group *g);
    int (*size_blocks)(const struct group *g);
};

struct algorithm {
    const char *name;   /* "ring_all_reduce": unique */
    const char *family; /* "ring", "direct_one_shot", "direct_two_shot", "parameter_server", ...: value of --algorithm and of records */
    const char *summary;
    enum collective_id collective;
    const struct collective *means; /* what a call means where that differs from .collective (pairs of ranks); NULL: as .collective */
    int (*cuts)(const struct group *g); /* chunks per block, the same for IN and OUT */
    /* Adds the steps of `rank`, the peer lists in the order of the reduction. Pure. */
    void (*plan)(struct plan *p, const struct group *g, int rank);
    bool direct;      /* has direct-access flags */
    bool direct_needs_copy; /* direct access only out of place: in place a peer would read what is being written */
    bool uses_servers; /* varies with group.servers, 1 .. max_servers */
    int (*max_servers)(int nranks); /* NULL without servers */
    int min_ranks; /* fewest ranks it is defined for */
    bool uses_nodes; /* varies with group.nodes */
};

/* The tables (registry.c): one row an algorithm, one a collective. */
extern const struct algorithm *const algorithms[];
extern const size_t algorithm_count;
const struct collective *collective_get(enum collective_id id);
/* What a call of the algorithm means. */
const struct collective *algorithm_means(const struct algorithm *a);
/* COLLECTIVE_COUNT when there is none. "alltoall" and "all_to_all" are both known. */
enum collective_id collective_find(const char *name);
/* By unique name; NULL when there is none. */
const struct algorithm *algorithm_find(const char *name);
/* The same for a name that a user typed: RB_EUSAGE, naming the nearest, when there is none. */
int algorithm_require(const char *name, const struct algorithm **algorithm_p);
/* By family within a collective; NULL when there is none. */
const struct algorithm *algorithm_of(enum collective_id collective, const char *family);

/* Elements [*first_p, *first_p + *count_p) of a block of `count` elements that chunk `cut` of `cuts` covers. Grains of 16
 * bytes; sizes differ by at most one grain; the last may be short; empty chunks are legal. */
void chunk_range(uint64_t count, size_t type_bytes, int cuts, int cut, uint64_t *first_p, uint64_t *count_p);

/* The steps of one rank. The caller frees. RB_EINTERNAL when the algorithm built a malformed list. */
int plan_build(struct plan *plan_p, const struct algorithm *a, const struct group *g, int rank);
void plan_free(struct plan *plan);
/* Drops direct access: GRANT steps go, flags are cleared. */
void schedule_slots(struct plan *plan);

/* For algorithms: add a step; lists are copied. plan_after() binds the last step added to step `index` of another lane. */
int plan_add(struct plan *p, int lane, const int *recv_from, int nrecv, const int *send_to, int nsend, struct chunk src,
             struct chunk dst, unsigned flags);
void plan_after(struct plan *p, int index);
/* The src of the last step added comes after `operands` received ones (so that every rank reduces in one order). */
void plan_src_at(struct plan *p, int operands);
static inline struct chunk chunk_in(int index) { const struct chunk c = { BUFFER_IN, index }; return c; }
static inline struct chunk chunk_out(int index) { const struct chunk c = { BUFFER_OUT, index }; return c; }
static inline struct chunk chunk_through(int index) { const struct chunk c = { BUFFER_THROUGH, index }; return c; }
static inline struct chunk chunk_none(void) { const struct chunk c = { BUFFER_NONE, 0 }; return c; }

/* Position of a rank on the ring, and the rank `distance` further (negative: back). */
int group_position(const struct group *g, int rank);
int group_at(const struct group *g, int position); /* any integer; taken modulo nranks */

#endif
