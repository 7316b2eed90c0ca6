/* Narrow floats against their definition: what a code is worth follows from ldexp, what a number becomes from a search for the
 * nearest code; then the loops of every instruction set against both. */
#include "collectives/device/fp8.h"
#include "collectives/device/leaf.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Codes without the sign: first 0, last the largest finite number. */
struct format {
    enum rb_type type;
    int fraction, bias;
    unsigned sign, largest, infinity; /* infinity: what too large becomes */
};
static const struct format half = { TYPE_HALF, 10, 15, 0x8000, 0x7bff, 0x7c00 };
static const struct format e4m3 = { TYPE_FLOAT8E4M3, 3, 7, 0x80, 0x7e, 0x7e };
static const struct format e5m2 = { TYPE_FLOAT8E5M2, 2, 15, 0x80, 0x7b, 0x7b };
static const struct format *const formats[] = { &half, &e4m3, &e5m2 };
enum { FORMATS = sizeof formats / sizeof formats[0] };

static double worth(const struct format *f, unsigned code)
{
    const unsigned magnitude = code & (f->sign - 1), exponent = magnitude >> f->fraction, one = 1u << f->fraction;
    const bool e4 = f->type == TYPE_FLOAT8E4M3;
    double v;
    if (e4 ? magnitude == 0x7f : magnitude > f->largest + 1)
        return NAN;
    if (!e4 && magnitude == f->largest + 1)
        v = INFINITY;
    else if (exponent == 0)
        v = ldexp(magnitude, 1 - f->bias - f->fraction);
    else
        v = ldexp(magnitude % one + one, (int)exponent - f->bias - f->fraction);
    return (code & f->sign) != 0 ? -v : v;
}

/* Ties to the even code. */
static unsigned nearest(const struct format *f, double v)
{
    const double magnitude = fabs(v);
    const unsigned sign = signbit(v) ? f->sign : 0;
    const double end = worth(f, f->largest) + (worth(f, f->largest) - worth(f, f->largest - 1)) / 2;
    unsigned low = 0, high = f->largest;
    if (isnan(v))
        return 0x7f;
    if (magnitude >= end)
        return sign | f->infinity;
    while (low < high) {
        const unsigned middle = (low + high + 1) / 2;
        if (worth(f, middle) <= magnitude)
            low = middle;
        else
            high = middle - 1;
    }
    if (low == f->largest)
        return sign | low;
    const double below = magnitude - worth(f, low), above = worth(f, low + 1) - magnitude;
    return sign | (below < above || (below == above && low % 2 == 0) ? low : low + 1);
}

static double to_float(const struct format *f, unsigned code)
{
    return f == &half ? half_to_float((uint16_t)code) : f == &e4m3 ? fp8_e4m3_to_float((uint8_t)code) : fp8_e5m2_to_float((uint8_t)code);
}

static unsigned from_float(const struct format *f, float v)
{
    return f == &half ? half_from_float(v) : f == &e4m3 ? fp8_e4m3_from_float(v) : fp8_e5m2_from_float(v);
}

static void test_every_code(void **state)
{
    (void)state;
    for (int k = 0; k < FORMATS; k++)
        for (unsigned code = 0; code < 2 * formats[k]->sign; code++) {
            const double v = worth(formats[k], code), got = to_float(formats[k], code);
            if (isnan(v)) {
                assert_true(isnan(got));
                continue;
            }
            assert_true(got == v && signbit(got) == signbit(v));
            if (isfinite(v))
                assert_int_equal(from_float(formats[k], (float)v), code);
        }
}

/* The figures of the specification's table. */
static void test_named_values(void **state)
{
    (void)state;
    assert_true(fp8_e4m3_to_float(0x7e) == 448 && fp8_e4m3_to_float(0x08) == 0x1p-6f && fp8_e4m3_to_float(0x01) == 0x1p-9f);
    assert_true(fp8_e5m2_to_float(0x7b) == 57344 && fp8_e5m2_to_float(0x04) == 0x1p-14f && fp8_e5m2_to_float(0x01) == 0x1p-16f);
    assert_true(isnan(fp8_e4m3_to_float(0x7f)) && isnan(fp8_e4m3_to_float(0xff)));
    assert_true(isinf(fp8_e5m2_to_float(0x7c)) && fp8_e5m2_to_float(0xfc) < 0 && isnan(fp8_e5m2_to_float(0x7d)));
    assert_int_equal(fp8_e4m3_from_float(1), 0x38);
    assert_int_equal(fp8_e5m2_from_float(-1), 0xbc);
}

/* Half way between two neighbours, and the floats beside it. */
static void test_midpoints(void **state)
{
    (void)state;
    for (int k = 0; k < FORMATS; k++) {
        const struct format *f = formats[k];
        for (unsigned low = 0; low < f->largest; low++)
            for (int negative = 0; negative < 2; negative++) {
                const unsigned sign = negative ? f->sign : 0;
                const float middle = (float)((worth(f, sign | low) + worth(f, sign | (low + 1))) / 2);
                assert_int_equal(from_float(f, middle), sign | (low % 2 == 0 ? low : low + 1));
                assert_int_equal(from_float(f, nextafterf(middle, 0)), sign | low);
                assert_int_equal(from_float(f, nextafterf(middle, negative ? -INFINITY : INFINITY)), sign | (low + 1));
            }
    }
}

/* One float in every 65537 of all there are, and small ones. */
static void test_floats_in_between(void **state)
{
    (void)state;
    for (uint64_t i = 0; i <= UINT32_MAX; i += 65537) {
        const uint32_t bits = (uint32_t)i;
        float v;
        memcpy(&v, &bits, sizeof v);
        for (int k = 0; k < FORMATS; k++)
            if (!isnan(v))
                assert_int_equal(from_float(formats[k], v), nearest(formats[k], (double)v));
    }
}

static void test_too_large(void **state)
{
    (void)state;
    static const struct { float v; unsigned half, e4m3, e5m2; } rows[] = {
        { 464, 0x5f40, 0x7e, 0x5f },      { 480, 0x5f80, 0x7e, 0x60 },      { 57344, 0x7b00, 0x7e, 0x7b }, { 61440, 0x7b80, 0x7e, 0x7b },
        { 65519, 0x7bff, 0x7e, 0x7b },    { 65520, 0x7c00, 0x7e, 0x7b },    { FLT_MAX, 0x7c00, 0x7e, 0x7b }, { INFINITY, 0x7c00, 0x7e, 0x7b },
        { -1000, 0xe3d0, 0xfe, 0xe4 },    { -INFINITY, 0xfc00, 0xfe, 0xfb },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(half_from_float(rows[i].v), rows[i].half);
        assert_int_equal(fp8_e4m3_from_float(rows[i].v), rows[i].e4m3);
        assert_int_equal(fp8_e5m2_from_float(rows[i].v), rows[i].e5m2);
    }
}

static void test_not_a_number(void **state)
{
    (void)state;
    static const uint32_t nans[] = { 0x7f800001u, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffffffffu };
    for (size_t i = 0; i < sizeof nans / sizeof nans[0]; i++) {
        float v;
        memcpy(&v, &nans[i], sizeof v);
        assert_true(isnan(half_to_float(half_from_float(v))));
        assert_int_equal(fp8_e4m3_from_float(v), 0x7f);
        assert_int_equal(fp8_e5m2_from_float(v), 0x7f);
    }
}

static double combined(enum rb_op op, double x, double y)
{
    switch (op) {
    case OP_PROD: return x * y;
    case OP_MIN: return x < y ? x : y;
    case OP_MAX: return x > y ? x : y;
    default: return x + y;
    }
}

enum { PAIRS = 65536 };

/* All pairs of 8-bit codes. A sum or product has no more bits than a double holds. */
static void check_pairs(const struct leaf_set *set, const struct format *f, enum rb_op op, const uint8_t *expected)
{
    uint8_t *x = malloc(PAIRS), *y = malloc(PAIRS), *z = malloc(PAIRS);
    for (unsigned i = 0; i < PAIRS; i++) {
        x[i] = (uint8_t)(i & 0xff);
        y[i] = (uint8_t)(i >> 8);
    }
    set->combine2[f->type][op](z, x, y, PAIRS);
    assert_memory_equal(z, expected, PAIRS);
    set->combine2[f->type][op](x, x, y, PAIRS); /* in place */
    assert_memory_equal(x, expected, PAIRS);
    free(x);
    free(y);
    free(z);
}

static void test_all_pairs_of_8_bits(void **state)
{
    (void)state;
    uint8_t *expected = malloc(PAIRS);
    for (int k = 1; k < FORMATS; k++)
        for (int op = 0; op < OP_COUNT; op++) {
            for (unsigned i = 0; i < PAIRS; i++)
                expected[i] = (uint8_t)nearest(formats[k], combined((enum rb_op)op, worth(formats[k], i & 0xff), worth(formats[k], i >> 8)));
            for (size_t s = 0; s < leaf_set_count; s++)
                if (leaf_set_usable(leaf_sets[s]))
                    check_pairs(leaf_sets[s], formats[k], (enum rb_op)op, expected);
        }
    free(expected);
}

/* Pairs far apart in the table of halves, NaN and infinity among them. */
static void test_pairs_of_halves(void **state)
{
    (void)state;
    uint16_t *x = malloc(PAIRS * sizeof *x), *y = malloc(PAIRS * sizeof *y), *z = malloc(PAIRS * sizeof *z);
    for (unsigned i = 0; i < PAIRS; i++) {
        x[i] = (uint16_t)i;
        y[i] = (uint16_t)(i * 40503u + i / 256);
    }
    for (size_t s = 0; s < leaf_set_count; s++)
        for (int op = 0; op < OP_COUNT && leaf_set_usable(leaf_sets[s]); op++) {
            leaf_sets[s]->combine2[TYPE_HALF][op](z, x, y, PAIRS);
            for (unsigned i = 0; i < PAIRS; i++) {
                const double v = combined((enum rb_op)op, worth(&half, x[i]), worth(&half, y[i]));
                assert_true(isnan(v) ? isnan(worth(&half, z[i])) : z[i] == nearest(&half, v));
            }
        }
    free(x);
    free(y);
    free(z);
}

static void test_mean_of_8_bits(void **state)
{
    (void)state;
    static const int divisors[] = { 1, 2, 3, 7, 10, 127, 1000 };
    for (size_t s = 0; s < leaf_set_count; s++)
        for (int k = 1; k < FORMATS && leaf_set_usable(leaf_sets[s]); k++)
            for (size_t d = 0; d < sizeof divisors / sizeof divisors[0]; d++) {
                uint8_t codes[256], expected[256];
                for (unsigned i = 0; i < 256; i++) {
                    codes[i] = (uint8_t)i;
                    expected[i] = (uint8_t)nearest(formats[k], (float)worth(formats[k], i) / (float)divisors[d]);
                }
                leaf_sets[s]->divide[formats[k]->type](codes, 256, divisors[d]);
                assert_memory_equal(codes, expected, 256);
            }
}

/* Every length up to a few vectors, at every alignment of the first elements: nothing beside the result is touched. */
static void test_ends(void **state)
{
    (void)state;
    for (size_t s = 0; s < leaf_set_count; s++)
        for (int k = 0; k < FORMATS && leaf_set_usable(leaf_sets[s]); k++)
            for (size_t count = 0; count < 80; count++) {
                const size_t size = type_bytes(formats[k]->type), bytes = count * size, shift = count % 5 * size;
                uint8_t *x = calloc(1, shift + bytes + 1), *y = malloc(shift + bytes + 2);
                memset(y, 0xee, shift + bytes + 2);
                leaf_sets[s]->combine2[formats[k]->type][OP_SUM](y + shift, x + shift, x + shift, count);
                for (size_t i = 0; i < shift + bytes + 2; i++)
                    assert_int_equal(y[i], i < shift || i >= shift + bytes ? 0xee : 0);
                free(x);
                free(y);
            }
}

/* Rounded after every operation: 16 + 1 is 16 in E4M3, so adding sixteen 1s to it changes nothing, whereas a sum in float would be 32. */
static void test_rounds_after_every_operation(void **state)
{
    (void)state;
    enum { COUNT = 9000 };
    static uint8_t sixteen[COUNT], one[COUNT], there[COUNT], here[COUNT];
    memset(sixteen, fp8_e4m3_from_float(16), COUNT);
    memset(one, fp8_e4m3_from_float(1), COUNT);
    const void *srcs[17] = { sixteen };
    for (int i = 1; i < 17; i++)
        srcs[i] = one;
    void *dsts[] = { here, there };
    struct leaf leaf;
    for (int op = OP_SUM; op <= OP_AVG; op += OP_AVG - OP_SUM) {
        assert_int_equal(leaf_init(&leaf, NULL, TYPE_FLOAT8E4M3, (enum rb_op)op, 17), 0);
        leaf_run(&leaf, &(struct leaf_work){ .dsts = dsts, .ndst = 2, .srcs = srcs, .nsrc = 17, .count = COUNT, .finish = true });
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(here[i], fp8_e4m3_from_float(op == OP_SUM ? 16.0f : 16.0f / 17));
            assert_int_equal(there[i], here[i]);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(type_find("f8e4m3"), TYPE_FLOAT8E4M3);
    assert_int_equal(type_find("f8e5m2"), TYPE_FLOAT8E5M2);
    assert_int_equal(type_find("fp8"), TYPE_COUNT);
    for (int t = 0; t < TYPE_COUNT; t++) {
        assert_int_equal(type_find(type_name((enum rb_type)t)), t);
        assert_true(type_bytes((enum rb_type)t) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code),        cmocka_unit_test(test_named_values),
        cmocka_unit_test(test_midpoints),         cmocka_unit_test(test_floats_in_between),
        cmocka_unit_test(test_too_large),         cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_all_pairs_of_8_bits), cmocka_unit_test(test_mean_of_8_bits),
        cmocka_unit_test(test_pairs_of_halves),
        cmocka_unit_test(test_ends),              cmocka_unit_test(test_rounds_after_every_operation),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
