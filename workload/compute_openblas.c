/* OpenBLAS on the host, opened when it is needed: the program runs without it. */
#include "workload/compute.h"

#include "core/error.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* cblas.h: row-major, not transposed. */
enum { CBLAS_ROWS = 101, CBLAS_AS_IT_IS = 111 };

typedef void sgemm_function(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
                            float beta, float *c, int ldc);

static sgemm_function *sgemm;
static const char *missing; /* why there is none */

static void *open_library(void)
{
    static const char *const names[] = { "libopenblas.so.0", "libopenblas.so" };
    void *library = NULL;
    setenv("OPENBLAS_NUM_THREADS", "1", 0); /* a rank is one thread; it makes its threads when it is opened */
    for (size_t i = 0; i < RB_LEN(names) && library == NULL; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    return library;
}

/* It falls back to the kernels of 2004 on a processor that is younger than itself; a name from the environment helps. */
static void *open_for_this_processor(void)
{
    void *library = open_library();
#if defined(__x86_64__)
    const char *(*core_name)(void) = NULL;
    if (library != NULL)
        *(void **)&core_name = dlsym(library, "openblas_get_corename");
    const char *better = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? "SkylakeX"
                         : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")        ? "Haswell"
                                                                                                   : NULL;
    if (core_name != NULL && better != NULL && strcmp(core_name(), "Prescott") == 0 && setenv("OPENBLAS_CORETYPE", better, 0) == 0) {
        dlclose(library);
        library = open_library();
    }
#endif
    return library;
}

static void load(void)
{
    void *library = open_for_this_processor(); /* stays open for the life of the process */
    if (library == NULL) {
        missing = "libopenblas.so.0 cannot be opened (package libopenblas0-pthread)";
        return;
    }
    void (*threads)(int) = NULL;
    *(void **)&threads = dlsym(library, "openblas_set_num_threads");
    if (threads != NULL)
        threads(1);
    *(void **)&sgemm = dlsym(library, "cblas_sgemm");
    missing = sgemm == NULL ? "libopenblas.so.0 has no cblas_sgemm" : NULL;
}

static bool usable(const char **why_p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    *why_p = missing;
    return sgemm != NULL;
}

static int open_blas(struct compute *c)
{
    (void)c;
    return RB_OK;
}

static void close_blas(struct compute *c)
{
    (void)c;
}

/* A and C keep to the ends of the memory; the weights B lie in another place each turn, as long as they fit between. */
static void gemm(struct compute *c, const struct matmul *g, int first, int count)
{
    const size_t all = c->bytes / sizeof(float), a = (size_t)g->m * (size_t)g->k, b = (size_t)g->k * (size_t)g->n, r = (size_t)g->m * (size_t)g->n;
    float *memory = (float *)(void *)c->memory;
    const size_t places = (all - a - r) / b;
    const float *weights = memory + a + c->turn % places * b;
    sgemm(CBLAS_ROWS, CBLAS_AS_IT_IS, CBLAS_AS_IT_IS, g->m, count, g->k, 1, memory, g->k, weights + first, g->n, 0,
          memory + all - r + first, g->n);
}

const struct compute_ops compute_openblas = {
    .name = "openblas", .summary = "products by OpenBLAS, one thread a rank", .usable = usable, .open = open_blas, .close = close_blas, .gemm = gemm,
};
