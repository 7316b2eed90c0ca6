#include "bench/verify.h"

#include "bench/values.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

enum { POISON = 0xA5, GUARD = 0x5A };

static struct value_kind kind_of(const struct layout *l)
{
    const bool reduces = collective_get(l->suite->collective)->reduces;
    return (struct value_kind){ .type = l->suite->type, .op = reduces ? l->suite->op : OP_SUM, .nranks = l->group.nranks };
}

static size_t tile_elements(const struct layout *l)
{
    return l->count < VALUES_PERIOD ? (size_t)l->count : VALUES_PERIOD;
}

/* A period of what `rank` gives in `block`. */
static void input_tile(const struct layout *l, int block, char *tile)
{
    const struct value_kind kind = kind_of(l);
    const size_t n = tile_elements(l), width = type_bytes(kind.type);
    for (size_t i = 0; i < n; i++)
        value_store(&(struct value_kind){ kind.type, OP_SUM, kind.nranks }, value_input(&kind, l->rank, block, i), 0, tile + i * width);
}

/* A period of what must be in OUT block `block` of this rank. */
static void expected_tile(const struct layout *l, int block, int *ranks, char *tile)
{
    const struct value_kind kind = kind_of(l);
    const struct collective *c = collective_get(l->suite->collective);
    const size_t n = tile_elements(l), width = type_bytes(kind.type);
    int from = 0;
    const int operands = c->sources(&l->group, l->rank, block, ranks, &from);
    for (size_t i = 0; i < n; i++) {
        int64_t exact = value_input(&kind, ranks[0], from, i);
        for (int r = 1; r < operands; r++)
            exact = value_combine(kind.op, exact, value_input(&kind, ranks[r], from, i));
        value_store(&kind, exact, operands, tile + i * width);
    }
}

/* Repeats the first `period` bytes over the whole. */
static void repeat(char *to, size_t bytes, const char *tile, size_t period)
{
    for (size_t done = 0; done < bytes; done += period)
        memcpy(to + done, tile, bytes - done < period ? bytes - done : period);
}

static void fill_guards(const struct place *p)
{
    char *const base = p->in_place ? (p->in < p->out ? p->in : p->out) : p->in;
    memset(base - BUFFERS_GUARD, GUARD, BUFFERS_GUARD);
    memset(base + p->in_room, GUARD, BUFFERS_GUARD);
    if (!p->in_place)
        memset(p->out + p->out_room, GUARD, BUFFERS_GUARD);
}

void verify_fill(const struct layout *l, const struct place *p)
{
    const size_t width = type_bytes(l->suite->type), block_bytes = (size_t)l->count * width, period = tile_elements(l) * width;
    memset(p->in, POISON, p->in_place ? p->in_bytes : p->in_room);
    memset(p->out, POISON, p->in_place ? p->out_bytes : p->out_room);
    fill_guards(p);
    char *tile = rb_malloc(period);
    const int blocks = collective_get(l->suite->collective)->in_blocks(&l->group, l->rank);
    for (int b = 0; b < blocks; b++) {
        input_tile(l, b, tile);
        repeat(p->in + (size_t)b * block_bytes, block_bytes, tile, period);
    }
    free(tile);
}

static int chunk_of(const struct layout *l, int cuts, uint64_t index)
{
    for (int cut = 0; cut < cuts; cut++) {
        uint64_t first, count;
        chunk_range(l->count, type_bytes(l->suite->type), cuts, cut, &first, &count);
        if (index >= first && index < first + count)
            return cut;
    }
    return -1;
}

static void note_element(const struct layout *l, struct verdict *v, const char *found, const char *expected)
{
    v->rank = l->rank;
    v->found = value_load(l->suite->type, found);
    v->expected = value_load(l->suite->type, expected);
    v->guard = false;
}

/* Whole periods are compared at once; only where one differs does anybody look at elements. */
static void check_block(const struct layout *l, const char *found, const char *tile, int block, struct verdict *v)
{
    const size_t width = type_bytes(l->suite->type), period = tile_elements(l);
    for (uint64_t at = 0; at < l->count; at += period) {
        const size_t n = l->count - at < period ? (size_t)(l->count - at) : period;
        const char *here = found + (size_t)at * width;
        if (memcmp(here, tile, n * width) == 0)
            continue;
        for (size_t i = 0; i < n; i++) {
            if (memcmp(here + i * width, tile + i * width, width) == 0)
                continue;
            if (v->wrong++ == 0) {
                v->block = block;
                v->index = at + i;
                note_element(l, v, here + i * width, tile + i * width);
            }
        }
    }
}

static void check_guard(const struct layout *l, const char *guard, struct verdict *v)
{
    for (size_t i = 0; i < BUFFERS_GUARD; i++) {
        if ((unsigned char)guard[i] == GUARD)
            continue;
        if (v->wrong++ == 0) {
            v->rank = l->rank;
            v->guard = true;
            v->index = i;
            v->expected = GUARD;
            v->found = (unsigned char)guard[i];
        }
        return;
    }
}

static void check_guards(const struct layout *l, const struct place *p, struct verdict *v)
{
    const char *const base = p->in_place ? (p->in < p->out ? p->in : p->out) : p->in;
    check_guard(l, base - BUFFERS_GUARD, v);
    check_guard(l, base + p->in_room, v);
    if (!p->in_place)
        check_guard(l, p->out + p->out_room, v);
}

void verify_check(const struct layout *l, const struct place *p, const void *result, int cuts, struct verdict *v)
{
    const size_t width = type_bytes(l->suite->type);
    const int blocks = collective_get(l->suite->collective)->out_blocks(&l->group, l->rank);
    char *tile = rb_malloc(tile_elements(l) * width);
    int *ranks = rb_malloc((size_t)l->group.nranks * sizeof *ranks);
    *v = (struct verdict){ .rank = l->rank, .chunk = -1 };
    for (int b = 0; b < blocks; b++) {
        expected_tile(l, b, ranks, tile);
        check_block(l, (const char *)result + (size_t)b * (size_t)l->count * width, tile, b, v);
    }
    if (v->wrong > 0)
        v->chunk = chunk_of(l, cuts, v->index);
    check_guards(l, p, v);
    free(ranks);
    free(tile);
}

int verify_gather(struct job *job, const struct verdict *mine, struct verdict *all_p)
{
    struct verdict *all = rb_malloc((size_t)job->nranks * sizeof *all);
    const int rc = job_allgather(job, mine, all, sizeof *all);
    uint64_t wrong = 0;
    const struct verdict *first = mine;
    for (int r = job->nranks - 1; rc == RB_OK && r >= 0; r--) {
        wrong += all[r].wrong;
        if (all[r].wrong > 0)
            first = &all[r];
    }
    if (rc == RB_OK) {
        *all_p = *first;
        all_p->wrong = wrong;
    }
    free(all);
    return rc;
}

char *verify_text(const struct verdict *v)
{
    if (v->guard)
        return rb_format("rank %d wrote outside its buffers (guard byte %llu: expected %g, found %g); %llu wrong in all", v->rank,
                         (unsigned long long)v->index, v->expected, v->found, (unsigned long long)v->wrong);
    return rb_format("rank %d, block %d, chunk %d, element %llu: expected %.17g, found %.17g; %llu wrong in all", v->rank, v->block, v->chunk,
                     (unsigned long long)v->index, v->expected, v->found, (unsigned long long)v->wrong);
}
