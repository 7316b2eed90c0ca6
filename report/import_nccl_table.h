/* report/import_nccl_table.h - the heading and the rows of nccl-tests' table, any version: the heading names the columns. */
#ifndef RB_REPORT_IMPORT_NCCL_TABLE_H
#define RB_REPORT_IMPORT_NCCL_TABLE_H

#include "report/import_nccl.h"

enum { NCCL_MAX_COLUMNS = 40 };

enum nccl_column {
    COLUMN_OTHER, COLUMN_SIZE, COLUMN_COUNT, COLUMN_TYPE, COLUMN_OP, COLUMN_ROOT, COLUMN_TIME, COLUMN_ALGBW, COLUMN_BUSBW,
    COLUMN_WRONG, COLUMN_ERROR, COLUMN_MIN, COLUMN_P99, COLUMN_CV, COLUMN_STAMP /* two words */
};

struct nccl_columns {
    enum nccl_column kind[NCCL_MAX_COLUMNS];
    size_t n;        /* 0: no heading seen */
    double scale;    /* printed time to microseconds */
    bool has_counts;
};

/* False when the line is no heading. */
bool nccl_heading(const char *text, struct nccl_columns *columns);
/* The line of units below the heading: "(ms)" changes the scale. */
void nccl_units(const char *text, struct nccl_columns *columns);

/* Is this line a row of the table, as far as its first words tell? */
bool nccl_is_row(const struct nccl_columns *columns, const char *text);
/* Adds the row; else false and *why_p (static text). */
bool nccl_parse_row(const struct nccl_columns *columns, const struct import_line *line, struct nccl_run *run, const char **why_p);

#endif
