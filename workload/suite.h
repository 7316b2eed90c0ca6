/* workload/suite.h - plans, predicts and measures workloads between the ranks of a job, one after the other.
 *
 * A step is measured in the modes of play.h, in turns, so that each part was measured on the same machine as the whole; a sample is
 * that of the slowest rank. Derived, alike from prediction and measurement:
 *     compute   nobody waits for anybody
 *     waiting   with calls of one element, less compute: bubbles, start-up times
 *     exposed   the whole step, less both: what moving data adds
 *     hidden    the calls alone, less exposed
 * Noise that would make one of them negative is taken from its neighbour.
 * The error of a step is the sum of three: that of compute, of the calls alone, and of how both overlap.
 *
 * Units seconds, bytes. Errors RB_*; RB_EDATA when a result was wrong. All calls are collective. */
#ifndef RB_WORKLOAD_SUITE_H
#define RB_WORKLOAD_SUITE_H

#include "collectives/baseline/baseline.h"
#include "workload/gpu_products.h"
#include "workload/play.h"
#include "workload/prices.h"
#include "workload/settings.h"
#include "workload/traffic.h"
#include "workload/workload.h"

#include <jansson.h>
#include <stdio.h>

enum { SUITE_SAMPLES = 200, SUITE_FEWEST = 5, SUITE_PATIENCE = 4 }; /* the fewest are waited for up to so many budgets */
#define SUITE_TOLERANCE 0.10 /* a prediction that errs by more is explained */

/* What the links pretend to be; GBps 0: what they are. */
struct suite_links {
    double GBps, latency_sec;
    char gpu[48]; /* of whose links that is a scaled copy; "": a plain rate */
    double model_GBps, model_flops, scale;
};

/* Another maker of calls, on GPUs: a baseline that is open, or why there is none. */
struct suite_rival {
    const char *name;
    struct baseline *open; /* NULL: absent says why */
    const char *absent;
};

enum { SUITE_RIVALS = 8 };

struct workload_suite {
    struct workload_settings settings;
    struct job *job;
    struct comm *all;
    struct comm_config config; /* of `all`, for further communicators */
    const struct fits *fits;   /* of the same run; NULL: none */
    FILE *out;                 /* rank 0: where the table goes; NULL: nowhere */
    int (*record)(void *context, const json_t *object); /* rank 0: one for each workload */
    void *context;
    struct suite_links links;
    struct suite_rival rivals[SUITE_RIVALS];
    size_t nrivals;

    struct compute compute; /* filled by suite_run */
    struct gpu_products *products; /* on GPUs */
    char numbers[200];      /* what they are, and who multiplies them */
    struct prices prices;
    struct workload_setup setup;
};

struct workload_result {
    const struct workload *workload;
    char variant[32]; /* "bucket 1 MiB"; "" as asked for */
    struct grid grid;
    struct workload_traffic traffic;
    double formula; /* bytes; NAN: none */
    double predicted[PLAY_MODES], measured[PLAY_MODES];
    double samples[SUITE_SAMPLES]; /* of the whole step */
    size_t nsamples;
    uint64_t wrong;  /* elements of all ranks */
    uint64_t rivals_wrong; /* where others made the calls */
    const char *skipped; /* why it was not run; NULL: it was */
    json_t *more;    /* of a workload that runs itself, or on GPUs: added to its record; NULL */
    char note[4000]; /* whole lines to print below its own; "" */
};

/* The errors' parts, seconds, predicted less measured. */
struct workload_error {
    double relative; /* of the step */
    double compute, calls, overlap;
    const char *worst; /* "compute", "communication", "overlap" */
};
struct workload_error result_error(const struct workload_result *r);

/* The first three add up to the step. */
struct workload_parts {
    double compute, waiting, exposed, hidden;
};
struct workload_parts parts_of(const double sec[PLAY_MODES]);

/* All workloads that are asked for. */
int suite_run(struct workload_suite *s);

/* The record of a result; a new reference. */
json_t *modes_json(const double sec[PLAY_MODES]); /* a new reference */
json_t *result_json(const struct workload_suite *s, const struct workload_result *r);
/* Adds to the note. */
void result_note(struct workload_result *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* suite_print.c */
void suite_print_head(const struct workload_suite *s);
void suite_print_result(const struct workload_suite *s, const struct workload_result *r);
void suite_print_end(const struct workload_suite *s, const double *errors, size_t n);

#endif
