/* core/units.h - numbers with units, in and out.
 *
 * Sizes given by the user are bytes; K, M, G, T are powers of 1024, an optional "B" or "iB" may follow (as in nccl-tests).
 * Bandwidths are printed in GB/s = 1e9 bytes per second, one direction unless a name says otherwise.
 *
 * Errors: the parsers return false on junk, sign, overflow or trailing characters; the caller names the option. */
#ifndef RB_CORE_UNITS_H
#define RB_CORE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool units_parse_bytes(const char *text, uint64_t *bytes_p);
bool units_parse_count(const char *text, uint64_t *count_p);
/* Finite, whole string, any sign. Accepts 1e12. */
bool units_parse_number(const char *text, double *number_p);
/* Seconds: "90", "1.5s", "200ms", "10us", "2m", "1h". Not negative. */
bool units_parse_seconds(const char *text, double *seconds_p);

/* "4 KiB", "1.5 MiB", "12 B"; the buffer is returned. */
enum { UNITS_TEXT = 32 };
const char *units_bytes(char buffer[UNITS_TEXT], uint64_t bytes);
/* "850 ns", "12.3 us", "4.5 ms", "2.0 s", "3m20s". */
const char *units_seconds(char buffer[UNITS_TEXT], double seconds);

#endif
