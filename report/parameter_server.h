/* report/parameter_server.h - the record of the workload parameter-server, as plots and the page read it. Borrows the records. */
#ifndef RB_REPORT_PARAMETER_SERVER_H
#define RB_REPORT_PARAMETER_SERVER_H

#include "report/records.h"

/* The last one; NULL without. */
const json_t *parameter_server_record(const struct records *r);
/* A number of an object by its key, NAN when it has none; "simulated.target_sec" looks inside. */
double parameter_server_number(const json_t *object, const char *key);
/* Where a staleness bound stands on an axis: its place in the list, the same for the same text. */
enum { PARAMETER_SERVER_BOUNDS = 16 };
size_t parameter_server_bounds(const json_t *list, const char *bounds[PARAMETER_SERVER_BOUNDS]);

#endif
