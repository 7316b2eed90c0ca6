/* workload/parameter_server_measure.h - runs the asynchronous parameter server between the ranks at hand and sums up what they saw.
 *
 * Workers compute for a given time: a loop that looks at the clock and lets messages move meanwhile, as beside a GPU that computes; or
 * products that take so long when nothing else goes on, and messages get a turn between slices of them.
 * The gradients are those of async_proof.h, or those of a real problem.
 *
 * Units seconds, bytes. Errors as async_run. All calls are collective. */
#ifndef RB_WORKLOAD_PARAMETER_SERVER_MEASURE_H
#define RB_WORKLOAD_PARAMETER_SERVER_MEASURE_H

#include "collectives/async_server.h"
#include "workload/compute.h"
#include "workload/parameter_server_problem.h"

struct server_case {
    int servers;
    uint64_t bytes; /* of the weights; rounded down to whole elements, at least one */
    uint32_t staleness, iterations;
    double compute_sec;
    double slow_factor; /* worker 0 takes so many times as long; 1: as the others */
    bool whole;         /* every element of every answer is compared */
    struct compute *compute;       /* does the products; NULL: by the clock */
    const struct problem *problem; /* NULL: integers that prove themselves */
};

/* Of all ranks; the same on each. */
struct server_outcome {
    struct server_case of;
    int workers;
    double seconds;       /* of the slowest */
    double per_sec;       /* iterations of all workers, each by its own end */
    double compute_sec;   /* of an iteration, mean */
    double roundtrip_sec; /* from the start of a push to the end of its answer, mean */
    double waiting;       /* share of the workers' time in which they do not compute */
    double server_bytes;  /* in and out of the busiest server */
    uint64_t answers, passed_over; /* pushes that were not answered by themselves: a newer one had come */
    uint64_t blocks_checked;
    uint64_t staleness[ASYNC_STALENESS_BINS];
    double mean_staleness;
    uint32_t stalest;
    double target_sec; /* problem: when a worker first had weights of PROBLEM_TARGET; NAN: never */
    uint32_t target_iterations;
    uint64_t digest;   /* problem: of the weights at the end, bit by bit; of one server problem_digest() */
};

int server_measure(struct job *job, struct comm *comm, const struct server_case *c, struct server_outcome *outcome_p);

#endif
