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

/* pairs[i]: from, to; sorted and without doubles. */
void simgrid_platform(struct text *out, const struct fabric *f, const int (*pairs)[2], size_t npairs);
/* Which pairs talk; the caller frees. */
int (*simgrid_pairs(const struct trace_rank *ranks, int nranks, size_t *npairs_p))[2];
/* The actions of one rank. reduce_Bps 0: arithmetic is free. */
void simgrid_trace(struct text *out, const struct trace_rank *r, int rank, double reduce_Bps);

#endif
