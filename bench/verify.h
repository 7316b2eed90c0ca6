/* bench/verify.h - is the result right, and where is it not? Knows values and places, not how a call is made.
 *
 * What is expected follows from the collective's meaning (struct collective, sources), never from an algorithm.
 * Threads: the rank's own. verify_gather is collective. */
#ifndef RB_BENCH_VERIFY_H
#define RB_BENCH_VERIFY_H

#include "bench/buffers.h"
#include "core/job.h"

/* What one rank found; the first wrong element, if any. */
struct verdict {
    uint64_t wrong; /* elements; a damaged guard counts as one */
    int rank, block, chunk;
    uint64_t index; /* in the block */
    double expected, found;
    bool guard; /* the first wrong place lies outside the buffers */
};

/* Puts the input into place, poisons the output and the guards. */
void verify_fill(const struct layout *l, const struct place *p);
/* result: where OUT block 0 is (p->out, unless a baseline's in-place form differs). cuts: of the algorithm, 1 if unknown. */
void verify_check(const struct layout *l, const struct place *p, const void *result, int cuts, struct verdict *v);
/* *all_p: wrong elements of all ranks, with the place of the lowest rank that has one. */
int verify_gather(struct job *job, const struct verdict *mine, struct verdict *all_p);
/* "rank 1, block 0, chunk 3, element 517: expected 6, found 4; 12 wrong in all"; the caller frees. */
char *verify_text(const struct verdict *v);

#endif
