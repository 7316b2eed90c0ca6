/* Without a BLAS: the time that the products would take at this processor's plain rate is spent in a busy loop. */
#include "workload/compute.h"

#include "core/clock.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

struct busy {
    double flops;
};

static bool usable(const char **why_p)
{
    (void)why_p;
    return true;
}

/* A matrix product as the compiler makes it, everything in the first caches. */
static double plain_rate(const float *a, const float *b, float *c)
{
    enum { N = 64, TURNS = 20 };
    const double start = clock_sec();
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < N; i++)
            for (int k = 0; k < N; k++)
                for (int j = 0; j < N; j++)
                    c[i * N + j] += a[i * N + k] * b[k * N + j];
    return 2.0 * N * N * N * TURNS / (clock_sec() - start);
}

static int open_busy(struct compute *c)
{
    struct busy *b = rb_calloc(1, sizeof *b);
    float *memory = (float *)(void *)c->memory;
    b->flops = plain_rate(memory, memory + (1 << 20), memory + (2 << 20));
    c->state = b;
    return RB_OK;
}

static void close_busy(struct compute *c)
{
    free(c->state);
}

static void gemm(struct compute *c, const struct matmul *g, int first, int count)
{
    (void)first;
    const struct busy *b = c->state;
    const uint64_t end = clock_ns() + (uint64_t)(2e9 * g->m * count * g->k / b->flops);
    while (clock_ns() < end)
        cpu_pause();
}

const struct compute_ops compute_busy = {
    .name = "busy", .summary = "a busy loop as long as the products would take at the processor's plain rate", .usable = usable, .open = open_busy, .close = close_busy,
    .gemm = gemm,
};
