/* collectives/prove_machine.h - inside of prove.c: the state of a symbolic execution. */
#ifndef RB_COLLECTIVES_PROVE_MACHINE_H
#define RB_COLLECTIVES_PROVE_MACHINE_H

#include "collectives/prove.h"

/* A value: one contributor's chunk, or two values combined. */
struct expression {
    int left, right; /* -1: a leaf */
    int rank, chunk; /* leaf: contributor and its IN chunk */
    bool finished;
};

struct message {
    int value, size_chunk;
    bool pull, push;
    long location; /* of a pulled source, or of the pushed destination */
    int hops;
    int *clock;
    struct message *next;
};

struct grant {
    long location;
    int *clock;
    struct grant *next;
};

/* One connection (from, to). */
struct fifo {
    struct message *first, *last;
    int held;
    struct grant *grants, *last_grant;
    int from_lane, to_lane; /* -1: not used yet */
};

/* A chunk of memory of one rank, for one piece. */
struct place {
    int value;
    int write_lane, write_tick; /* -1: never written */
    int *reads;                 /* [lanes of the job] tick of the last read, 0: none; NULL: never read */
};

struct lane_state {
    int rank, lane;
    int *steps, nsteps; /* indices into the rank's plan */
    int at, piece;
    bool holding; /* the step at `at` has received; its value waits for room to be sent */
    int value;
    int *clock;
    int hops;
};

struct machine {
    const struct algorithm *a;
    const struct collective *c;
    const struct group *g;
    const struct plan *plans;
    const struct proof_options *o;
    struct proof *proof;
    int cuts, nlanes;
    struct lane_state *lanes;
    int *lane_base; /* [nranks] first lane of a rank */
    struct fifo *fifos; /* [nranks * nranks] */
    struct place *places;
    int chunks; /* places per rank and piece: IN and OUT side by side, or one when in place */
    int in_chunks;
    int pool, capacity;
    bool failed;
};

/* Notes the first thing that is wrong; l: the lane whose step it is, or NULL. */
void machine_fail(struct machine *m, const struct lane_state *l, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Plays the lane's next step, or the half of it that can be played; false when it must wait. */
bool machine_advance(struct machine *m, struct lane_state *l);
int machine_value(struct machine *m, struct expression e);
long machine_locate(const struct machine *m, int rank, int piece, struct chunk c);
/* What was last written there is known to somebody with this clock. */
bool machine_written_before(const struct place *p, const int *clock);
void machine_join(const struct machine *m, int *clock, const int *other);

#endif
