/* collectives/device/packs.h - the arithmetic of a turn by a group of threads: sources and destinations as they lie in memory.
 *
 * A pack is 16 bytes, what one thread loads or stores at once. PACKS of them are in flight a thread, so that 512 threads keep
 * 64 KiB on their way: a load takes about 0.7 us from a peer. The back end defines before:
 *   GPU_UNROLL                                   a pragma before a loop of known length
 *   gpu_thread(), gpu_threads()                  this thread of its group, and how many there are
 *   gpu_load(address) -> pack, gpu_store(address, pack)        16-byte aligned; loads see what peers have written
 *   gpu_load_bits<T>(address), gpu_store_bits<T>(address, T)   one element
 * No barrier inside: a leaf can be run thread by thread. */
#ifndef RB_COLLECTIVES_PACKS_H
#define RB_COLLECTIVES_PACKS_H

#include "collectives/device/leaf.h"
#include "collectives/device/values.h"

enum { PACK_BYTES = 16, PACKS = 8 };

struct pack {
    uint64_t low, high;
};

template <int TYPE, int OP> GPU_FN void pack_combine(struct pack *a, const struct pack *b)
{
    a->low = word_combine<TYPE, OP, uint64_t>(a->low, b->low);
    a->high = word_combine<TYPE, OP, uint64_t>(a->high, b->high);
}

template <int TYPE> GPU_FN void pack_divide(struct pack *a, int by)
{
    a->low = word_divide<TYPE, uint64_t>(a->low, by);
    a->high = word_divide<TYPE, uint64_t>(a->high, by);
}

/* N packs of this thread, `apart` packs from each other; unless WHOLE, only those before `end`. The mean is taken pack by pack
 * (divisions want registers): it needs N = 1. divisor 0: none. */
template <int TYPE, int OP, int N, bool WHOLE> GPU_FN void packs_block(const struct leaf_work *w, uint64_t at, uint32_t apart, uint64_t end, int divisor)
{
    struct pack value[N] = {};
    const uint64_t offset = at * PACK_BYTES, step = (uint64_t)apart * PACK_BYTES;
    const char *first = (const char *)w->srcs[0] + offset;
    GPU_UNROLL
    for (int i = 0; i < N; i++)
        if (WHOLE || at + (uint64_t)i * apart < end)
            value[i] = gpu_load(first + (uint64_t)i * step);
    for (int s = 1; s < w->nsrc; s++) {
        struct pack other[N] = {};
        const char *from = (const char *)w->srcs[s] + offset;
        GPU_UNROLL
        for (int i = 0; i < N; i++)
            if (WHOLE || at + (uint64_t)i * apart < end)
                other[i] = gpu_load(from + (uint64_t)i * step);
        GPU_UNROLL
        for (int i = 0; i < N; i++)
            pack_combine<TYPE, OP>(&value[i], &other[i]);
    }
    if (OP == OP_SUM && N == 1 && divisor != 0)
        pack_divide<TYPE>(&value[0], divisor);
    for (int d = 0; d < w->ndst; d++) {
        char *to = (char *)w->dsts[d] + offset;
        GPU_UNROLL
        for (int i = 0; i < N; i++)
            if (WHOLE || at + (uint64_t)i * apart < end)
                gpu_store(to + (uint64_t)i * step, value[i]);
    }
}

template <int TYPE, int OP> GPU_FN void packs_element(const struct leaf_work *w, uint64_t at, int divisor)
{
    typedef element<TYPE> E;
    typedef typename E::bits bits;
    bits value = gpu_load_bits<bits>((const bits *)w->srcs[0] + at);
    for (int s = 1; s < w->nsrc; s++)
        value = E::narrow(value_combine<OP>(E::widen(value), E::widen(gpu_load_bits<bits>((const bits *)w->srcs[s] + at))));
    if (OP == OP_SUM && divisor != 0)
        value = E::narrow(E::widen(value) / (typename E::wide)divisor);
    for (int d = 0; d < w->ndst; d++)
        gpu_store_bits<bits>((bits *)w->dsts[d] + at, value);
}

GPU_FN bool packs_aligned(const struct leaf_work *w)
{
    uintptr_t all = 0;
    for (int i = 0; i < w->nsrc; i++)
        all |= (uintptr_t)w->srcs[i];
    for (int i = 0; i < w->ndst; i++)
        all |= (uintptr_t)w->dsts[i];
    return all % PACK_BYTES == 0;
}

/* Every thread of the group calls it with the same work. */
template <int TYPE, int OP> GPU_FN void packs_run(const struct leaf_work *w, int divisor)
{
    const uint32_t threads = gpu_threads(), me = gpu_thread();
    const uint64_t in_pack = PACK_BYTES / sizeof(typename element<TYPE>::bits);
    const uint64_t packs = packs_aligned(w) ? w->count / in_pack : 0;
    const int by = w->finish ? divisor : 0;
    uint64_t at = me;
    for (; by == 0 && at - me + (uint64_t)threads * PACKS <= packs; at += (uint64_t)threads * PACKS)
        packs_block<TYPE, OP, PACKS, true>(w, at, threads, packs, by);
    if (by == 0 && at < packs) /* what is left is less than that: a slot may be all of it */
        packs_block<TYPE, OP, PACKS, false>(w, at, threads, packs, by);
    for (; by != 0 && at < packs; at += threads)
        packs_block<TYPE, OP, 1, true>(w, at, threads, packs, by);
    for (uint64_t i = packs * in_pack + me; i < w->count; i += threads)
        packs_element<TYPE, OP>(w, i, by);
}

#endif
