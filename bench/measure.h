/* bench/measure.h - times the subjects of a suite side by side at one size: verify, warm up, time, verify.
 *
 * A sample is one call (or -m calls, divided) on the rank that -a names, the slowest by default: from leaving a barrier to
 * the call's return; no barrier is inside. The subjects take turns in one loop, each call on the next place of the region, so
 * that sample i of each saw the same machine: ratios are of pairs. Statistics and the decision to stop are the same on all ranks.
 *
 * Units: seconds. Errors: RB_*, printed. All calls are collective. */
#ifndef RB_BENCH_MEASURE_H
#define RB_BENCH_MEASURE_H

#include "bench/buffers.h"
#include "bench/session.h"
#include "collectives/card.h"

struct trial {
    const struct subject *subject;
    const char *label;  /* "" comparable; else why it stays outside the ratio */
    const char *absent; /* why there is no result; NULL: there is one */
    struct comm *comm;
    struct operation *operation;         /* of ours */
    struct baseline_operation *baseline; /* of theirs */
    struct recording *recording;         /* with -G: the calls of a sample */
    double *samples;                     /* seconds, in order */
    size_t nsamples;
    int64_t wrong; /* -1: not checked */
    double mean_sec; /* from the warm-up, to plan with */
    int card_calls;  /* calls of this row alone that its packets were counted for; 0: its transport has no card */
    struct card_packets card;
};

enum unit_stop { STOP_PRECISE, STOP_BUDGET, STOP_FIXED };

/* One suite at one size in one placement. */
struct unit {
    const struct suite *suite;
    const struct size *size;
    bool in_place;
    int case_id; /* of its first subject */
    struct layout layout;
    struct trial *trials; /* suite->nsubjects of them */
    uint64_t aggregate;   /* calls in a sample */
    enum unit_stop stop;
    double copy_GBps;     /* the ceiling of a hop through memory at this size; NAN where hops do not go through memory */
    uint64_t refused;     /* rows whose bytes did not go through the card */
};

/* budget: seconds for all subjects together. On success the caller frees with unit_free(). */
int unit_measure(struct session *s, struct unit *u, double budget);
void unit_free(struct unit *u);

/* What two readings of the clock cost. */
double clock_cost(void);

#endif
