/* collectives/device/cublas.h - matrix products on a GPU by cuBLAS, opened at run time: the program builds and runs without it.
 *
 * Everything goes through cublasLt, which every cuBLAS from 11 on brings along: 8-bit floats, how many multiprocessors to use, and a workspace of each
 * stream's own are there only. Row-major C (m x n) = A (m x k) B (k x n) is column-major C' = B' A'; of 8-bit floats B lies transposed (n x k),
 * as tensor cores want both operands along k. Sums are of 32 bits.
 *
 * Declarations and numbers are those of its documented interface (cuBLAS library, "Using the cuBLASLt API"; library_types.h). No header of it
 * is needed.
 *
 * Errors   RB_ENCCL (code 3: a library of NVIDIA's), printed with what it says. Threads: one at a time. */
#ifndef RB_COLLECTIVES_CUBLAS_H
#define RB_COLLECTIVES_CUBLAS_H

#include "collectives/types.h"

#include <stdbool.h>
#include <stddef.h>

enum cublas_type { CUBLAS_BF16, CUBLAS_FP16, CUBLAS_TF32, CUBLAS_FP8, CUBLAS_TYPES };
extern const char *const cublas_type_names[CUBLAS_TYPES + 1]; /* "bf16", ..., NULL */
enum { CUBLAS_WORKSPACE = 32 << 20, CUBLAS_ALIGN = 256 }; /* bytes; of every operand */

enum rb_type cublas_operand(enum cublas_type type); /* of A and B */
enum rb_type cublas_result(enum cublas_type type);  /* of C */
bool cublas_transposed(enum cublas_type type);      /* B lies as n x k */

struct cublas;
struct cublas_product;

struct cublas_shape {
    int m, n, k;
};

/* For the selected GPU. file NULL: as the system finds it. False with one line of why. */
bool cublas_open(struct cublas **c_p, const char *file, char *why, size_t room);
void cublas_close(struct cublas *c);
const char *cublas_version(const struct cublas *c); /* "13.1.0" */

/* Ready to be queued; sms: how many to use, 0: all. *product_p NULL: this GPU and library have no such product. */
int cublas_prepare(struct cublas *c, enum cublas_type type, struct cublas_shape shape, int sms, struct cublas_product **product_p);
void cublas_release(struct cublas_product *product);

struct cublas_operands {
    const void *a, *b;
    void *c, *workspace;
};
int cublas_queue(const struct cublas_product *product, const struct cublas_operands *o, void *stream);

#endif
