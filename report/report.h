/* report/report.h - everything that is made from results.jsonl: results.csv, fits.jsonl, plots/, report.html.
 *
 * Offline, without MPI or hardware; the folder may be the one that results.jsonl lies in, which is never written to.
 *
 * Errors RB_EUSAGE when the records or the folder cannot be used; a plot or section without data is no error. */
#ifndef RB_REPORT_REPORT_H
#define RB_REPORT_REPORT_H

#include "report/records.h"

/* Makes the folder when it is missing. catalogue: the user's GPU catalogue, or NULL. */
int report_write(const struct records *r, const char *output, const char *catalogue);

/* `ringbench report FILE [--output DIR] [--catalogue FILE]`; returns the exit code. */
int report_command(int argc, char **argv);

#endif
