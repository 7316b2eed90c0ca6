/* bench/buffers.h - where IN and OUT of a call lie: one region of a rank, cut into places that are used in turn, so that a
 * cache is not measured by accident.
 *
 * A place is [guard] IN [guard] OUT [guard], each on its own cache lines. Geometry only: knows no values and no clock.
 * Units: bytes. */
#ifndef RB_BENCH_BUFFERS_H
#define RB_BENCH_BUFFERS_H

#include "bench/cases.h"

enum { BUFFERS_GUARD = 128 };

struct place {
    char *in, *out;             /* never NULL; the sizes may be 0 */
    size_t in_bytes, out_bytes; /* of this rank */
    size_t in_room, out_room;   /* of the largest rank: where the guards begin */
    bool in_place;
};

struct layout {
    const struct suite *suite;
    struct group group;
    int rank;
    uint64_t count;
    bool in_place;
    size_t in_room, out_room, stride; /* of the largest rank */
    size_t places;                    /* how many fit, at least 1 */
};

/* Bytes that hold the largest place of all suites. */
size_t buffers_need(const struct cases *c, int nranks);
/* How large a region makes rotation leave the caches: twice the last-level cache shared out over the ranks of the machine, at most
 * 256 MiB and an eighth of the free memory, never less than `need`. */
size_t buffers_region(size_t need, int nlocal);

/* Works out rooms and stride from the members above them, which the caller has set. */
void layout_measure(struct layout *l);
/* region: bytes at hand; hot: one place only. */
void layout_fit(struct layout *l, size_t region, bool hot);
/* Place number `turn` modulo places. */
void layout_place(const struct layout *l, char *region, size_t turn, struct place *p);

#endif
