/* collectives/async_bound.h - what a staleness bound k asks for, as pure arithmetic. It knows no ranks, time or connections.
 *
 * Iterations count from 0. A worker that begins iteration i under bound k has seen the pushes of every worker up to iteration
 * i-1-k: of each, at least i-k pushes. k = 0 is synchronous; k = ASYNC_UNBOUNDED asks for nothing.
 *
 * One step of the bound is the worker's own: it computes while the answer to its last push is under way. What is left is for the
 * others: an answer waits until nobody is further behind than that. (Bounded staleness: Ho et al., NIPS 2013, "More effective
 * distributed ML via a stale synchronous parallel parameter server".) */
#ifndef RB_COLLECTIVES_ASYNC_BOUND_H
#define RB_COLLECTIVES_ASYNC_BOUND_H

#include <stdbool.h>
#include <stdint.h>

#define ASYNC_UNBOUNDED UINT32_MAX

/* "0", "3", "inf". */
bool async_bound_parse(const char *text, uint32_t *staleness_p);
enum { ASYNC_BOUND_TEXT = 16 };
const char *async_bound_text(char buffer[ASYNC_BOUND_TEXT], uint32_t staleness);

/* Pushes of every worker that the weights of iteration `iteration` must contain. */
uint32_t async_bound_needs(uint32_t staleness, uint32_t iteration);
/* Pushes of every worker that the answer to push `iteration` must contain. */
uint32_t async_bound_answers(uint32_t staleness, uint32_t iteration);
/* The most pushes of any worker that there can be while another has made `own`. */
uint32_t async_bound_most(uint32_t staleness, uint32_t own);
/* The smallest of the counts, and whose it is. */
uint32_t async_bound_least(const uint32_t *pushes, int workers, int *worker_p);

#endif
