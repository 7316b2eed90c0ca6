/* bench/environment.h - what a result depends on beside the settings: machine, kernel, versions, environment variables.
 *
 * Variables come from an allow-list; what looks like a secret is redacted even there. Reads /proc and /sys only. */
#ifndef RB_BENCH_ENVIRONMENT_H
#define RB_BENCH_ENVIRONMENT_H

#include <jansson.h>
#include <stdbool.h>

/* Kernel, processor, governor, frequency, huge pages, memory, load, compiler. A new reference. */
json_t *environment_machine(void);
/* The allowed variables that are set. A new reference. */
json_t *environment_variables(void);

bool environment_is_allowed(const char *name);
/* value, or "(redacted)" when the name or the value looks like a secret. */
const char *environment_redact(const char *name, const char *value);

/* Clock ticks of all processors since boot: all of them, and those that the hypervisor gave to others. False: not known. */
bool environment_steal(double *all_p, double *stolen_p);
/* Memory that can be had without swapping, bytes; 0: not known. */
double environment_free_bytes(void);
/* The processor's name, "" unknown. Static. */
const char *environment_processor(void);

#endif
