/* workload/parameter_server_virtual.h - the asynchronous parameter server in simulated time: the same rules, no ranks.
 *
 * One process plays all workers and one server, event by event. Computing takes a given time, longer or shorter by a random part that
 * the seed fixes; a message takes latency + bytes / rate and has the server's port to itself, one port each way. Events at the same
 * moment go by the rank. So a run with any bound is the same every time, and it says what the bound does, apart from what the
 * machine does. Left out against async_server.h: blocks (an answer is a whole), slots, and what messages cost the cores.
 *
 * Units seconds, bytes per second. */
#ifndef RB_WORKLOAD_PARAMETER_SERVER_VIRTUAL_H
#define RB_WORKLOAD_PARAMETER_SERVER_VIRTUAL_H

#include "collectives/async_server.h"
#include "workload/parameter_server_problem.h"

struct virtual_setup {
    const struct problem *problem; /* its workers; one of 0 dimensions is none */
    uint32_t staleness, iterations;
    double compute_sec;
    double jitter;      /* the random part: a share of compute_sec, both ways */
    int slow_worker;    /* -1: none */
    double slow_factor;
    double latency_sec, bytes_per_sec;
    uint64_t bytes;     /* of a push and of an answer */
    uint64_t seed;
};

struct virtual_result {
    double seconds;              /* to the last answer */
    double per_sec;              /* iterations of all workers, each by its own end */
    double waiting;              /* share of the workers' time */
    double loss;                 /* of the server's weights at the end, of the loss at the start */
    double target_sec;           /* when a worker first had weights of PROBLEM_TARGET; NAN: never */
    uint32_t target_iterations;  /* that this worker had done by then */
    uint64_t staleness[ASYNC_STALENESS_BINS];
    uint32_t stalest;
    double weights[PROBLEM_DIMENSIONS]; /* the server's at the end */
};

void virtual_run(const struct virtual_setup *setup, struct virtual_result *result_p);

#endif
