#include "collectives/device/leaf.h"

#include "collectives/device/fp8.h"
#include "collectives/device/half.h"
#include "core/error.h"

#include <stdint.h>
#include <string.h>

/* A destination is a source or far from it, never beside it, so there is no dependence between iterations. */
#ifdef __clang__
#define LEAF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define LEAF_INDEPENDENT _Pragma("GCC ivdep")
#endif

#define LEAF(name) name##_base
#define LEAF_NAME "base"
#define LEAF_TARGET
#define LEAF_WIDEN_HALF_VECTOR(to, from, n, i)
#define LEAF_NARROW_HALF_VECTOR(to, from, n, i)
static void stream_base(void *dst, const void *src, size_t bytes)
{
    memmove(dst, src, bytes);
}
#include "collectives/device/leaf_loops.h"
#undef LEAF
#undef LEAF_NAME
#undef LEAF_TARGET
#undef LEAF_WIDEN_HALF_VECTOR
#undef LEAF_NARROW_HALF_VECTOR

#ifdef __x86_64__
#include <immintrin.h>

static size_t to_alignment(const void *p, size_t alignment)
{
    return (alignment - (uintptr_t)p % alignment) % alignment;
}

/* Head and tail of a streamed block that do not fill a vector go through the cache. */
#define LEAF_STREAM(suffix, vector, load, store)                                                        \
    LEAF_TARGET static void stream_##suffix(void *dst, const void *src, size_t bytes)                   \
    {                                                                                                   \
        char *d = dst;                                                                                  \
        const char *s = src;                                                                            \
        size_t head = to_alignment(d, sizeof(vector));                                                  \
        head = head < bytes ? head : bytes;                                                             \
        memmove(d, s, head);                                                                            \
        size_t i = head;                                                                                \
        for (; i + sizeof(vector) <= bytes; i += sizeof(vector))                                        \
            store((void *)(d + i), load((const void *)(s + i)));                                        \
        memmove(d + i, s + i, bytes - i);                                                               \
    }

#define LEAF_WIDEN_HALF_VECTOR(to, from, n, i) \
    for (; i + 8 <= n; i += 8)                 \
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + i))));
#define LEAF_NARROW_HALF_VECTOR(to, from, n, i) \
    for (; i + 8 <= n; i += 8)                  \
        _mm_storeu_si128((__m128i *)(to + i), _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));

#define LEAF(name) name##_avx2
#define LEAF_NAME "avx2"
#define LEAF_TARGET __attribute__((target("avx2,f16c,fma")))
LEAF_STREAM(avx2, __m256i, _mm256_loadu_si256, _mm256_stream_si256)
#include "collectives/device/leaf_loops.h"
#undef LEAF
#undef LEAF_NAME
#undef LEAF_TARGET

#define LEAF(name) name##_avx512
#define LEAF_NAME "avx512"
#define LEAF_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,f16c,fma")))
LEAF_STREAM(avx512, __m512i, _mm512_loadu_si512, _mm512_stream_si512)
#include "collectives/device/leaf_loops.h"
#undef LEAF
#undef LEAF_NAME
#undef LEAF_TARGET

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* A release does not order streaming stores on x86. */
static void stream_fence(void)
{
    _mm_sfence();
}

const struct leaf_set *const leaf_sets[] = { &leaf_set_avx512, &leaf_set_avx2, &leaf_set_base };

bool leaf_set_usable(const struct leaf_set *set)
{
    return set == &leaf_set_base || (set == &leaf_set_avx2 && has_avx2()) || (set == &leaf_set_avx512 && has_avx512() && has_avx2());
}
#else
static void stream_fence(void)
{
}

const struct leaf_set *const leaf_sets[] = { &leaf_set_base };

bool leaf_set_usable(const struct leaf_set *set)
{
    return set == &leaf_set_base;
}
#endif

const size_t leaf_set_count = RB_LEN(leaf_sets);

int leaf_init(struct leaf *leaf, const char *name, enum rb_type type, enum rb_op op, int contributors)
{
    const struct leaf_set *set = NULL;
    for (size_t i = 0; i < leaf_set_count && set == NULL; i++)
        if (leaf_set_usable(leaf_sets[i]) && (name == NULL || strcmp(name, leaf_sets[i]->name) == 0))
            set = leaf_sets[i];
    if (set == NULL)
        return rb_fail(RB_EUSAGE, "no %s loops for this processor; avx512, avx2 and base exist where the processor has them", name);
    *leaf = (struct leaf){ .set = set, .type_bytes = type_bytes(type), .combine2 = set->combine2[type][op],
                           .finish = op == OP_AVG ? set->divide[type] : NULL, .contributors = contributors };
    return RB_OK;
}

enum { BLOCK_BYTES = 8192 }; /* stays in the first-level cache while it is used again */

static void copy_block(const struct leaf *leaf, void *dst, const void *src, size_t bytes, bool stream)
{
    if (dst == src)
        return;
    if (stream)
        leaf->set->stream(dst, src, bytes);
    else
        memcpy(dst, src, bytes);
}

/* One block: the value is made in the first destination, or aside when that is streamed or may be a later source. */
static void run_block(const struct leaf *leaf, const struct leaf_work *w, size_t at, size_t count)
{
    _Alignas(64) char aside[BLOCK_BYTES];
    const size_t offset = at * leaf->type_bytes, bytes = count * leaf->type_bytes;
    const bool finish = w->finish && leaf->finish != NULL;
    const void *value = (const char *)w->srcs[0] + offset;
    if (w->nsrc > 1 || finish) {
        void *to = w->ndst > 0 && !w->stream && w->nsrc <= 2 ? (char *)w->dsts[0] + offset : aside;
        for (int i = 1; i < w->nsrc; i++) {
            leaf->combine2(to, value, (const char *)w->srcs[i] + offset, count);
            value = to;
        }
        if (value != to)
            copy_block(leaf, to, value, bytes, false);
        if (finish)
            leaf->finish(to, count, leaf->contributors);
        value = to;
    }
    for (int i = 0; i < w->ndst; i++)
        copy_block(leaf, (char *)w->dsts[i] + offset, value, bytes, w->stream);
}

void leaf_run(const struct leaf *leaf, const struct leaf_work *work)
{
    const bool finish = work->finish && leaf->finish != NULL;
    if (work->ndst == 0)
        return;
    if (work->nsrc == 1 && work->ndst == 1 && !finish) {
        copy_block(leaf, work->dsts[0], work->srcs[0], work->count * leaf->type_bytes, work->stream);
    } else if (work->nsrc == 2 && work->ndst == 1 && !finish && !work->stream) {
        leaf->combine2(work->dsts[0], work->srcs[0], work->srcs[1], work->count);
    } else {
        const size_t block = BLOCK_BYTES / leaf->type_bytes;
        for (size_t at = 0; at < work->count; at += block)
            run_block(leaf, work, at, work->count - at < block ? work->count - at : block);
    }
    if (work->stream)
        stream_fence();
}
