#include "workload/parameter_server_problem.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* In [-1, 1). */
static double uniform(uint64_t *state)
{
    return (double)(next_random(state) >> 11) * 0x1p-52 - 1;
}

static double dot(const double *a, const double *x)
{
    double sum = 0;
    for (int d = 0; d < PROBLEM_DIMENSIONS; d++)
        sum += a[d] * x[d];
    return sum;
}

static double squares(const struct problem *p, const double *x)
{
    double sum = 0;
    for (int r = 0; r < PROBLEM_ROWS; r++) {
        const double off = dot(p->a + (size_t)r * PROBLEM_DIMENSIONS, x) - p->b[r];
        sum += off * off;
    }
    return sum / (2 * PROBLEM_ROWS);
}

void problem_init(struct problem *p, int workers, uint64_t seed)
{
    uint64_t state = seed;
    double solution[PROBLEM_DIMENSIONS], zero[PROBLEM_DIMENSIONS] = {0};
    *p = (struct problem){ .workers = workers, .seed = seed };
    p->a = rb_malloc((size_t)PROBLEM_ROWS * PROBLEM_DIMENSIONS * sizeof *p->a);
    p->b = rb_malloc(PROBLEM_ROWS * sizeof *p->b);
    for (int d = 0; d < PROBLEM_DIMENSIONS; d++)
        solution[d] = uniform(&state);
    for (int r = 0; r < PROBLEM_ROWS; r++) {
        double *row = p->a + (size_t)r * PROBLEM_DIMENSIONS;
        for (int d = 0; d < PROBLEM_DIMENSIONS; d++)
            row[d] = uniform(&state) * (1 - 0.7 * d / PROBLEM_DIMENSIONS);
        p->b[r] = dot(row, solution);
    }
    p->initial = squares(p, zero);
}

void problem_free(struct problem *p)
{
    free(p->a);
    free(p->b);
}

void problem_push(const struct problem *p, int worker, uint32_t iteration, const double *x, double *push)
{
    const uint64_t part = (uint64_t)(PROBLEM_ROWS / p->workers);
    uint64_t state = p->seed ^ (((uint64_t)worker + 1) << 32 | iteration);
    double gradient[PROBLEM_DIMENSIONS] = {0};
    for (int i = 0; i < PROBLEM_BATCH; i++) {
        const uint64_t row = (uint64_t)worker * part + next_random(&state) % part;
        const double *a = p->a + row * PROBLEM_DIMENSIONS, off = dot(a, x) - p->b[row];
        for (int d = 0; d < PROBLEM_DIMENSIONS; d++)
            gradient[d] += off * a[d];
    }
    const double scale = -PROBLEM_RATE / (p->workers * PROBLEM_BATCH);
    for (int d = 0; d < PROBLEM_DIMENSIONS; d++)
        push[d] = scale * gradient[d];
}

double problem_loss(const struct problem *p, const double *x)
{
    return squares(p, x) / p->initial;
}

uint64_t problem_digest(uint64_t before, const double *x, uint64_t count)
{
    const unsigned char *bytes = (const unsigned char *)x;
    for (uint64_t i = 0; i < count * sizeof *x; i++)
        before = (before ^ bytes[i]) * UINT64_C(0x100000001b3);
    return before;
}
