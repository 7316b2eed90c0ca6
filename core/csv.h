/* core/csv.h - read and write comma-separated tables (RFC 4180 quoting; lines that begin with # are comments).
 *
 * Errors: RB_EUSAGE with "file:line:column: what, what would be right". Column is the field number, from 1.
 * Ownership: a table owns its cells until csv_free(). */
#ifndef RB_CORE_CSV_H
#define RB_CORE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct csv_row {
    size_t line; /* where the row begins in the file, from 1 */
    char **cells; /* ncolumns of them; never NULL, "" when empty */
};

struct csv {
    char *path; /* for messages */
    size_t ncolumns;
    char **names; /* header cells */
    size_t nrows;
    struct csv_row *rows;
};

/* The first line that is no comment is the header; every row must have as many cells. */
int csv_read(struct csv *csv, const char *path);
/* The same from memory; path is only for messages. */
int csv_parse(struct csv *csv, const char *path, const char *text, size_t length);
void csv_free(struct csv *csv);

/* Column of a header name, or -1. */
int csv_column(const struct csv *csv, const char *name);
/* RB_EUSAGE, naming the file and the column, when it is missing. */
int csv_need_column(const struct csv *csv, const char *name, size_t *column_p);
/* "path:line:column: message" and RB_EUSAGE; column counts from 0 here, as in cells[]. */
int csv_fail(const struct csv *csv, const struct csv_row *row, size_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Writes one cell, quoted when it must be. */
void csv_put(FILE *out, const char *cell);

#endif
