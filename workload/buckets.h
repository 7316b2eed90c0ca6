/* workload/buckets.h - gradients gathered into buckets, each sent on its way when it is full. For the plans of data parallelism. */
#ifndef RB_WORKLOAD_BUCKETS_H
#define RB_WORKLOAD_BUCKETS_H

#include "workload/workload.h"

enum { BUCKETS_MOST = 4096 };

struct buckets {
    struct program *program;
    enum collective_id collective; /* all-reduce or reduce-scatter */
    uint64_t room, held;           /* elements of a bucket; what waits in the present one */
    int calls[BUCKETS_MOST];
    int ncalls;
};

/* Over AXIS_DATA. */
void buckets_begin(struct buckets *b, struct program *p, enum collective_id collective, const struct workload_setup *s);
void buckets_add(struct buckets *b, uint64_t elements);
/* The last, partly filled one; waits for all. */
void buckets_end(struct buckets *b);

#endif
