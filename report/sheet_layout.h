/* report/sheet_layout.h - private to sheet*.c: prints cells that are already text. */
#ifndef RB_REPORT_SHEET_LAYOUT_H
#define RB_REPORT_SHEET_LAYOUT_H

#include "report/sheet.h"

struct sheet_grid {
    const struct sheet_column *columns;
    size_t ncolumns;
    const bool *hidden; /* one a column */
    char **cells;       /* row by row, all columns */
    size_t nrows;
};

void sheet_grid_print(FILE *out, const struct sheet_grid *g, size_t width);

#endif
