/* report/limits_sources.h - records for the measured limit: the published ones that are shipped, or the user's file. */
#ifndef RB_REPORT_LIMITS_SOURCES_H
#define RB_REPORT_LIMITS_SOURCES_H

#include "report/import.h"

struct limit_sources {
    struct import published;
    struct records own;
    const struct records *records; /* NULL: none */
};

/* path "": what is published. A results.jsonl (own or imported), or a log that `ringbench import` reads. */
int limit_sources_open(struct limit_sources *s, const char *path);
void limit_sources_close(struct limit_sources *s);

/* For options_echo(): adds name and value to a JSON object. */
void limits_echo_json(void *object, const char *name, const char *value);

#endif
