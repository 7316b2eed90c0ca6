/* report/workloads.h - the records of kind "workload", as the page and the plots read them.
 *
 * Only what was planned, predicted and measured as a program has both parts; others (a parameter server) have their own members. */
#ifndef RB_REPORT_WORKLOADS_H
#define RB_REPORT_WORKLOADS_H

#include <jansson.h>
#include <stdbool.h>

/* Has a measured and a predicted step. */
bool workload_is_measured(const json_t *w);
const char *workload_name(const json_t *w);
/* "ddp, bucket 1 MiB": letters, digits and a few signs only; the buffer is returned. */
enum { WORKLOAD_LABEL = 80 };
const char *workload_label(char label[WORKLOAD_LABEL], const json_t *w);
/* w[part][key], or w[key] when part is NULL; NAN when it is not there. */
double workload_number(const json_t *w, const char *part, const char *key);
const char *workload_text(const json_t *w, const char *part, const char *key);

#endif
