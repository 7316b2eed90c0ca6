/* report/protocols.h - from records of several protocols side by side, the table of which is the fastest at what size: report/data/gpu_protocols.csv,
 * which collectives/device/protocols.h reads.
 *
 * Knows nothing of GPUs but their names in the records. Units: bytes. Errors: RB_*, printed. */
#ifndef RB_REPORT_PROTOCOLS_H
#define RB_REPORT_PROTOCOLS_H

#include "report/records.h"

void protocols_write_head(FILE *out);
/* Rows of one run, out of place all-reduces of ours, an algorithm after the other. RB_EUSAGE when the run names no GPU or holds one protocol only. */
int protocols_write(FILE *out, const struct records *r);

#endif
