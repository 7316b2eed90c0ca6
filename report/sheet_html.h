/* report/sheet_html.h - a sheet as an HTML table: the columns that the table for people has. */
#ifndef RB_REPORT_SHEET_HTML_H
#define RB_REPORT_SHEET_HTML_H

#include "core/text.h"
#include "report/sheet.h"

void sheet_html(struct text *out, const struct sheet *s);

#endif
