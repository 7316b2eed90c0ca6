/* workload/parameter_server.h - inside of parameter_server*.c: what the workload found, for its table and its record. */
#ifndef RB_WORKLOAD_PARAMETER_SERVER_H
#define RB_WORKLOAD_PARAMETER_SERVER_H

#include "workload/parameter_server_measure.h"
#include "workload/parameter_server_servers.h"
#include "workload/parameter_server_settings.h"
#include "workload/parameter_server_virtual.h"

#include <jansson.h>
#include <stdio.h>

/* The simulated runs: a network whose round trip is as long as the usual millisecond of computing. */
#define SIMULATED_LATENCY 500e-6
#define SIMULATED_RATE 1e9
#define SIMULATED_JITTER 0.2
enum { SOLVE_ITERATIONS = 200, SOLVE_SEED = 1 };

/* The problem at one bound: between the ranks, and in simulated time. */
struct solved {
    struct server_outcome live;
    struct virtual_result simulated;
};

/* out NULL: prints nothing. Every line begins with #. */
void parameter_server_print_head(FILE *out, const struct parameter_server_settings *s, int workers, int servers);
void parameter_server_print(FILE *out, const struct server_outcome *o, double predicted_per_sec);
void parameter_server_print_solved(FILE *out, const struct solved *list, size_t n);
void parameter_server_print_servers(FILE *out, const struct servers_study *s);

/* Objects of the record; new references. */
json_t *parameter_server_json(const struct server_outcome *o, double predicted_per_sec);
json_t *parameter_server_solved_json(const struct solved *s);
json_t *parameter_server_servers_json(const struct servers_study *s);

#endif
