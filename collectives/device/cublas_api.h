/* collectives/device/cublas_api.h - what of cuBLASLt's binary interface is used, so that neither its headers nor the library are needed to build.
 * Values and layouts as in cublasLt.h, library_types.h and cublas_api.h. Shared with tests/cublas, which stands in for the library. */
#ifndef RB_COLLECTIVES_CUBLAS_API_H
#define RB_COLLECTIVES_CUBLAS_API_H

#include <stddef.h>
#include <stdint.h>

/* cudaDataType_t, cublasComputeType_t */
enum { REAL_32F = 0, REAL_16F = 2, REAL_16BF = 14, REAL_8F_E4M3 = 28, COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77 };
/* cublasLtMatmulDescAttributes_t, cublasLtMatmulPreferenceAttributes_t; cublasOperation_t; cublasStatus_t */
enum { DESC_TRANSA = 3, DESC_SM_COUNT_TARGET = 15, PREF_WORKSPACE = 1, TRANSPOSED = 1, STATUS_NOT_SUPPORTED = 15 };

/* cublasLtMatmulHeuristicResult_t */
struct heuristic {
    uint64_t algorithm[8];
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
};

#endif
