/* collectives/device/leaf.h - the arithmetic of a step: n sources are combined into m destinations.
 *
 * Sources are combined from left to right, element by element; every destination gets the result. A destination may be a
 * source (the same address), but not overlap one otherwise. half, bfloat16 and the 8-bit floats are combined in
 * float and rounded to nearest even after every operation (and what is too large for 8 bits: collectives/device/fp8.h).
 *
 * The loops are compiled for several instruction sets; leaf_init picks one for this processor. Threads: reentrant. */
#ifndef RB_COLLECTIVES_LEAF_H
#define RB_COLLECTIVES_LEAF_H

#include "collectives/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef void leaf_combine2(void *dst, const void *a, const void *b, size_t count);
typedef void leaf_divide(void *data, size_t count, int by);

/* The loops of one instruction set. */
struct leaf_set {
    const char *name; /* "avx512", "avx2", "base" */
    leaf_combine2 *combine2[TYPE_COUNT][OP_COUNT]; /* OP_AVG adds */
    leaf_divide *divide[TYPE_COUNT];
    void (*stream)(void *dst, const void *src, size_t bytes); /* past the cache, any alignment; ordered by leaf_fence */
};

struct leaf {
    const struct leaf_set *set;
    size_t type_bytes;
    leaf_combine2 *combine2;
    leaf_divide *finish; /* NULL but for OP_AVG */
    int contributors;
};

/* name NULL: the best for this processor; else that one, or RB_EUSAGE when the processor or build lacks it. */
int leaf_init(struct leaf *leaf, const char *name, enum rb_type type, enum rb_op op, int contributors);
extern const struct leaf_set *const leaf_sets[]; /* best first */
extern const size_t leaf_set_count;
bool leaf_set_usable(const struct leaf_set *set);

struct leaf_work {
    void *const *dsts;
    int ndst;
    const void *const *srcs;
    int nsrc;
    size_t count; /* elements */
    bool finish;  /* the result is complete: apply leaf->finish */
    bool stream;  /* write past the cache */
};

void leaf_run(const struct leaf *leaf, const struct leaf_work *work);

#endif
