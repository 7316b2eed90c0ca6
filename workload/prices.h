/* workload/prices.h - what the parts of a program cost: measured by themselves, before any program is played.
 *
 * Products   each shape alone, all ranks at once, slowest rank, median. Once before the steps, then once between every two of them, so that
 *            a processor whose speed wanders is priced over the same time as it is measured.
 * Updates, copies   per element, per byte, the same way.
 * Calls      time against bytes: the run's own fit where it has that collective over all ranks, else seven sizes measured here (all
 *            groups of the axis at once) and fitted like any other curve (report/fit.h).
 * Core share how much of a call's time needs the core that computes: 1 on a host whose ranks move their bytes themselves, 0 where
 *            something else does. Measured: a call beside a product, against each alone.
 *
 * Units seconds, bytes. Errors RB_*. Measuring is collective. */
#ifndef RB_WORKLOAD_PRICES_H
#define RB_WORKLOAD_PRICES_H

#include "report/fit.h"
#include "workload/compute.h"
#include "workload/groups.h"

enum { PRICE_SIZES = 7, PRICE_TURNS = 200 };

/* Seconds of one piece of work. */
struct price_work {
    double sec;
    double turns[PRICE_TURNS]; /* between the steps */
    size_t nturns;
};

struct price_gemm {
    struct matmul gemm;
    struct price_work work;
};

/* Of one collective in groups of so many ranks, so many groups at once. */
struct price_call {
    const struct algorithm *algorithm; /* hand-overs: the one to the next stands for both */
    int ranks, groups;
    double to_bytes; /* of a block */
    double bytes[PRICE_SIZES], sec[PRICE_SIZES];
    struct fit fit;        /* of those */
    bool from_run;         /* the run has fitted it: */
    const struct fit *run; /* borrowed; only rank 0 has it, the others' prices are NAN */
    double wire;           /* it counts bytes on the wire: so many for a byte of a block */
};

struct prices {
    struct price_gemm *gemms;
    size_t ngemms;
    struct price_call *calls;
    size_t ncalls;
    struct price_work update, copy; /* of an element, of a byte; 0: not measured yet */
    int element_bytes;           /* of what calls move; 0: MODEL_BYTES */
    double core_share;           /* NAN: not measured yet */
};

/* Measures what these programs compute, and adds the calls that are not there yet. fits: the run's, or NULL. */
int prices_measure(struct prices *p, const struct program *programs, struct groups *g, struct compute *c, const struct fits *fits);
/* Once more everything that these programs compute, between two steps; and the medians of all such turns. */
int prices_turn(struct prices *p, struct groups *g, struct compute *c);
void prices_settle(struct prices *p);
void prices_free(struct prices *p);

double price_of_gemm(const struct prices *p, const struct matmul *g);
/* One call of `count` elements a block. */
double price_of_call(const struct prices *p, const struct grid *grid, const struct program_call *c, uint64_t count);

#endif
