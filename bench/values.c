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

/* Whole numbers are exact up to here; int8 and bfloat16 set the bound of all wider types. */
static uint32_t exact_to(enum rb_type type)
{
    return type == TYPE_FLOAT8E4M3 ? 16 : type == TYPE_FLOAT8E5M2 ? 8 : 127;
}

/* At most 7, and not more in all than is exact; with many ranks only some of them give a 1. */
static int64_t addend(const struct value_kind *k, int rank, uint32_t place)
{
    const uint32_t n = (uint32_t)k->nranks, share = exact_to(k->type) / n;
    if (share == 0)
        return (place + (uint32_t)rank) % n <= mix(place + 1) % exact_to(k->type) ? 1 : 0;
    return (int64_t)(mix(place + 7919u * (uint32_t)rank) % ((share < 7 ? share : 7) + 1));
}

/* Something that has a smallest and a largest. */
static int64_t extreme(const struct value_kind *k, int rank, uint32_t place)
{
    const uint32_t reach = exact_to(k->type) < 50 ? exact_to(k->type) : 50;
    return (int64_t)(mix(place + 7919u * (uint32_t)rank) % (2 * reach + 1)) - (is_unsigned(k->type) ? 0 : (int64_t)reach);
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
        return extreme(k, rank, place);
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

/* Floats narrower than float: bits of the fraction, bias of the exponent; 0 for the other types. */
static const struct narrow { int fraction, bias; } narrows[TYPE_COUNT] = {
    [TYPE_HALF] = { 10, 15 }, [TYPE_BFLOAT16] = { 7, 127 }, [TYPE_FLOAT8E4M3] = { 3, 7 }, [TYPE_FLOAT8E5M2] = { 2, 15 },
};

static uint16_t sign_of(enum rb_type type)
{
    return (uint16_t)(type_bytes(type) == 1 ? 0x80u : 0x8000u);
}

/* To nearest, ties to even; the values here are far from overflow. */
static uint16_t to_narrow(enum rb_type type, float f)
{
    const struct narrow *n = &narrows[type];
    const float magnitude = fabsf(f);
    int exponent;
    frexpf(magnitude, &exponent); /* magnitude is 0.5 .. 1 times 2^exponent */
    const int biased = magnitude > 0 && exponent - 1 + n->bias > 1 ? exponent - 1 + n->bias : 1;
    const uint32_t units = (uint32_t)nearbyintf(ldexpf(magnitude, n->fraction + n->bias - biased)); /* 1 .. 2 times 2^fraction if normal */
    const uint32_t code = ((uint32_t)(biased - 1) << n->fraction) + units;
    return (uint16_t)(code | (f < 0 ? sign_of(type) : 0));
}

static float from_narrow(enum rb_type type, uint16_t code)
{
    const struct narrow *n = &narrows[type];
    const uint32_t sign = sign_of(type), magnitude = code & (sign - 1), one = 1u << n->fraction, fraction = magnitude & (one - 1);
    const int exponent = (int)(magnitude >> n->fraction);
    const bool top = magnitude >= (type == TYPE_FLOAT8E4M3 ? sign - 1 : sign - one);
    const float v = top            ? (fraction == 0 ? INFINITY : NAN)
                    : exponent == 0 ? ldexpf((float)fraction, 1 - n->bias - n->fraction)
                                    : ldexpf((float)(fraction + one), exponent - n->bias - n->fraction);
    return (code & sign) != 0 ? -v : v;
}

void value_store(const struct value_kind *k, int64_t exact, int operands, void *element)
{
    const bool mean = k->op == OP_AVG && operands > 0;
    const int64_t whole = mean ? exact / operands : exact;
    const double precise = mean ? (double)exact / operands : (double)exact;
    const float single = mean ? (float)exact / (float)operands : (float)exact;
    const uint16_t narrow = narrows[k->type].fraction > 0 ? to_narrow(k->type, single) : 0;
    switch (k->type) {
    case TYPE_DOUBLE:
        memcpy(element, &precise, sizeof precise);
        return;
    case TYPE_FLOAT:
        memcpy(element, &single, sizeof single);
        return;
    case TYPE_HALF:
    case TYPE_BFLOAT16:
    case TYPE_FLOAT8E4M3:
    case TYPE_FLOAT8E5M2:
        memcpy(element, &narrow, type_bytes(k->type)); /* little endian */
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
    uint16_t narrow = 0;
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
    case TYPE_BFLOAT16:
    case TYPE_FLOAT8E4M3:
    case TYPE_FLOAT8E5M2:
        memcpy(&narrow, element, type_bytes(type));
        return from_narrow(type, narrow);
    case TYPE_COUNT:
        break;
    }
    return NAN;
}
