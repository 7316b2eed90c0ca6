/* Numbers with units: what is understood, what is refused, how they are printed. */
#include "core/error.h"
#include "core/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KI UINT64_C(1024)

static void bytes_are_understood(void **state)
{
    (void)state;
    static const struct { const char *text; uint64_t bytes; } rows[] = {
        { "0", 0 }, { "8", 8 }, { "8B", 8 }, { "8b", 8 }, { "1K", KI }, { "1k", KI }, { "1KB", KI }, { "4KiB", 4 * KI },
        { "4kib", 4 * KI }, { "1M", KI * KI }, { "1.5M", 3 * KI * KI / 2 }, { "128MiB", 128 * KI * KI }, { "1G", KI * KI * KI },
        { "2T", 2 * KI * KI * KI * KI }, { ".5K", 512 }, { "18446744073709551615", UINT64_MAX },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        uint64_t bytes = 77;
        if (!units_parse_bytes(rows[i].text, &bytes) || bytes != rows[i].bytes)
            fail_msg("'%s' -> %llu, expected %llu", rows[i].text, (unsigned long long)bytes, (unsigned long long)rows[i].bytes);
    }
}

static void bytes_that_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", " ", "3X", "-1", "+1", "K", ".", ".K", "1KK", "1KiBs", "1.2.3M", "1 K", " 1", "1K ", "0x10", "1e6", "nan", "inf",
        "18446744073709551616", "9999999999999999999999T", "8388608T", "1,5M", "00000000000000000000000000000000000000000000001",
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        uint64_t bytes = 77;
        if (units_parse_bytes(rows[i], &bytes))
            fail_msg("'%s' was taken for %llu", rows[i], (unsigned long long)bytes);
        assert_int_equal(bytes, 77); /* written only on success */
    }
}

static void counts(void **state)
{
    (void)state;
    static const char *const refused[] = { "", "-1", "+1", " 1", "1 ", "1.0", "1K", "0x1", "ten", "18446744073709551616" };
    uint64_t count = 77;
    assert_true(units_parse_count("0", &count));
    assert_int_equal(count, 0);
    assert_true(units_parse_count("18446744073709551615", &count));
    assert_true(count == UINT64_MAX);
    for (size_t i = 0; i < RB_LEN(refused); i++)
        if (units_parse_count(refused[i], &count))
            fail_msg("'%s' was taken for a count", refused[i]);
}

static void numbers(void **state)
{
    (void)state;
    static const struct { const char *text; double number; } rows[] = {
        { "0", 0 }, { "-1.5", -1.5 }, { "1e12", 1e12 }, { "+2", 2 }, { ".25", .25 }, { "1e-3", 1e-3 }, { "1e-400", 0 },
    };
    static const char *const refused[] = { "", "1x", "nan", "-inf", "infinity", "0x1p3", "1e400", "1,5", "--1", " 1", "e5" };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        double number = 77;
        if (!units_parse_number(rows[i].text, &number) || !(number - rows[i].number < 1e-300 && rows[i].number - number < 1e-300))
            fail_msg("'%s' -> %g, expected %g", rows[i].text, number, rows[i].number);
    }
    double number = 77;
    for (size_t i = 0; i < RB_LEN(refused); i++)
        if (units_parse_number(refused[i], &number))
            fail_msg("'%s' was taken for %g", refused[i], number);
}

static void seconds(void **state)
{
    (void)state;
    static const struct { const char *text; double micro; } rows[] = {
        { "90", 90e6 }, { "1.5s", 1.5e6 }, { "200ms", 200e3 }, { "10us", 10 }, { "2m", 120e6 }, { "2min", 120e6 }, { "1h", 3600e6 },
        { "0", 0 }, { "1e-3", 1e3 },
    };
    static const char *const refused[] = { "", "s", "-1", "1d", "1 s", "1e400", "nan", "1ss", "1.2.3", "0x1" };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        double value = 77;
        assert_true(units_parse_seconds(rows[i].text, &value));
        assert_float_equal((float)(value * 1e6), (float)rows[i].micro, 1e-3);
    }
    double value = 77;
    for (size_t i = 0; i < RB_LEN(refused); i++)
        if (units_parse_seconds(refused[i], &value))
            fail_msg("'%s' was taken for %g s", refused[i], value);
}

static void sizes_as_text(void **state)
{
    (void)state;
    static const struct { uint64_t bytes; const char *text; } rows[] = {
        { 0, "0 B" }, { 12, "12 B" }, { 1023, "1023 B" }, { 4096, "4 KiB" }, { 3 * KI * KI / 2, "1.5 MiB" }, { KI * KI * KI, "1 GiB" },
        { UINT64_MAX, "1.638e+04 PiB" },
    };
    char buffer[UNITS_TEXT];
    for (size_t i = 0; i < RB_LEN(rows); i++)
        assert_string_equal(units_bytes(buffer, rows[i].bytes), rows[i].text);
}

static void times_as_text(void **state)
{
    (void)state;
    static const struct { double sec; const char *text; } rows[] = {
        { 0, "0 ns" }, { 850e-9, "850 ns" }, { 12.34e-6, "12.3 us" }, { 4.5e-3, "4.5 ms" }, { 2, "2 s" }, { 99.4, "99.4 s" },
        { 200, "3m20s" }, { 60 * 61, "61m00s" },
        /* Rounding never leaves 1000 of one unit or 60 s of a minute. */
        { 999.7e-9, "1 us" }, { 999.7e-6, "1 ms" }, { 0.9997, "1 s" }, { 119.7, "2m00s" },
    };
    char buffer[UNITS_TEXT];
    for (size_t i = 0; i < RB_LEN(rows); i++)
        assert_string_equal(units_seconds(buffer, rows[i].sec), rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_understood),
        cmocka_unit_test(bytes_that_are_refused),
        cmocka_unit_test(counts),
        cmocka_unit_test(numbers),
        cmocka_unit_test(seconds),
        cmocka_unit_test(sizes_as_text),
        cmocka_unit_test(times_as_text),
    };
    return cmocka_run_group_tests_name("core_units", tests, NULL, NULL);
}
