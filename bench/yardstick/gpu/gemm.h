/* bench/yardstick/gpu/gemm.h - rate of matrix products by cuBLAS on a whole GPU: what the tensor-parallel limit's arithmetic really reaches. */
#ifndef RB_YARDSTICK_GEMM_H
#define RB_YARDSTICK_GEMM_H

#include "collectives/device/cublas.h"

struct gemm;

/* most: elements of the largest operand. RB_ENOTIMPL with the reason, printed, when cuBLAS is not there. */
int gemm_open(struct gemm **gemm_p, size_t most);
void gemm_close(struct gemm *gemm);
const char *gemm_version(const struct gemm *gemm); /* "13.1.0" */
/* 0 where this GPU or library has no such product. */
int gemm_rate(struct gemm *gemm, enum cublas_type type, const struct cublas_shape *shape, double *flops_p);

#endif
