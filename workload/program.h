/* workload/program.h - a training step as data: for each rank a list of actions.
 *
 * The same list is played by play.c, predicted by predict.c and counted by traffic.c. It knows nothing of transports and clocks.
 *
 * Ranks stand in a grid; along each axis they form groups, which have calls of their own. Tensor neighbours are next to each other,
 * then data, then pipeline (arXiv:2104.04473, section 3). AXIS_ALL is everybody.
 *
 * A call begins with program_start() and is complete behind program_wait(); what stands between them may overlap it. The calls of a
 * group are played one after the other in the order in which they were started, which must be the same on all its ranks; hand-overs
 * (one rank to another) only follow those of the same pair and direction. A group of one rank has no calls: start returns -1,
 * which wait ignores.
 *
 * Units elements of MODEL_BYTES, bytes for copies. */
#ifndef RB_WORKLOAD_PROGRAM_H
#define RB_WORKLOAD_PROGRAM_H

#include "collectives/schedule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum axis { AXIS_ALL, AXIS_TENSOR, AXIS_DATA, AXIS_PIPELINE, AXIS_COUNT };
extern const char *const axis_names[AXIS_COUNT];

struct grid {
    int size[AXIS_COUNT]; /* size[AXIS_ALL] is the product of the others */
};

struct grid grid_make(int tensor, int data, int pipeline);
int grid_position(const struct grid *g, enum axis axis, int rank);
/* Which group along the axis: ranks with the same number are together. */
int grid_group(const struct grid *g, enum axis axis, int rank);
/* The rank at a position of that group. */
int grid_rank(const struct grid *g, enum axis axis, int group, int position);

/* Row-major C (m x n) = A (m x k) B (k x n); every B is somewhere else in memory, as a model's weights are. */
struct matmul {
    int m, n, k;
};

enum action_kind {
    ACTION_GEMM,
    ACTION_UPDATE, /* Adam over so many elements */
    ACTION_COPY,   /* so many bytes from memory to memory */
    ACTION_START,
    ACTION_WAIT,
};

struct action {
    enum action_kind kind;
    struct matmul gemm;
    uint64_t amount; /* UPDATE, COPY */
    int call;        /* START, WAIT */
};

struct program_call {
    enum axis axis;
    const struct algorithm *algorithm;
    uint64_t count; /* elements of a block, as in struct call */
    int root;       /* broadcast, reduce: position in the group; hand-over: of who gives */
};

struct program {
    const struct grid *grid;
    int rank;
    struct action *actions;
    size_t nactions, actions_room;
    struct program_call *calls;
    size_t ncalls, calls_room;
};

void program_free(struct program *p);

void program_gemm(struct program *p, int m, int n, int k);
void program_update(struct program *p, uint64_t elements);
void program_copy(struct program *p, uint64_t bytes);
/* The ring of that collective. count as in struct call: elements of a block. */
int program_start(struct program *p, enum axis axis, enum collective_id collective, uint64_t count, int root);
/* From the position to the next (step 1) or the previous (step -1), round the ends; started by these two ranks, nobody else. */
int program_hand_over(struct program *p, enum axis axis, uint64_t count, int from, int step);
void program_wait(struct program *p, int call);
/* start and wait. */
void program_call(struct program *p, enum axis axis, enum collective_id collective, uint64_t count, int root);

/* Floating-point operations of all products. */
double program_flop(const struct program *p);

#endif
