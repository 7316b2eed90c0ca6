/* collectives/device/half.h - IEEE 754 binary16 without help from the compiler (clang 14 has no such type for x86 C), and the
 * rounding that it shares with the 8-bit floats (fp8.h).
 *
 * C and C++. No branches, and nothing that could trap depends on a condition: loops over these functions vectorise. */
#ifndef RB_COLLECTIVES_HALF_H
#define RB_COLLECTIVES_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_to_float(uint16_t h)
{
    const uint32_t magnitude = h & 0x7fffu;
    const uint32_t one = magnitude < 0x400u ? 113u << 23 : 0; /* subnormal: made 2^-14 * 1.fraction, then the 1 is taken away */
    const uint32_t rebias = magnitude >= 0x7c00u ? 224u << 23 : 112u << 23;
    uint32_t bits = (magnitude << 13) + (one > 0 ? one : rebias);
    float f, less;
    memcpy(&f, &bits, sizeof f);
    memcpy(&less, &one, sizeof less);
    f -= less;
    memcpy(&bits, &f, sizeof bits);
    bits |= (uint32_t)(h & 0x8000u) << 16;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Positive: the bits of a float, no more than just above the largest of the format, become its code; to nearest, ties to even.
 * fraction: its bits. lowest: exponent field, in a float, of its smallest normal number. */
static inline uint32_t narrow_round(uint32_t magnitude, uint32_t fraction, uint32_t lowest)
{
    const uint32_t field = magnitude & 0x7f800000u, power = field > lowest << 23 ? field : lowest << 23;
    const uint32_t unit_bits = power + ((23 - fraction) << 23); /* a float whose last place is that of the result: adding it rounds */
    uint32_t sum_bits;
    float sum, unit;
    memcpy(&sum, &magnitude, sizeof sum);
    memcpy(&unit, &unit_bits, sizeof unit);
    sum += unit;
    memcpy(&sum_bits, &sum, sizeof sum_bits);
    return sum_bits - unit_bits + ((power - (lowest << 23)) >> (23 - fraction));
}

/* Too large becomes infinity; a NaN keeps its upper bits and is quiet. */
static inline uint16_t half_from_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    const uint32_t nan = magnitude > 0x7f800000u ? 0x200u | (magnitude >> 13 & 0x3ffu) : 0;
    const uint32_t capped = magnitude < 0x47800000u ? magnitude : 0x47800000u; /* 65536, which is infinity */
    return (uint16_t)(sign | nan | narrow_round(capped, 10, 113));
}

#endif
