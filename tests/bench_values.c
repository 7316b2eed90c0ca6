/* Test data stay exact in every type; stored bits are those of the formats. */
#include "bench/values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bits worked out from the formats: half 1|5|10, bias 15; bfloat16 1|8|7, bias 127. */
static void test_bits_of_narrow_types(void **state)
{
    (void)state;
    static const struct { int64_t value; uint16_t half, bfloat16; } rows[] = {
        { 0, 0x0000, 0x0000 }, { 1, 0x3C00, 0x3F80 }, { -2, 0xC000, 0xC000 }, { 6, 0x4600, 0x40C0 }, { 127, 0x57F0, 0x42FE }, { -32, 0xD000, 0xC200 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint16_t bits;
        value_store(&(struct value_kind){ TYPE_HALF, OP_SUM, 2 }, rows[i].value, 1, &bits);
        assert_int_equal(bits, rows[i].half);
        assert_true(value_load(TYPE_HALF, &bits) == (double)rows[i].value);
        value_store(&(struct value_kind){ TYPE_BFLOAT16, OP_SUM, 2 }, rows[i].value, 1, &bits);
        assert_int_equal(bits, rows[i].bfloat16);
        assert_true(value_load(TYPE_BFLOAT16, &bits) == (double)rows[i].value);
    }
}

static void test_means_are_divided_as_the_types_say(void **state)
{
    (void)state;
    uint16_t bits;
    /* 1/3 in float is 0x3EAAAAAB: bfloat16 rounds up to 0x3EAB; in half 1/3 is 0x3555. */
    value_store(&(struct value_kind){ TYPE_BFLOAT16, OP_AVG, 3 }, 1, 3, &bits);
    assert_int_equal(bits, 0x3EAB);
    value_store(&(struct value_kind){ TYPE_HALF, OP_AVG, 3 }, 1, 3, &bits);
    assert_int_equal(bits, 0x3555);
    int8_t whole;
    value_store(&(struct value_kind){ TYPE_INT8, OP_AVG, 3 }, -7, 3, &whole);
    assert_int_equal(whole, -2);
    double precise;
    value_store(&(struct value_kind){ TYPE_DOUBLE, OP_AVG, 3 }, 1, 3, &precise);
    assert_true(precise == 1.0 / 3);
}

/* E4M3 1|4|3, bias 7; E5M2 1|5|2, bias 15. */
static void test_bits_of_8_bit_floats(void **state)
{
    (void)state;
    static const struct { int64_t value; uint8_t e4m3, e5m2; } rows[] = {
        { 0, 0x00, 0x00 }, { 1, 0x38, 0x3C }, { -2, 0xC0, 0xC0 }, { 7, 0x4E, 0x47 }, { 16, 0x58, 0x4C }, { -32, 0xE0, 0xD0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bits;
        value_store(&(struct value_kind){ TYPE_FLOAT8E4M3, OP_SUM, 2 }, rows[i].value, 1, &bits);
        assert_int_equal(bits, rows[i].e4m3);
        assert_true(value_load(TYPE_FLOAT8E4M3, &bits) == (double)rows[i].value);
        value_store(&(struct value_kind){ TYPE_FLOAT8E5M2, OP_SUM, 2 }, rows[i].value, 1, &bits);
        assert_int_equal(bits, rows[i].e5m2);
    }
    uint8_t bits = 0xFD;
    assert_true(isnan(value_load(TYPE_FLOAT8E5M2, &bits)));
    assert_true(value_load(TYPE_FLOAT8E4M3, &bits) == -416);
    /* 1/3 is 1.33 * 2^-2: 1.375 or 1.25 of it; 1/1000 is 0.512 of the smallest E4M3, 2^-9. */
    value_store(&(struct value_kind){ TYPE_FLOAT8E4M3, OP_AVG, 3 }, 1, 3, &bits);
    assert_int_equal(bits, 0x2B);
    value_store(&(struct value_kind){ TYPE_FLOAT8E5M2, OP_AVG, 3 }, 1, 3, &bits);
    assert_int_equal(bits, 0x35);
    value_store(&(struct value_kind){ TYPE_FLOAT8E4M3, OP_AVG, 1000 }, 1, 1000, &bits);
    assert_int_equal(bits, 0x01);
}

/* A whole number that a type with so many significant bits holds. */
static bool is_exact(int64_t v, int significant)
{
    int64_t magnitude = llabs(v);
    while (magnitude > 0 && magnitude % 2 == 0)
        magnitude /= 2;
    return magnitude < (int64_t)1 << significant;
}

/* Any subset of the ranks adds up to no more than this, and 2^significant itself is exact. */
static void test_partial_results_fit_8_bit_floats(void **state)
{
    (void)state;
    static const struct { enum rb_type type; int significant; } rows[] = { { TYPE_FLOAT8E4M3, 4 }, { TYPE_FLOAT8E5M2, 3 } };
    static const int sizes[] = { 1, 2, 3, 8, 9, 16, 17, 33, 1000 };
    for (size_t t = 0; t < 2; t++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (int op = 0; op < OP_COUNT; op++)
                for (uint64_t i = 0; i < 300; i++) {
                    const struct value_kind k = { rows[t].type, (enum rb_op)op, sizes[s] };
                    int64_t most = 0, product = 1;
                    for (int r = 0; r < sizes[s]; r++) {
                        const int64_t v = value_input(&k, r, 1, i);
                        assert_true(is_exact(v, rows[t].significant));
                        most += llabs(v);
                        product *= op == OP_PROD ? v : 1;
                    }
                    assert_true(is_exact(product, rows[t].significant) && llabs(product) <= 64);
                    if (op == OP_SUM || op == OP_AVG)
                        assert_true(most <= 1 << rows[t].significant);
                }
}

/* Any order of combining must give the same number: partial results within what int8 and bfloat16 hold exactly. */
static void test_partial_results_are_exact(void **state)
{
    (void)state;
    static const int sizes[] = { 1, 2, 3, 8, 33, 127, 128, 1000 };
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int op = 0; op < OP_COUNT; op++)
            for (uint64_t i = 0; i < 300; i++) {
                const struct value_kind k = { TYPE_INT8, (enum rb_op)op, sizes[s] };
                int64_t most = 0, product = 1;
                for (int r = 0; r < sizes[s]; r++) {
                    const int64_t v = value_input(&k, r, 1, i);
                    most += llabs(v);
                    product *= op == OP_PROD ? llabs(v) : 1;
                    assert_true(llabs(v) <= 127);
                }
                if (op == OP_SUM || op == OP_AVG)
                    assert_true(most <= 127);
                assert_true(product <= 64);
            }
}

static void test_unsigned_types_get_no_sign(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++)
        for (uint64_t i = 0; i < 1000; i++)
            assert_true(value_input(&(struct value_kind){ TYPE_UINT8, (enum rb_op)op, 4 }, 2, 0, i) >= 0);
}

/* Sums that are everywhere the same would hide mistakes too. */
static void test_sums_of_many_ranks_differ(void **state)
{
    (void)state;
    static const struct value_kind kinds[] = { { TYPE_FLOAT, OP_SUM, 200 }, { TYPE_FLOAT8E4M3, OP_SUM, 20 }, { TYPE_FLOAT8E5M2, OP_SUM, 9 } };
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        int64_t before = 0;
        int changes = 0;
        for (uint64_t i = 0; i < 1000; i++) {
            int64_t sum = 0;
            for (int r = 0; r < kinds[k].nranks; r++)
                sum += value_input(&kinds[k], r, 0, i);
            changes += sum != before;
            before = sum;
        }
        assert_true(changes > 500);
    }
}

/* Data that do not differ between ranks, blocks and places would hide mistakes. */
static void test_values_differ(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        const struct value_kind k = { TYPE_FLOAT, (enum rb_op)op, 4 };
        int ranks = 0, blocks = 0, places = 0;
        for (uint64_t i = 0; i < 1000; i++) {
            const int64_t v = value_input(&k, 0, 0, i);
            ranks += value_input(&k, 1, 0, i) != v;
            blocks += value_input(&k, 0, 1, i) != v;
            places += value_input(&k, 0, 0, i + 16) != v;
        }
        assert_true(ranks > 200 && blocks > 200 && places > 200);
    }
}

static void test_period(void **state)
{
    (void)state;
    const struct value_kind k = { TYPE_FLOAT, OP_SUM, 2 };
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(value_input(&k, 1, 0, i), value_input(&k, 1, 0, i + VALUES_PERIOD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_of_narrow_types),
        cmocka_unit_test(test_means_are_divided_as_the_types_say),
        cmocka_unit_test(test_bits_of_8_bit_floats),
        cmocka_unit_test(test_partial_results_are_exact),
        cmocka_unit_test(test_partial_results_fit_8_bit_floats),
        cmocka_unit_test(test_unsigned_types_get_no_sign),
        cmocka_unit_test(test_values_differ),
        cmocka_unit_test(test_sums_of_many_ranks_differ),
        cmocka_unit_test(test_period),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
