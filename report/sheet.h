/* report/sheet.h - one table of results, printed for people (table), for spreadsheets (csv) and for programs (json).
 *
 * It knows nothing of what the figures mean. The columns are a static array; a column's name is its CSV header and JSON
 * key, title and unit are what a person reads. Columns without a title are left out of the table for people.
 *
 * Numbers  NAN is "not available": "-" in the table, empty in CSV, null in JSON. The table rounds to four significant digits,
 *          CSV and JSON keep all of them. A weak number (one doubtful source) carries a "?" in the table, and its column's name
 *          is listed under "weak" in CSV and JSON.
 * Ownership the sheet copies texts; sheet_free() frees all. */
#ifndef RB_REPORT_SHEET_H
#define RB_REPORT_SHEET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum sheet_kind {
    SHEET_TEXT,
    SHEET_NUMBER,
    SHEET_SHOWN, /* text made for the table only: neither in CSV nor in JSON */
    SHEET_WRAP,  /* text that may fill several lines; the last column with a title */
};

struct sheet_column {
    const char *name;  /* CSV header, JSON key */
    const char *title; /* NULL: not in the table for people */
    const char *unit;  /* second line of the heading; NULL: none */
    enum sheet_kind kind;
};

struct sheet;

/* columns is borrowed for the sheet's life. */
struct sheet *sheet_new(const struct sheet_column *columns, size_t ncolumns);
void sheet_free(struct sheet *s);

/* Begins a row; all its cells are empty or not available. */
void sheet_row(struct sheet *s);
/* Fill cells of the row last begun. An unknown column name is a bug (assert). */
void sheet_text(struct sheet *s, const char *column, const char *format, ...) __attribute__((format(printf, 3, 4)));
void sheet_number(struct sheet *s, const char *column, double value);
void sheet_weak(struct sheet *s, const char *column, double value, bool weak);
/* Drops the titles of columns that no row has filled (table only). */
void sheet_hide_empty(struct sheet *s);

size_t sheet_rows(const struct sheet *s);
size_t sheet_columns(const struct sheet *s);
/* NULL when the table for people leaves it out. */
const struct sheet_column *sheet_column_shown(const struct sheet *s, size_t column);
/* The cell as the table shows it; the caller frees. */
char *sheet_cell(const struct sheet *s, size_t row, const char *column);
/* The number of a cell, NAN when there is none. */
double sheet_value(const struct sheet *s, size_t row, const char *column);

/* width 0: the terminal's, 100 when there is none. */
void sheet_print_table(const struct sheet *s, FILE *out, size_t width);
void sheet_print_csv(const struct sheet *s, FILE *out);
json_t *sheet_json(const struct sheet *s); /* an array of objects; a new reference */

/* Values of --format. */
extern const char *const sheet_formats[];
/* csv: the sheet alone. json: {"schema":1, "kind":kind, "rows":[...]} plus the members of extra (borrowed, may be NULL). table:
 * the sheet alone; headings and notes around it are the command's. */
void sheet_print(const struct sheet *s, const char *format, const char *kind, const json_t *extra);

/* Four significant digits, no exponent between 1e-4 and 1e15, no trailing zeros. */
enum { SHEET_NUMBER_TEXT = 40 };
const char *sheet_number_text(char buffer[SHEET_NUMBER_TEXT], double value);
/* Paragraph, broken at blanks to the width; the first line begins with indent, the others as far in. */
void sheet_print_paragraph(FILE *out, const char *indent, const char *text, size_t width);
/* The width that tables are printed in: the terminal's, 100 when there is none. */
size_t sheet_width(void);

#endif
