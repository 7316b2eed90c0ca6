/* report/import_matrix.h - "   0 1 2" over "0 1.0 2.0 3.0": the matrices of nvbandwidth and p2pBandwidthLatencyTest. */
#ifndef RB_REPORT_IMPORT_MATRIX_H
#define RB_REPORT_IMPORT_MATRIX_H

#include "report/import_read.h"

/* The numbers of the columns, in ascending order from 0; 0 when the line is no heading. lead: the word in front of them, or "". */
size_t matrix_heading(const char *text, const char *lead);
/* A row "index v0 v1 ...": sets values[0..columns-1], NAN for N/A. False when the line is none. */
bool matrix_row(const char *text, size_t columns, size_t *index_p, double *values);

#endif
