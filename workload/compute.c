#include "workload/compute.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "workload/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const struct compute_ops compute_openblas, compute_busy, compute_cublas;

const struct compute_ops *const compute_backends[] = { &compute_openblas, &compute_busy, &compute_cublas };
const size_t compute_backend_count = RB_LEN(compute_backends);

/* Weights of one step of a small model: more than a second-level cache. A slice: long against a turn of a call, short against a step. */
enum { MEMORY = 64 << 20, UPDATE_SLICE = 64 << 10, COPY_SLICE = 512 << 10 };
static const double SLICE_SEC = 200e-6;

static const struct compute_ops *find(const char *name, const char **why_p)
{
    const struct compute_ops *found = NULL;
    *why_p = NULL;
    for (size_t i = 0; i < compute_backend_count && found == NULL; i++) {
        const char *why = NULL;
        const bool asked = strcmp(name, compute_backends[i]->name) == 0;
        if (!asked && strcmp(name, "auto") != 0)
            continue;
        if (compute_backends[i]->usable(&why))
            found = compute_backends[i];
        else
            *why_p = why;
    }
    return found;
}

static int refuse(const char *name, const char *why)
{
    const char *names[8];
    for (size_t i = 0; i < compute_backend_count; i++)
        names[i] = compute_backends[i]->name;
    const char *near = text_nearest(name, names, compute_backend_count);
    if (why != NULL)
        return rb_fail(RB_EUSAGE, "--compute %s: %s", name, why);
    return rb_fail(RB_EUSAGE, "--compute %s: no such back end; did you mean %s?", name, near != NULL ? near : "auto");
}

static void measure_rate(struct compute *c)
{
    const struct matmul g = { 256, 256, 256 };
    double best = INFINITY;
    for (int i = 0; i < 5; i++) {
        const double start = clock_sec();
        c->ops->gemm(c, &g, 0, g.n);
        best = fmin(best, clock_sec() - start);
    }
    c->flops = 2.0 * g.m * g.n * g.k / best;
}

int compute_open(struct compute *c, const char *name)
{
    *c = (struct compute){0};
    c->ops = find(name, &c->why);
    if (c->ops == NULL)
        return refuse(name, c->why);
    c->bytes = MEMORY;
    c->memory = rb_malloc(c->bytes);
    float *numbers = (float *)(void *)c->memory;
    for (size_t i = 0; i < c->bytes / sizeof *numbers; i++)
        numbers[i] = (float)(i % 7) * 0.125f;
    const int rc = c->ops->open(c);
    if (rc != RB_OK) {
        free(c->memory);
        return rc;
    }
    measure_rate(c);
    return RB_OK;
}

void compute_close(struct compute *c)
{
    if (c->ops != NULL)
        c->ops->close(c);
    free(c->memory);
    *c = (struct compute){0};
}

/* Columns in one slice: whole vectors, about SLICE_SEC of work. */
static int slice_columns(const struct compute *c, const struct matmul *g)
{
    const double column = 2.0 * g->m * g->k / c->flops;
    const double columns = SLICE_SEC / column;
    const int whole = columns > g->n ? g->n : (int)columns / 16 * 16;
    return whole < 16 ? 16 : whole;
}

int compute_gemm(struct compute *c, const struct matmul *g, compute_step *step, void *context)
{
    const double room = (double)g->m * g->k + (double)g->k * g->n + (double)g->m * g->n;
    if (room * MODEL_BYTES > (double)c->bytes)
        return rb_fail(RB_EUSAGE, "a product of %d x %d x %d does not fit in %zu MiB: take a larger --scale", g->m, g->n, g->k, c->bytes >> 20);
    const int most = slice_columns(c, g);
    for (int first = 0; first < g->n; first += most) {
        c->ops->gemm(c, g, first, g->n - first < most ? g->n - first : most);
        if (step != NULL)
            RB_TRY(step(context));
    }
    c->turn++;
    return RB_OK;
}

/* Adam (arXiv:1412.6980), the bias corrections folded into the rate. */
static void adam(float *restrict weights, const float *restrict gradients, float *restrict mean, float *restrict square, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float g = gradients[i];
        mean[i] = 0.9f * mean[i] + 0.1f * g;
        square[i] = 0.999f * square[i] + 0.001f * g * g;
        weights[i] -= 1e-6f * mean[i] / (__builtin_sqrtf(square[i]) + 1e-6f);
    }
}

int compute_update(struct compute *c, uint64_t elements, compute_step *step, void *context)
{
    const size_t quarter = c->bytes / 4 / sizeof(float);
    float *memory = (float *)(void *)c->memory;
    for (uint64_t done = 0; done < elements; done += UPDATE_SLICE) {
        const size_t at = (size_t)(done % (quarter - UPDATE_SLICE)), n = (size_t)(elements - done < UPDATE_SLICE ? elements - done : UPDATE_SLICE);
        adam(memory + at, memory + quarter + at, memory + 2 * quarter + at, memory + 3 * quarter + at, n);
        if (step != NULL)
            RB_TRY(step(context));
    }
    return RB_OK;
}

int compute_copy(struct compute *c, uint64_t bytes, compute_step *step, void *context)
{
    const size_t half = c->bytes / 2;
    for (uint64_t done = 0; done < bytes; done += COPY_SLICE) {
        const size_t at = (size_t)(done % (half - COPY_SLICE)), n = (size_t)(bytes - done < COPY_SLICE ? bytes - done : COPY_SLICE);
        memcpy(c->memory + half + at, c->memory + at, n);
        if (step != NULL)
            RB_TRY(step(context));
    }
    return RB_OK;
}
