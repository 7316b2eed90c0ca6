/* collectives/async_proof.h - gradients that tell, when summed, which of them are in the sum.
 *
 * Push i of worker w adds a(w) * (i + 1) + e to element e, in uint32 that wraps; a(w) is odd and drawn from a seed. So the weights
 * after n(w) pushes of every worker are sum over w of a(w) * n(w) (n(w) + 1) / 2 + e * n(w): the data show what the counts beside them
 * promise. A push that is lost, counted twice or taken for another shows.
 */
#ifndef RB_COLLECTIVES_ASYNC_PROOF_H
#define RB_COLLECTIVES_ASYNC_PROOF_H

#include "collectives/async_server.h"

struct async_proof {
    uint32_t seed;
    int self;   /* this rank */
    bool whole; /* compare every element; else a few of each block, others each time */
    uint32_t turn;
};

void async_proof_gradient(const struct async_proof *p, uint32_t iteration, uint64_t count, uint32_t *gradient);
/* False, and why: element, found and promised. */
bool async_proof_check(struct async_proof *p, const struct async_block *b, char why[ASYNC_WHY]);

#endif
