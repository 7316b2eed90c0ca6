/* bench/yardstick/gpu/gemm.h - rate of matrix products by cuBLAS, opened at run time: what the tensor-parallel limit's arithmetic really reaches.
 *
 * Source   constants: cuBLAS documentation (cublasGemmEx, cublasLtMatmul) and library_types.h of CUDA 12 and 13. */
#ifndef RB_YARDSTICK_GEMM_H
#define RB_YARDSTICK_GEMM_H

#include <stdbool.h>
#include <stddef.h>

enum gemm_type { GEMM_BF16, GEMM_FP16, GEMM_TF32, GEMM_FP8, GEMM_TYPES };
extern const char *const gemm_type_names[GEMM_TYPES];

/* (m x k) times (k x n); sums in 32 bits. */
struct gemm_shape {
    const char *name;
    int m, n, k;
};

struct gemm;

/* most: elements of the largest operand. RB_ENOTIMPL with the reason, printed, when cuBLAS is not there. */
int gemm_open(struct gemm **gemm_p, size_t most);
void gemm_close(struct gemm *gemm);
const char *gemm_version(const struct gemm *gemm); /* "13.1.0" */
/* 0 where this GPU or library cannot do it. */
int gemm_rate(struct gemm *gemm, enum gemm_type type, const struct gemm_shape *shape, double *flops_p);

#endif
