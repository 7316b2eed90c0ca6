/* workload/parameter_server_settings.h - what can be asked of the workload parameter-server; part of workload/settings.h. */
#ifndef RB_WORKLOAD_PARAMETER_SERVER_SETTINGS_H
#define RB_WORKLOAD_PARAMETER_SERVER_SETTINGS_H

#include <stdint.h>

struct parameter_server_settings {
    const char *staleness; /* "0,1,2,inf" */
    const char *servers;   /* "auto" (one), "all", or a list such as "1,2" */
    double compute_sec;    /* of an iteration */
    const char *compute_by; /* "clock" or "gemm"; NULL: clock */
    double slow_worker;    /* worker 0 takes so many times as long */
    uint64_t iterations;   /* of each worker; 0: as many as the budget holds */
    uint64_t min_bytes, max_bytes, step_factor; /* of the weights; 0: not given */
};

/* Checks what needs no ranks. RB_EUSAGE names what is wrong. */
int parameter_server_check(const struct parameter_server_settings *s);

#endif
