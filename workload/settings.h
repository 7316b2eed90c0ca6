/* workload/settings.h - what can be asked of the workloads: fields of the options of `ringbench run`. */
#ifndef RB_WORKLOAD_SETTINGS_H
#define RB_WORKLOAD_SETTINGS_H

#include "workload/parameter_server_settings.h"

#include <stdint.h>

struct workload_settings {
    const char *names; /* "ddp,zero3", or "all" */
    const char *model; /* of the presets */
    double scale;      /* 0: the smallest power of two that fits */
    const char *grid;  /* "2x2x2": tensor x pipeline x data, for 3d; NULL: from the ranks */
    uint64_t bucket_bytes, micro_batches, generated, batch;
    const char *compute; /* back end */
    const char *compute_type, *cublas; /* on GPUs: of the products; file, NULL: the system's */
    double budget;       /* seconds a workload */
    struct parameter_server_settings parameter_server;
};

/* Checks names, model and grid before anything is measured. */
int suite_check(const struct workload_settings *s);

#endif
