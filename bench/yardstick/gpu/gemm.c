#include "bench/yardstick/gpu/gemm.h"

#include "bench/yardstick/gpu/yard.h"
#include "core/error.h"
#include "core/text.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const gemm_type_names[GEMM_TYPES] = { "bf16", "fp16", "tf32", "fp8" };

/* cudaDataType_t, cublasComputeType_t, cublasLtMatmulDescAttributes_t, cublasLtMatmulPreferenceAttributes_t */
enum { REAL_32F = 0, REAL_16F = 2, REAL_16BF = 14, REAL_8F_E4M3 = 28, COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77, TRANSPOSED = 1, DESC_TRANSA = 3,
       PREF_WORKSPACE = 1, ANY_ALGORITHM = -1 };
static const size_t workspace_bytes = (size_t)64 << 20;

/* cublasLtMatmulHeuristicResult_t */
struct heuristic {
    uint64_t algorithm[8];
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
};

struct library {
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    int (*get_version)(void *handle, int *version);
    int (*set_stream)(void *handle, void *stream);
    int (*product)(void *handle, int op_a, int op_b, int m, int n, int k, const void *alpha, const void *a, int a_type, int lda, const void *b,
                   int b_type, int ldb, const void *beta, void *c, int c_type, int ldc, int compute, int algorithm);
};

struct light {
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    int (*desc_create)(void **desc, int compute, int scale);
    int (*desc_set)(void *desc, int attribute, const void *value, size_t bytes);
    int (*layout_create)(void **layout, int type, uint64_t rows, uint64_t columns, int64_t lead);
    int (*preference_create)(void **preference);
    int (*preference_set)(void *preference, int attribute, const void *value, size_t bytes);
    int (*choose)(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int wanted, struct heuristic *found, int *found_p);
    int (*product)(void *handle, void *desc, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout, const void *beta,
                   const void *c, void *c_layout, void *d, void *d_layout, const void *algorithm, void *workspace, size_t bytes, void *stream);
};

struct gemm {
    struct library cublas;
    struct light light;
    bool has_light;
    void *handle, *light_handle;
    void *a, *b, *c, *workspace;
    char version[32];
};

static void *open_library(const char *name)
{
    static const char *const versions[] = { ".13", ".12", "" };
    char file[64];
    void *library = NULL;
    for (size_t i = 0; i < RB_LEN(versions) && library == NULL; i++) {
        snprintf(file, sizeof file, "%s.so%s", name, versions[i]);
        library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    }
    return library;
}

struct symbol {
    const char *name;
    size_t offset;
};

static bool find_all(void *library, const struct symbol *symbols, size_t count, void *calls)
{
    for (size_t i = 0; i < count; i++) {
        void *at = library != NULL ? dlsym(library, symbols[i].name) : NULL;
        if (at == NULL)
            return false;
        memcpy((char *)calls + symbols[i].offset, &at, sizeof at);
    }
    return true;
}

static bool find_library(struct gemm *g)
{
    static const struct symbol all[] = {
        { "cublasCreate_v2", offsetof(struct library, create) }, { "cublasDestroy_v2", offsetof(struct library, destroy) },
        { "cublasGetVersion_v2", offsetof(struct library, get_version) }, { "cublasSetStream_v2", offsetof(struct library, set_stream) },
        { "cublasGemmEx", offsetof(struct library, product) },
    };
    return find_all(open_library("libcublas"), all, RB_LEN(all), &g->cublas);
}

static bool find_light(struct gemm *g)
{
    static const struct symbol all[] = {
        { "cublasLtCreate", offsetof(struct light, create) }, { "cublasLtDestroy", offsetof(struct light, destroy) },
        { "cublasLtMatmulDescCreate", offsetof(struct light, desc_create) }, { "cublasLtMatmulDescSetAttribute", offsetof(struct light, desc_set) },
        { "cublasLtMatrixLayoutCreate", offsetof(struct light, layout_create) },
        { "cublasLtMatmulPreferenceCreate", offsetof(struct light, preference_create) },
        { "cublasLtMatmulPreferenceSetAttribute", offsetof(struct light, preference_set) },
        { "cublasLtMatmulAlgoGetHeuristic", offsetof(struct light, choose) }, { "cublasLtMatmul", offsetof(struct light, product) },
    };
    return find_all(open_library("libcublasLt"), all, RB_LEN(all), &g->light) && g->light.create(&g->light_handle) == 0;
}

static int open_memory(struct gemm *g, size_t most)
{
    const size_t bytes = most * sizeof(float);
    RB_TRY(yard_allocate(bytes, YARD_HERE, &g->a));
    RB_TRY(yard_allocate(bytes, YARD_HERE, &g->b));
    RB_TRY(yard_allocate(bytes, YARD_HERE, &g->c));
    return yard_allocate(workspace_bytes, YARD_HERE, &g->workspace);
}

int gemm_open(struct gemm **gemm_p, size_t most)
{
    struct gemm *g = rb_calloc(1, sizeof *g);
    int version = 0, rc = RB_OK;
    if (!find_library(g))
        rc = rb_fail(RB_ENOTIMPL, "no libcublas.so here (\"make cuda\" brings one): the rate of matrix products is not measured");
    else if (g->cublas.create(&g->handle) != 0)
        rc = rb_fail(RB_ENOTIMPL, "cuBLAS does not start on this GPU: the rate of matrix products is not measured");
    if (rc == RB_OK)
        rc = open_memory(g, most);
    if (rc != RB_OK) {
        gemm_close(g);
        return rc;
    }
    g->cublas.get_version(g->handle, &version);
    snprintf(g->version, sizeof g->version, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
    g->has_light = find_light(g);
    *gemm_p = g;
    return RB_OK;
}

void gemm_close(struct gemm *g)
{
    if (g->light_handle != NULL)
        g->light.destroy(g->light_handle);
    if (g->handle != NULL)
        g->cublas.destroy(g->handle);
    free(g);
}

const char *gemm_version(const struct gemm *g)
{
    return g->version;
}

struct product {
    struct gemm *gemm;
    enum gemm_type type;
    struct gemm_shape shape;
    void *desc, *a, *b, *c; /* cublasLt */
    struct heuristic found;
    bool refused;
};

static int queue_product(void *context, void *stream)
{
    static const int types[GEMM_TYPES] = { REAL_16BF, REAL_16F, REAL_32F };
    struct product *p = context;
    const struct gemm *g = p->gemm;
    const float one = 1, zero = 0;
    const int type = types[p->type], m = p->shape.m, n = p->shape.n, k = p->shape.k;
    g->cublas.set_stream(g->handle, stream);
    p->refused = g->cublas.product(g->handle, 0, 0, m, n, k, &one, g->a, type, m, g->b, type, k, &zero, g->c, type, m,
                                   p->type == GEMM_TF32 ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F, ANY_ALGORITHM) != 0;
    return RB_OK;
}

static int queue_fp8(void *context, void *stream)
{
    struct product *p = context;
    const struct gemm *g = p->gemm;
    const float one = 1, zero = 0;
    p->refused = g->light.product(g->light_handle, p->desc, &one, g->a, p->a, g->b, p->b, &zero, g->c, p->c, g->c, p->c, p->found.algorithm,
                                  g->workspace, workspace_bytes, stream) != 0;
    return RB_OK;
}

/* Both operands along k, as tensor cores want them. What is made here lives as long as the program: a few hundred bytes. */
static bool prepare_fp8(struct product *p)
{
    const struct light *l = &p->gemm->light;
    const int transposed = TRANSPOSED;
    const uint64_t m = (uint64_t)p->shape.m, n = (uint64_t)p->shape.n, k = (uint64_t)p->shape.k;
    void *preference = NULL;
    int found = 0;
    return p->gemm->has_light && l->desc_create(&p->desc, COMPUTE_32F, REAL_32F) == 0 &&
           l->desc_set(p->desc, DESC_TRANSA, &transposed, sizeof transposed) == 0 && l->layout_create(&p->a, REAL_8F_E4M3, k, m, (int64_t)k) == 0 &&
           l->layout_create(&p->b, REAL_8F_E4M3, k, n, (int64_t)k) == 0 && l->layout_create(&p->c, REAL_16BF, m, n, (int64_t)m) == 0 &&
           l->preference_create(&preference) == 0 && l->preference_set(preference, PREF_WORKSPACE, &workspace_bytes, sizeof workspace_bytes) == 0 &&
           l->choose(p->gemm->light_handle, p->desc, p->a, p->b, p->c, p->c, preference, 1, &p->found, &found) == 0 && found == 1;
}

int gemm_rate(struct gemm *g, enum gemm_type type, const struct gemm_shape *shape, double *flops_p)
{
    struct product p = { .gemm = g, .type = type, .shape = *shape };
    double sec = 0;
    *flops_p = 0;
    if (type == GEMM_FP8 && !prepare_fp8(&p))
        return RB_OK;
    RB_TRY(yard_randomize(g->a, (size_t)shape->m * (size_t)shape->k * sizeof(float), type == GEMM_FP8));
    RB_TRY(yard_randomize(g->b, (size_t)shape->k * (size_t)shape->n * sizeof(float), type == GEMM_FP8));
    RB_TRY(yard_time(type == GEMM_FP8 ? queue_fp8 : queue_product, &p, &sec));
    if (!p.refused && sec > 0)
        *flops_p = 2.0 * shape->m * shape->n * shape->k / sec;
    return RB_OK;
}
