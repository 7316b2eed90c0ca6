/* collectives/device/lines.h - the arithmetic of a turn whose messages carry their flags with the data, so that no counter has
 * to follow them: protocols LL and LL128 (NCCL's names).
 *
 * LL     a line is 16 bytes: 4 of data, flag, 4 of data, flag. Each half is written and read at once by any path there is:
 *        half the bytes are data.
 * LL128  a line is 128 bytes, 15 words of data and one flag, written by 8 neighbouring threads in one store. It holds only
 *        where 128 bytes arrive together: NVLink, or one GPU's own memory.
 *
 * A flag is the number of the message: nothing is reset. Slots of lines begin zeroed and hold nothing but lines of one
 * protocol, or old data could look like a flag. A reader waits in here; gpu_wait_over() ends that.
 *
 * The back end defines, besides what packs.h wants:
 *   gpu_load_line(address, &a, &b), gpu_store_line(address, a, b)   two words of 64 bits, 16-byte aligned, never torn inside a word
 *   gpu_warp()                   threads of a warp, a multiple of 8
 *   gpu_load_wide(address, valid, &a, &b), gpu_store_wide(address, valid, a, b)   the same, all threads of the warp at once: the 128 bytes of
 *                                eight neighbours move together; nothing is touched where valid is false
 *   gpu_from(word, thread)       that word of another thread of the warp; all threads of the warp call it
 *   gpu_all(condition)           true for all threads of the warp; likewise */
#ifndef RB_COLLECTIVES_LINES_H
#define RB_COLLECTIVES_LINES_H

#include "collectives/device/packs.h"

enum { LL128_LANES = 8 };

/* The connection that source i comes from; NULL: memory of this rank. */
GPU_FN const struct connection *line_source(const struct engine_turn *t, int i)
{
    const struct engine_step *s = t->step;
    if (!t->takes || (s->has_src && i == s->src_at))
        return NULL;
    return s->recv[i - (s->has_src && i > s->src_at ? 1 : 0)];
}

GPU_FN const struct connection *line_destination(const struct engine_turn *t, int i)
{
    const int own = t->takes && (t->step->keeps || !t->posts) ? 1 : 0;
    return i < own ? NULL : t->step->send[i - own];
}

GPU_FN uint32_t line_flag(const struct connection *c)
{
    return (uint32_t)(c->next + 1);
}

/* A word of a buffer of elements; past its end the bits are 0. */
template <int TYPE> GPU_FN uint64_t word_load(const void *from, uint64_t word, uint64_t count)
{
    typedef typename element<TYPE>::bits bits;
    const uint64_t in_word = LINE_WORD / sizeof(bits), first = word * in_word;
    if ((uintptr_t)from % LINE_WORD == 0 && first + in_word <= count)
        return gpu_load_bits<uint64_t>((const uint64_t *)from + word);
    uint64_t value = 0;
    for (uint64_t i = 0; i < in_word; i++)
        if (first + i < count)
            value |= word_put<TYPE, uint64_t>(gpu_load_bits<bits>((const bits *)from + first + i), (int)i);
    return value;
}

template <int TYPE> GPU_FN void word_store(void *to, uint64_t word, uint64_t count, uint64_t value)
{
    typedef typename element<TYPE>::bits bits;
    const uint64_t in_word = LINE_WORD / sizeof(bits), first = word * in_word;
    if ((uintptr_t)to % LINE_WORD == 0 && first + in_word <= count) {
        gpu_store_bits<uint64_t>((uint64_t *)to + word, value);
        return;
    }
    for (uint64_t i = 0; i < in_word; i++)
        if (first + i < count)
            gpu_store_bits<bits>((bits *)to + first + i, word_get<TYPE>(value, (int)i));
}

GPU_FN uint64_t ll_receive(const char *slot, uint64_t word, uint32_t flag, struct gpu_wait *wait)
{
    uint64_t a, b;
    do
        gpu_load_line((const uint64_t *)(slot + word * LL_LINE), &a, &b);
    while (((uint32_t)(a >> 32) != flag || (uint32_t)(b >> 32) != flag) && !gpu_wait_over(wait));
    return (uint32_t)a | b << 32;
}

GPU_FN void ll_send(char *slot, uint64_t word, uint32_t flag, uint64_t value)
{
    const uint64_t high = (uint64_t)flag << 32;
    gpu_store_line((uint64_t *)(slot + word * LL_LINE), high | (uint32_t)value, high | value >> 32);
}

template <int TYPE, int OP> GPU_FN void ll_run(const struct engine_turn *t, int divisor, struct gpu_wait *wait)
{
    const struct leaf_work *w = &t->work;
    const uint64_t words = (w->count * sizeof(typename element<TYPE>::bits) + LINE_WORD - 1) / LINE_WORD;
    for (uint64_t at = gpu_thread(); at < words; at += gpu_threads()) {
        uint64_t value = 0;
        for (int i = 0; i < w->nsrc; i++) {
            const struct connection *c = line_source(t, i);
            const uint64_t word = c != NULL ? ll_receive((const char *)w->srcs[i], at, line_flag(c), wait)
                                            : word_load<TYPE>(w->srcs[i], at, w->count);
            value = i == 0 ? word : word_combine<TYPE, OP, uint64_t>(value, word);
        }
        if (OP == OP_SUM && w->finish && divisor != 0)
            value = word_divide<TYPE, uint64_t>(value, divisor);
        for (int i = 0; i < w->ndst; i++) {
            const struct connection *c = line_destination(t, i);
            if (c != NULL)
                ll_send((char *)w->dsts[i], at, line_flag(c), value);
            else
                word_store<TYPE>(w->dsts[i], at, w->count, value);
        }
    }
}

/* Two words of a line a thread; the last thread of eight has one, and the flag. */
struct line_pair {
    uint64_t a, b;
};

GPU_FN struct line_pair ll128_receive(const char *slot, uint64_t line, bool valid, uint64_t flag, struct gpu_wait *wait)
{
    const uint32_t lane = gpu_thread() % gpu_warp();
    struct line_pair p = { 0, 0 };
    bool arrived;
    do {
        gpu_load_wide((const uint64_t *)(slot + line * LL128_LINE + lane % LL128_LANES * 16), valid, &p.a, &p.b);
        arrived = gpu_from(p.b, lane | (LL128_LANES - 1)) == flag || !valid;
    } while (!gpu_all(arrived || gpu_wait_over(wait)));
    return p;
}

template <int TYPE> GPU_FN struct line_pair ll128_load(const void *from, uint64_t word, bool valid, bool two, uint64_t words, uint64_t count)
{
    struct line_pair p = { 0, 0 };
    if (valid && word < words)
        p.a = word_load<TYPE>(from, word, count);
    if (valid && two && word + 1 < words)
        p.b = word_load<TYPE>(from, word + 1, count);
    return p;
}

template <int TYPE> GPU_FN void ll128_store(void *to, uint64_t word, bool two, uint64_t words, uint64_t count, struct line_pair p)
{
    if (word < words)
        word_store<TYPE>(to, word, count, p.a);
    if (two && word + 1 < words)
        word_store<TYPE>(to, word + 1, count, p.b);
}

/* All threads of a warp take the same turns of the loop: they look at each other's words. */
template <int TYPE, int OP> GPU_FN void ll128_run(const struct engine_turn *t, int divisor, struct gpu_wait *wait)
{
    const struct leaf_work *w = &t->work;
    const uint64_t words = (w->count * sizeof(typename element<TYPE>::bits) + LINE_WORD - 1) / LINE_WORD;
    const uint64_t lines = (words + LL128_WORDS - 1) / LL128_WORDS;
    const uint32_t lane = gpu_thread() % gpu_warp(), piece = lane % LL128_LANES, in_warp = gpu_warp() / LL128_LANES;
    const bool two = piece != LL128_LANES - 1;
    for (uint64_t base = gpu_thread() / gpu_warp() * in_warp; base < lines; base += gpu_threads() / LL128_LANES) {
        const uint64_t line = base + lane / LL128_LANES, word = line * LL128_WORDS + 2 * piece;
        const bool valid = line < lines;
        struct line_pair value = { 0, 0 };
        for (int i = 0; i < w->nsrc; i++) {
            const struct connection *c = line_source(t, i);
            const struct line_pair p = c != NULL ? ll128_receive((const char *)w->srcs[i], line, valid, c->next + 1, wait)
                                                 : ll128_load<TYPE>(w->srcs[i], word, valid, two, words, w->count);
            value.a = i == 0 ? p.a : word_combine<TYPE, OP, uint64_t>(value.a, p.a);
            value.b = i == 0 ? p.b : word_combine<TYPE, OP, uint64_t>(value.b, p.b);
        }
        if (OP == OP_SUM && w->finish && divisor != 0) {
            value.a = word_divide<TYPE, uint64_t>(value.a, divisor);
            value.b = word_divide<TYPE, uint64_t>(value.b, divisor);
        }
        for (int i = 0; i < w->ndst; i++) {
            const struct connection *c = line_destination(t, i);
            if (c != NULL)
                gpu_store_wide((uint64_t *)((char *)w->dsts[i] + line * LL128_LINE + piece * 16), valid, value.a, two ? value.b : c->next + 1);
            else if (valid)
                ll128_store<TYPE>(w->dsts[i], word, two, words, w->count, value);
        }
    }
}

#endif
