/* scale/simgrid_files.h - platform and traces as text. Private to simgrid*.c. */
#ifndef RB_SCALE_SIMGRID_FILES_H
#define RB_SCALE_SIMGRID_FILES_H

#include "core/text.h"
#include "scale/fabric.h"

/* What a rank does, in order. */
struct trace_step {
    const struct step *step;
    uint64_t bytes;
    size_t when; /* among the steps of all ranks, in an order in which they can be played one by one */
};
struct trace_rank {
    struct trace_step *steps;
    int n, room;
};

/* Two ranks that talk, one direction. */
struct trace_pair {
    int from, to;
    int messages;
    uint64_t bytes; /* of the largest */
    bool follow; /* its messages follow each other on the wire, see simgrid_files.c */
    double latency; /* of the route */
    size_t first; /* its messages among those of all pairs */
};
struct trace_pairs {
    struct trace_pair *list; /* sorted */
    size_t n;
    size_t *when; /* a message was sent, pair by pair */
};

/* Which pairs talk. */
void simgrid_pairs(struct trace_pairs *pairs, const struct fabric *f, const struct trace_rank *ranks);
void simgrid_pairs_free(struct trace_pairs *pairs);
void simgrid_platform(struct text *out, const struct fabric *f, const struct trace_pairs *pairs);
/* The actions of one rank; the cluster's memory and arithmetic cost what they cost in scale/fabric.h. */
void simgrid_trace(struct text *out, const struct trace_pairs *pairs, const struct trace_rank *r, int rank, const struct cluster *c);

#endif
