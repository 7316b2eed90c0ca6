#include "workload/buffers.h"

#include "core/text.h"

#include <stdlib.h>

static size_t take(size_t *bytes, uint64_t elements)
{
    const size_t at = *bytes;
    *bytes += (elements * sizeof(float) + BUFFERS_ALIGN - 1) / BUFFERS_ALIGN * BUFFERS_ALIGN;
    return at;
}

void buffers_place(struct call_buffers *b, const struct operation_facts *facts, size_t *bytes)
{
    b->in_elements = facts->in_elements;
    b->out_elements = facts->out_elements;
    b->in_at = take(bytes, b->in_elements);
    b->out_at = take(bytes, b->out_elements);
}

void buffers_bind(struct call_buffers *b, void *arena)
{
    char *base = arena;
    b->in = b->in_elements > 0 ? (float *)(void *)(base + b->in_at) : NULL;
    b->out = b->out_elements > 0 ? (float *)(void *)(base + b->out_at) : NULL;
}

/* What `rank` gives as element i of a block. */
static float given(const struct buffers_call *c, int rank, int block, uint64_t i)
{
    return (float)((i * 3 + (uint64_t)rank * 5 + (uint64_t)block * 11 + c->salt * 17u) % 23);
}

void buffers_fill(struct call_buffers *b, const struct buffers_call *c)
{
    for (uint64_t i = 0; i < b->in_elements; i++)
        b->in[i] = given(c, c->rank, (int)(i / c->count), i % c->count);
    for (uint64_t i = 0; i < b->out_elements; i++)
        b->out[i] = -1;
}

static uint64_t wrong_in_block(const float *out, const struct buffers_call *c, int block, int *ranks)
{
    const struct collective *means = algorithm_means(c->algorithm);
    int source = 0;
    uint64_t wrong = 0;
    const int n = means->sources(&c->group, c->rank, block, ranks, &source);
    for (uint64_t i = 0; i < c->count; i++) {
        float want = 0;
        for (int k = 0; k < n; k++)
            want += given(c, ranks[k], source, i);
        wrong += out[i] != want;
    }
    return wrong;
}

uint64_t buffers_wrong(const struct call_buffers *b, const struct buffers_call *c)
{
    int *ranks = rb_malloc((size_t)c->group.nranks * sizeof *ranks);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < b->out_elements; i += c->count)
        wrong += wrong_in_block(b->out + i, c, (int)(i / c->count), ranks);
    free(ranks);
    return wrong;
}
