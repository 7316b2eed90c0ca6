/* scale/simgrid_files.h - platform and traces as text. Private to simgrid*.c. */
#ifndef RB_SCALE_SIMGRID_FILES_H
#define RB_SCALE_SIMGRID_FILES_H

#include "core/text.h"
#include "scale/fabric.h"

/* What a rank does, in order. */
struct trace_step {
    const struct step *step;
    uint64_t bytes;
};
struct trace_rank {
    struct trace_step *steps;
    int n, room;
};

/* Two ranks that talk, one direction. */
struct trace_pair {
    int from, to;
};
struct trace_pairs {
    struct trace_pair *list; /* sorted; the caller frees it */
    size_t n;
};

/* Which pairs talk. */
void simgrid_pairs(struct trace_pairs *pairs, const struct trace_rank *ranks, int nranks);
void simgrid_platform(struct text *out, const struct fabric *f, const struct trace_pairs *pairs);
/* The actions of one rank; the cluster's memory and arithmetic cost what they cost in scale/fabric.h. */
void simgrid_trace(struct text *out, const struct trace_rank *r, int rank, const struct cluster *c);

#endif
