/* report/html.h - small pieces of HTML, escaped. Knows nothing of records. */
#ifndef RB_REPORT_HTML_H
#define RB_REPORT_HTML_H

#include "core/text.h"

#include <stddef.h>

/* Escaped, for text and for attribute values in double quotes. Control characters but newline and tab are dropped. */
void html_text(struct text *out, const char *s);
/* <p>, with the formatted text escaped. */
void html_paragraph(struct text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A table that scrolls inside its box. Headings are separated by '|'; one that begins with '>' has numbers below it. */
void html_table_begin(struct text *out, const char *headings);
void html_table_end(struct text *out);
void html_row_begin(struct text *out);
void html_row_end(struct text *out);
void html_cell(struct text *out, const char *s);
void html_cell_format(struct text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Right-aligned, with so many significant digits; a dash when it is not finite. */
void html_cell_number(struct text *out, double v, int digits);
/* A whole number. */
void html_cell_count(struct text *out, double v);
/* "1.2 .. 1.4", a dash when not finite. */
void html_cell_interval(struct text *out, double low, double high, int digits);

void html_base64(struct text *out, const char *bytes, size_t length);
/* Number as text: significant digits, never an exponent below 1e6; the buffer is returned. */
enum { HTML_NUMBER = 40 };
const char *html_number(char buffer[HTML_NUMBER], double v, int digits);

#endif
