/* workload/buffers.h - what the calls of a program give and get: places in an arena, numbers whose results are known.
 *
 * Numbers are small whole ones, so that sums are exact in every order. Units bytes, elements of float. */
#ifndef RB_WORKLOAD_BUFFERS_H
#define RB_WORKLOAD_BUFFERS_H

#include "collectives/comm.h"

enum { BUFFERS_ALIGN = 4096 };

struct call_buffers {
    size_t in_at, out_at; /* in the arena */
    uint64_t in_elements, out_elements;
    float *in, *out; /* NULL: nothing given, nothing got */
};

/* The call of one rank: enough to know the result. */
struct buffers_call {
    const struct algorithm *algorithm;
    struct group group;
    int rank; /* in the group */
    uint64_t count;
    unsigned salt; /* other groups have other numbers */
};

/* The next places behind *bytes, which grows. */
void buffers_place(struct call_buffers *b, const struct operation_facts *facts, size_t *bytes);
void buffers_bind(struct call_buffers *b, void *arena);
void buffers_fill(struct call_buffers *b, const struct buffers_call *c);
uint64_t buffers_wrong(const struct call_buffers *b, const struct buffers_call *c);

#endif
