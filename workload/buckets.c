#include "workload/buckets.h"

void buckets_begin(struct buckets *b, struct program *p, enum collective_id collective, const struct workload_setup *s)
{
    const uint64_t n = (uint64_t)s->grid.size[AXIS_DATA], most = s->bucket_bytes / MODEL_BYTES;
    b->program = p;
    b->collective = collective;
    b->room = most > n ? most / n * n : n; /* equal shares for all */
    b->held = 0;
    b->ncalls = 0;
}

static void send(struct buckets *b, uint64_t elements)
{
    const uint64_t n = (uint64_t)b->program->grid->size[AXIS_DATA];
    const uint64_t count = b->collective == COLLECTIVE_REDUCE_SCATTER ? elements / n : elements;
    const int call = program_start(b->program, AXIS_DATA, b->collective, count, 0);
    if (b->ncalls < BUCKETS_MOST)
        b->calls[b->ncalls++] = call;
    else
        program_wait(b->program, call);
}

void buckets_add(struct buckets *b, uint64_t elements)
{
    b->held += elements;
    for (; b->held >= b->room; b->held -= b->room)
        send(b, b->room);
}

void buckets_end(struct buckets *b)
{
    if (b->held > 0)
        send(b, b->held);
    b->held = 0;
    for (int i = 0; i < b->ncalls; i++)
        program_wait(b->program, b->calls[i]);
}
