/* topo/ring_order.h - the cycle through n points whose slowest hop is as fast as possible.
 *
 * Ties are broken by the larger sum over all hops, then by the lexicographically smaller order; the order begins with 0.
 * Exact up to RING_EXACT points: binary search over the slowest hop, each threshold decided by Held and Karp's dynamic
 * programme over subsets (J. SIAM 10(1), 1962). Beyond: greedy, then 2-opt. */
#ifndef RB_TOPO_RING_ORDER_H
#define RB_TOPO_RING_ORDER_H

enum { RING_EXACT = 16 };

/* bandwidth[i * n + j]: from i to j, in any unit, the two directions may differ; the diagonal is not read; what is not above 0
 * (or NAN) counts as 0. Values are compared in steps of a millionth. order has room for n, n >= 1. */
void ring_order(const double *bandwidth, int n, int *order);

/* The slowest hop of a cycle; INFINITY for one point. */
double ring_slowest(const double *bandwidth, int n, const int *order);

#endif
