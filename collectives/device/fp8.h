/* collectives/device/fp8.h - the two 8-bit floats of the OCP 8-bit Floating Point Specification (OFP8, revision 1.0):
 * E4M3, bias 7, no infinity, 0x7f and 0xff are NaN, largest 448; E5M2, bias 15, made like IEEE 754's, largest finite 57344.
 *
 * To nearest, ties to even. What is too large becomes the largest finite value, in E5M2 too and of an infinity too; NaN becomes
 * 0x7f. That is __NV_SATFINITE, which the constructors in CUDA's cuda_fp8.hpp take and so NCCL's sums, products, minima and
 * maxima (src/device/reduce_kernel.h) end with. An infinity of E5M2 can be read, but is never made. */
#ifndef RB_COLLECTIVES_FP8_H
#define RB_COLLECTIVES_FP8_H

#include "collectives/device/half.h"

/* The half that is 1/256 of it: half's exponents are biased by 8 more. */
static inline uint16_t fp8_e4m3_to_half(uint8_t code)
{
    const uint32_t magnitude = code & 0x7fu, nan = magnitude == 0x7fu ? 0x7c00u : 0;
    return (uint16_t)((uint32_t)(code & 0x80u) << 8 | magnitude << 7 | nan);
}

static inline float fp8_e4m3_to_float(uint8_t code)
{
    return half_to_float(fp8_e4m3_to_half(code)) * 256;
}

/* The upper byte of a half. */
static inline uint16_t fp8_e5m2_to_half(uint8_t code)
{
    return (uint16_t)((uint32_t)code << 8);
}

static inline float fp8_e5m2_to_float(uint8_t code)
{
    return half_to_float(fp8_e5m2_to_half(code));
}

/* largest: the bits of the largest finite number as a float. */
static inline uint8_t fp8_saturate(float f, uint32_t fraction, uint32_t lowest, uint32_t largest)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint32_t magnitude = bits & 0x7fffffffu, nan = magnitude > 0x7f800000u ? 0x7fu : 0;
    const uint32_t sign = bits >> 24 & 0x80u & ~(nan << 1);
    return (uint8_t)(sign | nan | narrow_round(magnitude < largest ? magnitude : largest, fraction, lowest));
}

static inline uint8_t fp8_e4m3_from_float(float f)
{
    return fp8_saturate(f, 3, 121, 0x43e00000u);
}

static inline uint8_t fp8_e5m2_from_float(float f)
{
    return fp8_saturate(f, 2, 113, 0x47600000u);
}

#endif
