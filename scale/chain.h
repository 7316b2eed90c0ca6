/* scale/chain.h - rings on links that are not alike: no events, a recurrence.
 *
 * Applies where every rank does what its neighbour does, on one lane, hands on to one peer what it gets from another, and every pair that
 * talks has its links to itself. Then message k of rank r leaves the wire at
 *     sent(r, k) = max(sent(p, k - 1) + latency(p), sent(r, k - 1)) + bytes(k) / rate(r)        p: the rank that r receives from
 * which is what collectives/cost.h plays event by event (but for a grain of 16 bytes), in one addition a message: a ring of 16384 with one slow
 * part takes seconds. Arithmetic must be free, chunks whole.
 *
 * Units seconds, bytes. */
#ifndef RB_SCALE_CHAIN_H
#define RB_SCALE_CHAIN_H

#include "scale/fabric.h"

#define CHAIN_MOST_STEPS 2e9

struct chain {
    int nranks, nsteps, busiest; /* busiest: the slowest link */
    double bytes_of_rank;        /* each sends and receives so many */
    int *from;                   /* who a rank receives from */
    double *bytes;               /* of step k; 0: nothing is sent */
    bool *receives;
    double *pace, *latency; /* of a rank's message: seconds a byte, seconds */
};

/* False: the schedule or the network is not like that; nothing to free. The setup needs no network. */
bool chain_make(struct chain *c, const struct cost_setup *setup, const struct fabric *f);
void chain_free(struct chain *c);
void chain_run(const struct chain *c, struct cost_result *result_p);

#endif
