/* collectives/device/half.h - IEEE 754 binary16 without help from the compiler (clang 14 has no such type for x86 C). */
#ifndef RB_COLLECTIVES_HALF_H
#define RB_COLLECTIVES_HALF_H

#include <stdint.h>
#include <string.h>

/* How a function is declared; an includer that compiles for a GPU says more. */
#ifndef NARROW_FN
#define NARROW_FN static inline
#endif

NARROW_FN float half_to_float(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 0x1fu, fraction = h & 0x3ffu;
    uint32_t bits;
    float f;
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 is exact in float */
        f = (float)fraction * 0x1p-24f;
        memcpy(&bits, &f, sizeof bits);
        bits |= sign;
    } else {
        bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
    }
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* To nearest, ties to even. */
NARROW_FN uint16_t half_from_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    if (magnitude >= 0x477ff000u) /* 65520 rounds to infinity */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { /* below 2^-14: subnormal; adding 0.5 rounds in float's own arithmetic */
        float m;
        memcpy(&m, &magnitude, sizeof m);
        m += 0.5f;
        uint32_t rounded;
        memcpy(&rounded, &m, sizeof rounded);
        return (uint16_t)(sign | (rounded - 0x3f000000u));
    }
    const uint32_t odd = (magnitude >> 13) & 1u;
    return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

#endif
