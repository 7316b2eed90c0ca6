/* report/report_limits.h - the TP limits that a report shows: defaults of `ringbench limits`, the user's catalogue, the records of
 * this report beside the published ones. Private to report.c. */
#ifndef RB_REPORT_REPORT_LIMITS_H
#define RB_REPORT_REPORT_LIMITS_H

#include "report/limits.h"

struct report_limits {
    struct limit_settings settings;
    struct catalogue catalogue;
    struct limits limits;
};

/* RB_EUSAGE: printed. catalogue: the user's file, or NULL. The records are borrowed for the call. */
int report_limits_make(struct report_limits *l, const struct records *own, const char *catalogue);
void report_limits_free(struct report_limits *l);

#endif
