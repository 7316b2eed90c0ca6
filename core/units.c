#include "core/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool units_parse_number(const char *text, double *number_p)
{
    if (text[0] == '\0' || isspace((unsigned char)text[0]) || strpbrk(text, "xXnN") != NULL)
        return false; /* no hexadecimal, nan or inf */
    char *end;
    errno = 0;
    const double v = strtod(text, &end);
    if (*end != '\0' || end == text || !isfinite(v) || (errno == ERANGE && fabs(v) > 1))
        return false;
    *number_p = v;
    return true;
}

bool units_parse_count(const char *text, uint64_t *count_p)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end;
    errno = 0;
    const unsigned long long v = strtoull(text, &end, 10);
    if (*end != '\0' || errno == ERANGE)
        return false;
    *count_p = v;
    return true;
}

/* 0 when the suffix is none of "", B, K, KB, KiB, M, ... */
static double scale_of(const char *suffix)
{
    static const char letters[] = "KMGT";
    if (suffix[0] == '\0' || strcasecmp(suffix, "B") == 0)
        return 1;
    const char *at = strchr(letters, toupper((unsigned char)suffix[0]));
    if (at == NULL)
        return 0;
    const char *rest = suffix + 1;
    if (rest[0] != '\0' && strcasecmp(rest, "B") != 0 && strcasecmp(rest, "iB") != 0)
        return 0;
    return pow(1024, (double)(at - letters + 1));
}

bool units_parse_bytes(const char *text, uint64_t *bytes_p)
{
    const size_t digits = strspn(text, "0123456789.");
    if (digits == 0 || digits > 40)
        return false;
    const double scale = scale_of(text + digits);
    if (scale == 0)
        return false;
    char number[48];
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (scale == 1 && strchr(number, '.') == NULL)
        return units_parse_count(number, bytes_p);
    double v;
    if (!units_parse_number(number, &v) || v * scale >= 0x1p63)
        return false;
    *bytes_p = (uint64_t)(v * scale);
    return true;
}

bool units_parse_seconds(const char *text, double *seconds_p)
{
    static const struct { const char *suffix; double scale; } rows[] = {
        { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "m", 60 }, { "min", 60 }, { "h", 3600 },
    };
    const size_t digits = strspn(text, "0123456789.eE+-");
    char number[48];
    if (digits == 0 || digits >= sizeof number)
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    double v;
    if (!units_parse_number(number, &v) || v < 0)
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(text + digits, rows[i].suffix) == 0) {
            *seconds_p = v * rows[i].scale;
            return true;
        }
    return false;
}

const char *units_bytes(char buffer[UNITS_TEXT], uint64_t bytes)
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    double v = (double)bytes;
    size_t i = 0;
    for (; v >= 1024 && i + 1 < sizeof names / sizeof names[0]; i++)
        v /= 1024;
    snprintf(buffer, UNITS_TEXT, "%.4g %s", v, names[i]);
    return buffer;
}

const char *units_seconds(char buffer[UNITS_TEXT], double seconds)
{
    /* The borders are those of the rounded text: 999.7 us is "1 ms", not "1e+03 us". */
    if (seconds < 999.5e-9)
        snprintf(buffer, UNITS_TEXT, "%.0f ns", seconds * 1e9);
    else if (seconds < 999.5e-6)
        snprintf(buffer, UNITS_TEXT, "%.3g us", seconds * 1e6);
    else if (seconds < 999.5e-3)
        snprintf(buffer, UNITS_TEXT, "%.3g ms", seconds * 1e3);
    else if (seconds < 99.95)
        snprintf(buffer, UNITS_TEXT, "%.3g s", seconds);
    else
        snprintf(buffer, UNITS_TEXT, "%.0fm%02.0fs", floor(round(seconds) / 60), fmod(round(seconds), 60));
    return buffer;
}
