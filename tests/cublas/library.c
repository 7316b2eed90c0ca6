/* A stand-in for libcublasLt.so.13 on the simulated GPU: plain loops, on the thread of the stream. It knows the types, layouts and attributes that
 * the program uses, and is as strict as cuBLAS with leading dimensions and alignment.
 *
 * FAKE_CUBLAS_FAULT   create: refused; prepare: no product can be prepared; call: the third product fails; wrong: a result is off by one
 * FAKE_CUBLAS_SLOW    milliseconds that each product takes longer
 * FAKE_CUBLAS_SMS     a file: the multiprocessors that each product was asked to keep to, a line each */
#include "collectives/device/cublas_api.h"
#include "collectives/device/fp8.h"
#include "collectives/device/half.h"
#include "tests/gpu/simulated_stream.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, ALIGN = 256 };

struct desc {
    int compute, transposed, sms;
};

struct layout {
    int type;
    uint64_t rows, columns;
    int64_t lead;
};

struct product {
    struct desc desc;
    struct layout a, b, d;
    const char *a_at, *b_at;
    char *d_at;
    bool wrong;
};

static bool has_fault(const char *name)
{
    const char *fault = getenv("FAKE_CUBLAS_FAULT");
    return fault != NULL && strcmp(fault, name) == 0;
}

EXPORT size_t cublasLtGetVersion(void)
{
    return 130100;
}

EXPORT const char *cublasLtGetStatusString(int status)
{
    return status == NOT_INITIALIZED ? "the library was not initialized" : status == EXECUTION_FAILED ? "the GPU program failed to execute"
           : status == STATUS_NOT_SUPPORTED ? "the functionality is not supported" : status == INVALID_VALUE ? "an invalid value was used" : "success";
}

EXPORT int cublasLtCreate(void **handle)
{
    *handle = has_fault("create") ? NULL : calloc(1, 1);
    return *handle == NULL ? NOT_INITIALIZED : OK;
}

EXPORT int cublasLtDestroy(void *handle)
{
    free(handle);
    return OK;
}

EXPORT int cublasLtMatmulDescCreate(void **desc, int compute, int scale)
{
    struct desc *d = *desc = calloc(1, sizeof *d);
    d->compute = compute;
    return scale == REAL_32F ? OK : INVALID_VALUE;
}

EXPORT int cublasLtMatmulDescDestroy(void *desc)
{
    free(desc);
    return OK;
}

EXPORT int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t bytes)
{
    struct desc *d = desc;
    if (bytes != sizeof(int) || (attribute != DESC_TRANSA && attribute != DESC_SM_COUNT_TARGET))
        return INVALID_VALUE;
    memcpy(attribute == DESC_TRANSA ? &d->transposed : &d->sms, value, bytes);
    return OK;
}

EXPORT int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns, int64_t lead)
{
    struct layout *l = *layout = calloc(1, sizeof *l);
    *l = (struct layout){ type, rows, columns, lead };
    return lead >= (int64_t)rows ? OK : INVALID_VALUE;
}

EXPORT int cublasLtMatrixLayoutDestroy(void *layout)
{
    free(layout);
    return OK;
}

EXPORT int cublasLtMatmulPreferenceCreate(void **preference)
{
    *preference = calloc(1, sizeof(size_t));
    return OK;
}

EXPORT int cublasLtMatmulPreferenceDestroy(void *preference)
{
    free(preference);
    return OK;
}

EXPORT int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t bytes)
{
    memcpy(preference, value, bytes);
    return attribute == PREF_WORKSPACE && bytes == sizeof(size_t) ? OK : INVALID_VALUE;
}

/* op(A) is n x k as cuBLAS counts, B k x m, D n x m. */
static bool fits(const struct desc *d, const struct layout *a, const struct layout *b, const struct layout *out)
{
    const uint64_t rows = d->transposed ? a->columns : a->rows, inner = d->transposed ? a->rows : a->columns;
    return a->type == b->type && inner == b->rows && rows == out->rows && b->columns == out->columns;
}

/* 8-bit floats: both along k, sizes in steps of 16. */
static bool supported(const struct desc *d, const struct layout *a, const struct layout *b, const struct layout *out)
{
    if (a->type == REAL_8F_E4M3)
        return d->transposed && out->type == REAL_16BF && a->rows % 16 == 0 && a->columns % 16 == 0 && b->columns % 16 == 0;
    return a->type == out->type && d->compute == (a->type == REAL_32F ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F);
}

EXPORT int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int wanted,
                                          struct heuristic *found, int *found_p)
{
    (void)handle, (void)c, (void)wanted;
    *found = (struct heuristic){ .workspace = *(size_t *)preference };
    *found_p = 0;
    if (has_fault("prepare") || !supported(desc, a, b, d))
        return STATUS_NOT_SUPPORTED;
    *found_p = 1;
    return fits(desc, a, b, d) ? OK : INVALID_VALUE;
}

static float bfloat16_to_float(uint16_t h)
{
    const uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* To the nearest, ties to even; no NaNs are stored. */
static uint16_t bfloat16_from_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float load(int type, const char *at, uint64_t i)
{
    const uint16_t *halves = (const uint16_t *)(const void *)at;
    switch (type) {
    case REAL_16F: return half_to_float(halves[i]);
    case REAL_16BF: return bfloat16_to_float(halves[i]);
    case REAL_8F_E4M3: return fp8_e4m3_to_float((uint8_t)at[i]);
    default: return ((const float *)(const void *)at)[i];
    }
}

static void store(int type, char *at, uint64_t i, float value)
{
    uint16_t *halves = (uint16_t *)(void *)at;
    if (type == REAL_16F)
        halves[i] = half_from_float(value);
    else if (type == REAL_16BF)
        halves[i] = bfloat16_from_float(value);
    else
        ((float *)(void *)at)[i] = value;
}

static void note_sms(int sms)
{
    const char *path = getenv("FAKE_CUBLAS_SMS");
    FILE *f = path != NULL ? fopen(path, "a") : NULL;
    if (f == NULL)
        return;
    fprintf(f, "%d\n", sms);
    fclose(f);
}

static void take_long(void)
{
    const char *ms = getenv("FAKE_CUBLAS_SLOW");
    if (ms != NULL)
        usleep((useconds_t)atoi(ms) * 1000);
}

static void multiply(void *argument)
{
    struct product *p = argument;
    const uint64_t inner = p->b.rows;
    note_sms(p->desc.sms);
    take_long();
    for (uint64_t j = 0; j < p->d.columns; j++)
        for (uint64_t i = 0; i < p->d.rows; i++) {
            float sum = p->wrong && i == 0 && j == 0 ? 1 : 0;
            for (uint64_t k = 0; k < inner; k++)
                sum += load(p->a.type, p->a_at, p->desc.transposed ? i * (uint64_t)p->a.lead + k : k * (uint64_t)p->a.lead + i) *
                       load(p->b.type, p->b_at, j * (uint64_t)p->b.lead + k);
            store(p->d.type, p->d_at, j * (uint64_t)p->d.lead + i, sum);
        }
    free(p);
}

static bool aligned(const void *at)
{
    return (uintptr_t)at % ALIGN == 0;
}

EXPORT int cublasLtMatmul(void *handle, void *desc, const float *alpha, const void *a, void *a_layout, const void *b, void *b_layout, const float *beta,
                          const void *c, void *c_layout, void *d, void *d_layout, const void *algorithm, void *workspace, size_t bytes, void *stream)
{
    static _Atomic int calls;
    struct simulated_stream *s = stream;
    (void)algorithm, (void)c_layout;
    if (handle == NULL || *alpha != 1 || *beta != 0 || c != d || workspace == NULL || bytes == 0 || !aligned(a) || !aligned(b) || !aligned(d))
        return INVALID_VALUE;
    if (has_fault("call") && atomic_fetch_add(&calls, 1) == 2)
        return EXECUTION_FAILED;
    struct product *p = calloc(1, sizeof *p);
    *p = (struct product){ *(struct desc *)desc, *(struct layout *)a_layout, *(struct layout *)b_layout, *(struct layout *)d_layout, a, b, d,
                           has_fault("wrong") };
    s->enqueue(s, multiply, p);
    return OK;
}
