/* workload/compute.h - what computes: matrix products, the optimiser's pass, copies. One back end a file, one row a back end.
 *
 * On the host: OpenBLAS on one thread a rank, opened at run time; without it a busy loop of the length that the processor's plain
 * multiply-add rate gives. A product is done in slices, so that whoever calls can move data in between. On GPUs products are queued
 * instead (gpu_play.h): cuBLAS is in the table for its name.
 *
 * Units seconds, elements of MODEL_BYTES, bytes. Errors RB_*, printed. Threads: one a compute. */
#ifndef RB_WORKLOAD_COMPUTE_H
#define RB_WORKLOAD_COMPUTE_H

#include "workload/program.h"

struct compute;

struct compute_ops {
    const char *name;    /* "openblas" */
    const char *summary; /* one line */
    /* False, with a static text, when it cannot be used here. */
    bool (*usable)(const char **why_p);
    int (*open)(struct compute *c);
    void (*close)(struct compute *c);
    /* Columns [first, first + count) of C. Operands are the back end's own. */
    void (*gemm)(struct compute *c, const struct matmul *g, int first, int count);
};

struct compute {
    const struct compute_ops *ops;
    const char *why;    /* why not the first back end of the table; NULL: it is */
    double flops;       /* of one rank while all ranks compute, from a product of middling size; set by compute_open */
    char *memory;       /* operands; larger than second-level caches */
    size_t bytes, turn; /* where the next weights lie */
    void *state;        /* of the back end */
};

extern const struct compute_ops *const compute_backends[];
extern const size_t compute_backend_count;

/* name: "auto" or one of the table. RB_EUSAGE, naming the nearest. The caller closes. */
int compute_open(struct compute *c, const char *name);
void compute_close(struct compute *c);

/* Between slices step(context) is called; step NULL: nobody. Stops at its first error. */
typedef int compute_step(void *context);
int compute_gemm(struct compute *c, const struct matmul *g, compute_step *step, void *context);
int compute_update(struct compute *c, uint64_t elements, compute_step *step, void *context);
int compute_copy(struct compute *c, uint64_t bytes, compute_step *step, void *context);

#endif
