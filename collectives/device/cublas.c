#include "collectives/device/cublas.h"

#include "collectives/device/cublas_api.h"
#include "core/error.h"
#include "core/text.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct calls {
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    size_t (*version)(void);
    const char *(*words)(int status);
    int (*desc_create)(void **desc, int compute, int scale);
    int (*desc_destroy)(void *desc);
    int (*desc_set)(void *desc, int attribute, const void *value, size_t bytes);
    int (*layout_create)(void **layout, int type, uint64_t rows, uint64_t columns, int64_t lead);
    int (*layout_destroy)(void *layout);
    int (*preference_create)(void **preference);
    int (*preference_destroy)(void *preference);
    int (*preference_set)(void *preference, int attribute, const void *value, size_t bytes);
    int (*choose)(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int wanted, struct heuristic *found, int *found_p);
    int (*multiply)(void *handle, void *desc, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout, const void *beta,
                    const void *c, void *c_layout, void *d, void *d_layout, const void *algorithm, void *workspace, size_t bytes, void *stream);
};

struct cublas {
    void *library, *handle;
    struct calls calls;
    char version[32];
};

struct cublas_product {
    struct cublas *cublas;
    enum cublas_type type;
    struct cublas_shape shape;
    void *desc, *a, *b, *c; /* a: the first operand as the library counts, our B */
    struct heuristic found;
};

/* Theirs: the type of operands, of the result, and how it is computed. */
static const struct {
    enum rb_type operand, result;
    int operand_code, result_code, compute;
} types[CUBLAS_TYPES] = {
    [CUBLAS_BF16] = { TYPE_BFLOAT16, TYPE_BFLOAT16, REAL_16BF, REAL_16BF, COMPUTE_32F },
    [CUBLAS_FP16] = { TYPE_HALF, TYPE_HALF, REAL_16F, REAL_16F, COMPUTE_32F },
    [CUBLAS_TF32] = { TYPE_FLOAT, TYPE_FLOAT, REAL_32F, REAL_32F, COMPUTE_32F_FAST_TF32 },
    [CUBLAS_FP8] = { TYPE_FLOAT8E4M3, TYPE_BFLOAT16, REAL_8F_E4M3, REAL_16BF, COMPUTE_32F },
};

const char *const cublas_type_names[CUBLAS_TYPES + 1] = { "bf16", "fp16", "tf32", "fp8", NULL };

enum rb_type cublas_operand(enum cublas_type type)
{
    return types[type].operand;
}

enum rb_type cublas_result(enum cublas_type type)
{
    return types[type].result;
}

bool cublas_transposed(enum cublas_type type)
{
    return type == CUBLAS_FP8;
}

static void *open_library(const char *file, char *why, size_t room)
{
    static const char *const usual[] = { "libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so" };
    void *library = file != NULL ? dlopen(file, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL && file != NULL) {
        const char *reason = dlerror();
        snprintf(why, room, "%s", reason != NULL ? reason : file);
        return NULL;
    }
    for (size_t i = 0; i < RB_LEN(usual) && library == NULL; i++)
        library = dlopen(usual[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        snprintf(why, room, "cuBLAS is not here: neither libcublasLt.so.13 nor .12 can be opened (\"make cuda\" brings one; --cublas FILE)");
    return library;
}

static bool find_calls(struct cublas *c, char *why, size_t room)
{
    static const struct {
        const char *name;
        size_t at;
    } functions[] = {
        { "cublasLtCreate", offsetof(struct calls, create) }, { "cublasLtDestroy", offsetof(struct calls, destroy) },
        { "cublasLtGetVersion", offsetof(struct calls, version) }, { "cublasLtGetStatusString", offsetof(struct calls, words) },
        { "cublasLtMatmulDescCreate", offsetof(struct calls, desc_create) }, { "cublasLtMatmulDescDestroy", offsetof(struct calls, desc_destroy) },
        { "cublasLtMatmulDescSetAttribute", offsetof(struct calls, desc_set) },
        { "cublasLtMatrixLayoutCreate", offsetof(struct calls, layout_create) },
        { "cublasLtMatrixLayoutDestroy", offsetof(struct calls, layout_destroy) },
        { "cublasLtMatmulPreferenceCreate", offsetof(struct calls, preference_create) },
        { "cublasLtMatmulPreferenceDestroy", offsetof(struct calls, preference_destroy) },
        { "cublasLtMatmulPreferenceSetAttribute", offsetof(struct calls, preference_set) },
        { "cublasLtMatmulAlgoGetHeuristic", offsetof(struct calls, choose) }, { "cublasLtMatmul", offsetof(struct calls, multiply) },
    };
    for (size_t i = 0; i < RB_LEN(functions); i++) {
        void *function = dlsym(c->library, functions[i].name);
        if (function == NULL) {
            snprintf(why, room, "the library has no %s: it is no cuBLAS, or one older than 11.4", functions[i].name);
            return false;
        }
        memcpy((char *)&c->calls + functions[i].at, &function, sizeof function);
    }
    return true;
}

static bool start(struct cublas *c, char *why, size_t room)
{
    const size_t v = c->calls.version();
    snprintf(c->version, sizeof c->version, "%zu.%zu.%zu", v / 10000, v / 100 % 100, v % 100);
    const int status = c->calls.create(&c->handle);
    if (status != 0)
        snprintf(why, room, "cuBLAS %s does not start on this GPU: %s", c->version, c->calls.words(status));
    return status == 0;
}

bool cublas_open(struct cublas **c_p, const char *file, char *why, size_t room)
{
    struct cublas *c = rb_calloc(1, sizeof *c);
    c->library = open_library(file, why, room);
    if (c->library != NULL && find_calls(c, why, room) && start(c, why, room)) {
        *c_p = c;
        return true;
    }
    cublas_close(c);
    return false;
}

void cublas_close(struct cublas *c)
{
    if (c == NULL)
        return;
    if (c->handle != NULL)
        c->calls.destroy(c->handle);
    if (c->library != NULL)
        dlclose(c->library);
    free(c);
}

const char *cublas_version(const struct cublas *c)
{
    return c->version;
}

/* --- products --- */

static int failed(const struct cublas_product *p, const char *what, int status)
{
    const struct cublas_shape *s = &p->shape;
    const char *words = p->cublas->calls.words(status);
    return rb_fail(RB_ENCCL, "cuBLAS %s: %s of %d x %d x %d in %s: %s (status %d)", p->cublas->version, what, s->m, s->n, s->k, cublas_type_names[p->type],
                   words != NULL ? words : "?", status);
}

static int describe(struct cublas_product *p, int sms)
{
    const struct calls *l = &p->cublas->calls;
    const uint64_t m = (uint64_t)p->shape.m, n = (uint64_t)p->shape.n, k = (uint64_t)p->shape.k;
    const bool turned = cublas_transposed(p->type);
    const int transposed = TRANSPOSED, operand = types[p->type].operand_code;
    const int32_t target = sms;
    int status = l->desc_create(&p->desc, types[p->type].compute, REAL_32F);
    if (status == 0 && turned)
        status = l->desc_set(p->desc, DESC_TRANSA, &transposed, sizeof transposed);
    if (status == 0 && sms > 0)
        status = l->desc_set(p->desc, DESC_SM_COUNT_TARGET, &target, sizeof target);
    if (status == 0)
        status = l->layout_create(&p->a, operand, turned ? k : n, turned ? n : k, (int64_t)(turned ? k : n));
    if (status == 0)
        status = l->layout_create(&p->b, operand, k, m, (int64_t)k);
    return status == 0 ? l->layout_create(&p->c, types[p->type].result_code, n, m, (int64_t)n) : status;
}

/* *found_p: how many ways there are, 0 or 1. */
static int choose(struct cublas_product *p, int *found_p)
{
    const struct calls *l = &p->cublas->calls;
    const size_t room = CUBLAS_WORKSPACE;
    void *preference = NULL;
    int status = l->preference_create(&preference);
    if (status == 0)
        status = l->preference_set(preference, PREF_WORKSPACE, &room, sizeof room);
    if (status == 0)
        status = l->choose(p->cublas->handle, p->desc, p->a, p->b, p->c, p->c, preference, 1, &p->found, found_p);
    if (preference != NULL)
        l->preference_destroy(preference);
    return status;
}

int cublas_prepare(struct cublas *c, enum cublas_type type, struct cublas_shape shape, int sms, struct cublas_product **product_p)
{
    struct cublas_product *p = rb_calloc(1, sizeof *p);
    int found = 0;
    *p = (struct cublas_product){ .cublas = c, .type = type, .shape = shape };
    int status = describe(p, sms);
    if (status == 0)
        status = choose(p, &found);
    *product_p = status == 0 && found == 1 ? p : NULL;
    const int rc = status == 0 || status == STATUS_NOT_SUPPORTED ? RB_OK : failed(p, "preparing a product", status);
    if (*product_p == NULL)
        cublas_release(p);
    return rc;
}

void cublas_release(struct cublas_product *p)
{
    const struct calls *l = &p->cublas->calls;
    void *const layouts[] = { p->a, p->b, p->c };
    for (size_t i = 0; i < RB_LEN(layouts); i++)
        if (layouts[i] != NULL)
            l->layout_destroy(layouts[i]);
    if (p->desc != NULL)
        l->desc_destroy(p->desc);
    free(p);
}

int cublas_queue(const struct cublas_product *p, const struct cublas_operands *o, void *stream)
{
    const float one = 1, zero = 0;
    const int status = p->cublas->calls.multiply(p->cublas->handle, p->desc, &one, o->b, p->a, o->a, p->b, &zero, o->c, p->c, o->c, p->c,
                                                 p->found.algorithm, o->workspace, CUBLAS_WORKSPACE, stream);
    return status == 0 ? RB_OK : failed(p, "a product", status);
}
