/* workload/parameter_server_problem.h - a small real problem for the parameter server: least squares by stochastic gradient descent.
 *
 * Minimise f(x) = |A x - b|^2 / (2 rows). Workers hold equal parts of the rows and draw a batch of their own for every iteration; a
 * push is -rate / workers times the batch's gradient. b = A x* exactly, so that a fixed rate converges to the solution and not to a
 * cloud around it. Everything follows from the seed: uniform numbers, no libm.
 *
 * Ownership problem_free(). Threads: read only after problem_init(). */
#ifndef RB_WORKLOAD_PARAMETER_SERVER_PROBLEM_H
#define RB_WORKLOAD_PARAMETER_SERVER_PROBLEM_H

#include <stdint.h>

enum { PROBLEM_DIMENSIONS = 32, PROBLEM_ROWS = 32 * 64, PROBLEM_BATCH = 16 };
#define PROBLEM_RATE 1.8     /* near the largest that converges when every push comes two iterations late: staleness shows */
#define PROBLEM_TARGET 1e-3 /* of the loss at the start */

struct problem {
    int workers;
    uint64_t seed;
    double *a;              /* [rows][dimensions] */
    double *b;              /* [rows] */
    double initial;         /* loss of x = 0 */
};

void problem_init(struct problem *p, int workers, uint64_t seed);
void problem_free(struct problem *p);
/* What a worker adds to x after an iteration. */
void problem_push(const struct problem *p, int worker, uint32_t iteration, const double *x, double *push);
/* Of so many numbers, bit by bit, on top of that of the ones before (FNV-1a). */
#define PROBLEM_DIGEST UINT64_C(0xcbf29ce484222325)
uint64_t problem_digest(uint64_t before, const double *x, uint64_t count);
/* f(x) / f(0). */
double problem_loss(const struct problem *p, const double *x);

#endif
