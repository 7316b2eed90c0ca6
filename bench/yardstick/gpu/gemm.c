#include "bench/yardstick/gpu/gemm.h"

#include "bench/yardstick/gpu/yard.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

struct gemm {
    struct cublas *cublas;
    void *a, *b, *c, *workspace;
};

static int open_memory(struct gemm *g, size_t most)
{
    const size_t bytes = most * sizeof(float);
    RB_TRY(yard_allocate(bytes, YARD_HERE, &g->a));
    RB_TRY(yard_allocate(bytes, YARD_HERE, &g->b));
    RB_TRY(yard_allocate(bytes, YARD_HERE, &g->c));
    return yard_allocate(CUBLAS_WORKSPACE, YARD_HERE, &g->workspace);
}

int gemm_open(struct gemm **gemm_p, size_t most)
{
    struct gemm *g = rb_calloc(1, sizeof *g);
    char why[256];
    int rc = RB_OK;
    if (!cublas_open(&g->cublas, NULL, why, sizeof why))
        rc = rb_fail(RB_ENOTIMPL, "%s: the rate of matrix products is not measured", why);
    if (rc == RB_OK)
        rc = open_memory(g, most);
    if (rc != RB_OK) {
        gemm_close(g);
        return rc;
    }
    *gemm_p = g;
    return RB_OK;
}

void gemm_close(struct gemm *g)
{
    cublas_close(g->cublas);
    free(g);
}

const char *gemm_version(const struct gemm *g)
{
    return cublas_version(g->cublas);
}

struct timed {
    const struct gemm *gemm;
    const struct cublas_product *product;
};

static int queue_product(void *context, void *stream)
{
    const struct timed *t = context;
    const struct gemm *g = t->gemm;
    return cublas_queue(t->product, &(struct cublas_operands){ g->a, g->b, g->c, g->workspace }, stream);
}

int gemm_rate(struct gemm *g, enum cublas_type type, const struct cublas_shape *shape, double *flops_p)
{
    struct cublas_product *product;
    const size_t m = (size_t)shape->m, n = (size_t)shape->n, k = (size_t)shape->k;
    double sec = 0;
    *flops_p = 0;
    RB_TRY(cublas_prepare(g->cublas, type, *shape, 0, &product));
    if (product == NULL)
        return RB_OK;
    int rc = yard_randomize(g->a, m * k * sizeof(float), type == CUBLAS_FP8);
    if (rc == RB_OK)
        rc = yard_randomize(g->b, k * n * sizeof(float), type == CUBLAS_FP8);
    if (rc == RB_OK)
        rc = yard_time(queue_product, &(struct timed){ g, product }, &sec);
    cublas_release(product);
    if (rc == RB_OK && sec > 0)
        *flops_p = 2.0 * (double)m * (double)n * (double)k / sec;
    return rc;
}
