/* collectives/device/fp8.h - the two 8-bit floats of the OCP 8-bit Floating Point Specification (OFP8, revision 1.0):
 * E4M3, bias 7, no infinity, 0x7f and 0xff are NaN, largest 448; E5M2, bias 15, made like IEEE 754's, largest finite 57344.
 *
 * To nearest, ties to even. What is too large becomes the largest finite value, in E5M2 too and of an infinity too; NaN becomes
 * 0x7f. That is __NV_SATFINITE, which the constructors in CUDA's cuda_fp8.hpp take and so NCCL's sums, products, minima and
 * maxima (src/device/reduce_kernel.h) end with. An infinity of E5M2 can be read, but is never made. */
#ifndef RB_COLLECTIVES_FP8_H
#define RB_COLLECTIVES_FP8_H

#include "collectives/device/half.h"

/* NaN where `bits`, a float's, are. No branches: loops over these functions vectorise. */
NARROW_FN uint8_t fp8_code(uint32_t bits, uint32_t rounded, uint32_t largest)
{
    const uint32_t code = (bits >> 24 & 0x80u) | (rounded < largest ? rounded : largest);
    return (uint8_t)((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fu : code);
}

/* In units of the last place of `unit`, a power of two that is far larger: the addition rounds. */
NARROW_FN uint32_t fp8_subnormal(uint32_t magnitude, float unit)
{
    uint32_t sum_bits, unit_bits;
    float sum;
    memcpy(&sum, &magnitude, sizeof sum);
    sum += unit;
    memcpy(&sum_bits, &sum, sizeof sum_bits);
    memcpy(&unit_bits, &unit, sizeof unit_bits);
    return sum_bits - unit_bits;
}

NARROW_FN float fp8_e4m3_to_float(uint8_t code)
{
    const uint32_t magnitude = code & 0x7fu;
    const float small = (float)magnitude * 0x1p-9f;
    uint32_t bits;
    memcpy(&bits, &small, sizeof bits);
    bits = magnitude < 8 ? bits : magnitude == 0x7f ? 0x7fffffffu : (magnitude << 20) + (120u << 23);
    bits |= (uint32_t)(code & 0x80u) << 24;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

NARROW_FN uint8_t fp8_e4m3_from_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint32_t magnitude = bits & 0x7fffffffu;
    const uint32_t small = fp8_subnormal(magnitude, 0x1p14f); /* in 2^-9 */
    const uint32_t normal = (magnitude - (120u << 23) + 0x7ffffu + (magnitude >> 20 & 1u)) >> 20;
    return fp8_code(bits, magnitude < 121u << 23 ? small : normal, 0x7eu);
}

/* The upper byte of a half. */
NARROW_FN float fp8_e5m2_to_float(uint8_t code)
{
    return half_to_float((uint16_t)((uint32_t)code << 8));
}

NARROW_FN uint8_t fp8_e5m2_from_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint32_t magnitude = bits & 0x7fffffffu;
    const uint32_t small = fp8_subnormal(magnitude, 0x1p7f); /* in 2^-16 */
    const uint32_t normal = (magnitude - (112u << 23) + 0xfffffu + (magnitude >> 21 & 1u)) >> 21;
    return fp8_code(bits, magnitude < 113u << 23 ? small : normal, 0x7bu);
}

#endif
