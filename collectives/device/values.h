/* collectives/device/values.h - element types and operators as kernels see them: words of 32 and 64 bits that hold elements.
 *
 * C++ for nvcc, g++ and clang++. The back end defines before:
 *   GPU_FN                        how a function is declared
 *   gpu_widen_KIND(bits) -> float and gpu_narrow_KIND(float) -> bits, KIND half, bfloat16, e4m3, e5m2
 *   gpu_packed<TYPE, OP>          with `exists` and `run(a, b)` where the hardware combines a 32-bit word at once
 * Results are those of device/leaf.h, bit by bit: narrow types are combined in float and rounded after every operation. */
#ifndef RB_COLLECTIVES_VALUES_H
#define RB_COLLECTIVES_VALUES_H

#include "collectives/types.h"

#include <stdint.h>

/* An element as it lies in memory, and what arithmetic is done in. */
template <int TYPE> struct element;

#define GPU_ELEMENT(TYPE, stored, calculated)                             \
    template <> struct element<TYPE> {                                    \
        typedef stored bits;                                              \
        typedef calculated wide;                                          \
        static GPU_FN wide widen(bits b) { return (wide)b; }              \
        static GPU_FN bits narrow(wide w) { return (bits)w; }             \
    };
#define GPU_NARROW_ELEMENT(TYPE, stored, kind)                            \
    template <> struct element<TYPE> {                                    \
        typedef stored bits;                                              \
        typedef float wide;                                               \
        static GPU_FN wide widen(bits b) { return gpu_widen_##kind(b); }  \
        static GPU_FN bits narrow(wide w) { return gpu_narrow_##kind(w); } \
    };

GPU_ELEMENT(TYPE_INT8, int8_t, int32_t)
GPU_ELEMENT(TYPE_UINT8, uint8_t, uint32_t)
GPU_ELEMENT(TYPE_INT32, int32_t, int32_t)
GPU_ELEMENT(TYPE_UINT32, uint32_t, uint32_t)
GPU_ELEMENT(TYPE_INT64, int64_t, int64_t)
GPU_ELEMENT(TYPE_UINT64, uint64_t, uint64_t)
GPU_ELEMENT(TYPE_FLOAT, float, float)
GPU_ELEMENT(TYPE_DOUBLE, double, double)
GPU_NARROW_ELEMENT(TYPE_HALF, uint16_t, half)
GPU_NARROW_ELEMENT(TYPE_BFLOAT16, uint16_t, bfloat16)
GPU_NARROW_ELEMENT(TYPE_FLOAT8E4M3, uint8_t, e4m3)
GPU_NARROW_ELEMENT(TYPE_FLOAT8E5M2, uint8_t, e5m2)

/* Sums and products of integers wrap: unsigned arithmetic makes that defined. */
template <class W> struct wrapping { typedef W type; };
template <> struct wrapping<int32_t> { typedef uint32_t type; };
template <> struct wrapping<int64_t> { typedef uint64_t type; };

template <int OP, class W> GPU_FN W value_combine(W a, W b)
{
    typedef typename wrapping<W>::type wrap;
    if (OP == OP_SUM)
        return (W)((wrap)a + (wrap)b);
    if (OP == OP_PROD)
        return (W)((wrap)a * (wrap)b);
    if (OP == OP_MIN)
        return a < b ? a : b;
    return a > b ? a : b;
}

template <class To, class From> GPU_FN To value_reinterpret(From from)
{
    static_assert(sizeof(To) == sizeof(From), "same size");
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
}

/* Element i of a word, and a word with element i replaced. */
template <int TYPE, class Word> GPU_FN typename element<TYPE>::bits word_get(Word w, int i)
{
    typedef typename element<TYPE>::bits bits;
    if constexpr (sizeof(bits) == sizeof(Word)) {
        return value_reinterpret<bits>(w);
    } else if constexpr (sizeof(bits) == 4) {
        return value_reinterpret<bits>((uint32_t)(w >> 32 * i));
    } else {
        return (bits)(w >> (8 * sizeof(bits) * (unsigned)i));
    }
}

template <int TYPE, class Word> GPU_FN Word word_put(typename element<TYPE>::bits value, int i)
{
    typedef typename element<TYPE>::bits bits;
    if constexpr (sizeof(bits) == sizeof(Word)) {
        return value_reinterpret<Word>(value);
    } else if constexpr (sizeof(bits) == 4) {
        return (Word)value_reinterpret<uint32_t>(value) << 32 * i;
    } else if constexpr (sizeof(bits) == 2) {
        return (Word)(uint16_t)value << 16 * i;
    } else {
        return (Word)(uint8_t)value << 8 * i;
    }
}

template <int TYPE, int OP, class Word> GPU_FN Word word_combine(Word a, Word b)
{
    typedef element<TYPE> E;
    if constexpr (sizeof(Word) == 8 && sizeof(typename E::bits) <= 4) {
        const uint32_t low = word_combine<TYPE, OP, uint32_t>((uint32_t)a, (uint32_t)b);
        const uint32_t high = word_combine<TYPE, OP, uint32_t>((uint32_t)(a >> 32), (uint32_t)(b >> 32));
        return low | (Word)high << 32;
    } else if constexpr (gpu_packed<TYPE, OP>::exists && sizeof(Word) == 4) {
        return gpu_packed<TYPE, OP>::run(a, b);
    } else {
        Word r = 0;
        for (int i = 0; i < (int)(sizeof(Word) / sizeof(typename E::bits)); i++)
            r |= word_put<TYPE, Word>(E::narrow(value_combine<OP>(E::widen(word_get<TYPE>(a, i)), E::widen(word_get<TYPE>(b, i)))), i);
        return r;
    }
}

/* The mean is the sum divided by the contributors, truncated for integers. */
template <int TYPE, class Word> GPU_FN Word word_divide(Word w, int by)
{
    typedef element<TYPE> E;
    Word r = 0;
    for (int i = 0; i < (int)(sizeof(Word) / sizeof(typename E::bits)); i++)
        r |= word_put<TYPE, Word>(E::narrow(E::widen(word_get<TYPE>(w, i)) / (typename E::wide)by), i);
    return r;
}

#endif
