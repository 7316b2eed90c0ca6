#include "bench/values.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static uint32_t mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

/* The same for all ranks; what differs by rank is added to it by the callers. */
static uint32_t place_of(int block, uint64_t index)
{
    return mix((uint32_t)(index % VALUES_PERIOD) * 2654435761u + (uint32_t)block * 40503u + 1u);
}

static bool is_unsigned(enum rb_type type)
{
    return type == TYPE_UINT8 || type == TYPE_UINT32 || type == TYPE_UINT64;
}

/* 0 .. limit with limit * nranks <= 127; with more ranks than that only some of them give a 1. */
static int64_t addend(const struct value_kind *k, int rank, uint32_t place)
{
    if (k->nranks > 127)
        return (place + (uint32_t)rank) % (uint32_t)k->nranks < 100 ? 1 : 0;
    const uint32_t limit = k->nranks > 18 ? 127u / (uint32_t)k->nranks : 7u;
    return (int64_t)(mix(place + 7919u * (uint32_t)rank) % (limit + 1));
}

/* 2 from at most five of the ranks, else 1; negative now and then where there is a sign. */
static int64_t factor(const struct value_kind *k, int rank, uint32_t place)
{
    const uint32_t n = (uint32_t)k->nranks;
    const bool two = (place + (uint32_t)rank) % (n > 5 ? n : 7u) < (n > 5 ? 5u : 3u);
    const bool negative = !is_unsigned(k->type) && mix(place + 104729u * (uint32_t)rank) % 4 == 0;
    return (two ? 2 : 1) * (negative ? -1 : 1);
}

int64_t value_input(const struct value_kind *k, int rank, int block, uint64_t index)
{
    const uint32_t place = place_of(block, index);
    switch (k->op) {
    case OP_PROD:
        return factor(k, rank, place);
    case OP_MIN:
    case OP_MAX:
        return (int64_t)(mix(place + 7919u * (uint32_t)rank) % 101) - (is_unsigned(k->type) ? 0 : 50);
    default:
        return addend(k, rank, place);
    }
}

int64_t value_combine(enum rb_op op, int64_t so_far, int64_t next)
{
    switch (op) {
    case OP_PROD:
        return so_far * next;
    case OP_MIN:
        return next < so_far ? next : so_far;
    case OP_MAX:
        return next > so_far ? next : so_far;
    default:
        return so_far + next;
    }
}

/* Both conversions round to nearest, ties to even; the values here are far from overflow and from subnormals. */
static uint16_t to_bfloat16(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

static uint16_t to_half(float f)
{
    if (f == 0)
        return 0;
    int exponent;
    const float mantissa = frexpf(fabsf(f), &exponent);                          /* 0.5 <= mantissa < 1 */
    const uint32_t bits = (uint32_t)nearbyintf(mantissa * 2048);                 /* 1024 .. 2048 */
    const uint32_t half = ((uint32_t)(exponent + 14) << 10) + (bits - 1024u); /* 2048 carries into the exponent */
    return (uint16_t)(half | (f < 0 ? 0x8000u : 0u));
}

static float from_half(uint16_t h)
{
    const int exponent = h >> 10 & 31;
    const float mantissa = (float)(h & 1023);
    const float v = exponent == 0    ? ldexpf(mantissa, -24)
                    : exponent == 31 ? (mantissa == 0 ? INFINITY : NAN)
                                     : ldexpf(mantissa + 1024, exponent - 25);
    return (h & 0x8000) != 0 ? -v : v;
}

void value_store(const struct value_kind *k, int64_t exact, int operands, void *element)
{
    const bool mean = k->op == OP_AVG && operands > 0;
    const int64_t whole = mean ? exact / operands : exact;
    const double precise = mean ? (double)exact / operands : (double)exact;
    const float single = mean ? (float)exact / (float)operands : (float)exact;
    uint16_t narrow;
    switch (k->type) {
    case TYPE_DOUBLE:
        memcpy(element, &precise, sizeof precise);
        return;
    case TYPE_FLOAT:
        memcpy(element, &single, sizeof single);
        return;
    case TYPE_HALF:
        narrow = to_half(single);
        memcpy(element, &narrow, sizeof narrow);
        return;
    case TYPE_BFLOAT16:
        narrow = to_bfloat16(single);
        memcpy(element, &narrow, sizeof narrow);
        return;
    default:
        memcpy(element, &whole, type_bytes(k->type)); /* the low bytes: two's complement, little endian */
    }
}

#define LOAD(kind)                        \
    do {                                  \
        kind v_;                          \
        memcpy(&v_, element, sizeof v_);  \
        return (double)v_;                \
    } while (0)

double value_load(enum rb_type type, const void *element)
{
    uint16_t narrow;
    switch (type) {
    case TYPE_INT8: LOAD(int8_t);
    case TYPE_UINT8: LOAD(uint8_t);
    case TYPE_INT32: LOAD(int32_t);
    case TYPE_UINT32: LOAD(uint32_t);
    case TYPE_INT64: LOAD(int64_t);
    case TYPE_UINT64: LOAD(uint64_t);
    case TYPE_FLOAT: LOAD(float);
    case TYPE_DOUBLE: LOAD(double);
    case TYPE_HALF:
        memcpy(&narrow, element, sizeof narrow);
        return from_half(narrow);
    case TYPE_BFLOAT16: {
        memcpy(&narrow, element, sizeof narrow);
        const uint32_t u = (uint32_t)narrow << 16;
        float f;
        memcpy(&f, &u, sizeof f);
        return f;
    }
    case TYPE_COUNT:
        break;
    }
    return NAN;
}
