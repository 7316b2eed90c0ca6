#include "bench/buffers.h"

#include <unistd.h>

static size_t lines(uint64_t bytes)
{
    return (size_t)((bytes + BUFFERS_GUARD - 1) / BUFFERS_GUARD * BUFFERS_GUARD);
}

void layout_measure(struct layout *l)
{
    l->places = 1;
    l->in_room = l->out_room = 0;
    for (int r = 0; r < l->group.nranks; r++) {
        const size_t in = lines(suite_in_bytes(l->suite, &l->group, r, l->count)), out = lines(suite_out_bytes(l->suite, &l->group, r, l->count));
        l->in_room = in > l->in_room ? in : l->in_room;
        l->out_room = out > l->out_room ? out : l->out_room;
    }
    if (l->in_place) { /* one buffer, the larger */
        l->in_room = l->out_room = l->in_room > l->out_room ? l->in_room : l->out_room;
        l->stride = l->in_room + 2 * BUFFERS_GUARD;
    } else {
        l->stride = l->in_room + l->out_room + 3 * BUFFERS_GUARD;
    }
}

void layout_fit(struct layout *l, size_t region, bool hot)
{
    const size_t places = hot ? 1 : region / l->stride;
    l->places = places > 0 ? places : 1;
}

static void share_buffer(const struct layout *l, char *base, struct place *p)
{
    const struct collective *c = collective_get(l->suite->collective);
    const size_t offset = (size_t)c->in_place_block(&l->group, l->rank) * l->count * type_bytes(l->suite->type);
    const bool out_is_larger = c->out_blocks(&l->group, l->rank) > c->in_blocks(&l->group, l->rank);
    p->in = base + (out_is_larger ? offset : 0);
    p->out = base + (out_is_larger ? 0 : offset);
}

void layout_place(const struct layout *l, char *region, size_t turn, struct place *p)
{
    char *base = region + (turn % l->places) * l->stride + BUFFERS_GUARD;
    *p = (struct place){
        .in = base, .out = base + l->in_room + BUFFERS_GUARD,
        .in_bytes = suite_in_bytes(l->suite, &l->group, l->rank, l->count),
        .out_bytes = suite_out_bytes(l->suite, &l->group, l->rank, l->count),
        .in_room = l->in_room, .out_room = l->out_room, .in_place = l->in_place,
    };
    if (l->in_place)
        share_buffer(l, base, p);
}

size_t buffers_need(const struct cases *c, int nranks)
{
    size_t need = 0;
    for (size_t i = 0; i < c->nsuites; i++) {
        const struct suite *suite = &c->suites[i];
        struct layout l = { .suite = suite, .group = suite_group(suite, &suite->subjects[0], nranks, NULL),
                            .count = suite->sizes[suite->nsizes - 1].count };
        layout_measure(&l);
        need = l.stride > need ? l.stride : need;
    }
    return need;
}

size_t buffers_region(size_t need, int nlocal)
{
    static const size_t most = (size_t)256 << 20;
    const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE), pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t region = (cache > 0 ? 2 * (size_t)cache : (size_t)64 << 20) / (size_t)nlocal;
    region = region > most ? most : region;
    const size_t share = pages > 0 ? (size_t)pages * (size_t)page / 8 / (size_t)nlocal : most;
    region = region > share ? share : region;
    return region > need ? region : need;
}
