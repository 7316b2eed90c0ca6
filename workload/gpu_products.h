/* workload/gpu_products.h - products of the ranks of a GPU, side by side.
 *
 * Ranks that share a GPU are processes, whose kernels would take turns on it. So the leader of a gang (collectives/device/gang.h) queues the
 * products of all its members, as it launches their collectives: every member has a part of the GPU's multiprocessors and a queue there
 * (struct gpu_parts). Where the driver cannot cut the GPU, cuBLAS is asked to keep to as many: a hint, and said so.
 *
 * Operands are the leader's memory: A, then B in one place after the other as a model's weights are, then C. Numbers are random ones of
 * about 1, because constants draw less power and run faster; or, for the check, such that every result is exact in every type: at most ten
 * elements of a row of A are 1, the others 0, and those of B are 0 or 1 (so sums over 16 ranks stay under 256).
 *
 * Units bytes, seconds. Errors RB_*, printed by one rank. Opening and preparing are collective over the gang's job. */
#ifndef RB_WORKLOAD_GPU_PRODUCTS_H
#define RB_WORKLOAD_GPU_PRODUCTS_H

#include "collectives/device/cublas.h"
#include "collectives/device/gang.h"
#include "workload/program.h"

struct gpu_products {
    struct gang *gang; /* borrowed */
    enum cublas_type type;
    int sms;           /* of a rank, on all ranks; as are: */
    bool cut;          /* no product runs on other multiprocessors */
    char how[120];     /* what cuts */
    char version[32];  /* of cuBLAS */
    /* leader only */
    struct cublas *cublas;
    struct gpu_parts parts;
    struct gpu_prepared *list;
    size_t count;
    char *memory[GPU_RANKS];
    size_t a_bytes, b_bytes, c_bytes; /* rooms */
    int deepest;                      /* the largest k */
};

struct gpu_products_setup {
    const char *library; /* file; NULL: as the system finds it */
    enum cublas_type type;
    char *why;           /* where to put why there is no cuBLAS instead of printing it, on rank 0; NULL: printed */
    size_t room;
};

enum gpu_numbers { GPU_NUMBERS_RANDOM, GPU_NUMBERS_EXACT };

/* RB_ENOTIMPL, in one line, where there is no cuBLAS. */
int gpu_products_open(struct gpu_products **p_p, struct gang *gang, const struct gpu_products_setup *setup);
void gpu_products_close(struct gpu_products *p);
/* Whatever was prepared before is gone; numbers are random ones. missing_p NULL: RB_ENOTIMPL where this GPU lacks such products; else
 * whether it does. */
int gpu_products_prepare(struct gpu_products *p, const struct matmul *shapes, size_t count, bool *missing_p);
int gpu_products_fill(struct gpu_products *p, enum gpu_numbers numbers); /* leader */

/* Leader, between calls of parts_join and parts_fork. turn: which product of a step this is. result NULL: a place of its own. */
int gpu_products_queue(struct gpu_products *p, int member, const struct matmul *g, unsigned turn, void *result);
/* *done_p: all that was queued. Leader. */
int gpu_products_finished(struct gpu_products *p, bool *done_p);

/* How operands lie, so that any rank can work a result out. */
struct gpu_places {
    enum cublas_type type;
    size_t b_bytes;
    int deepest;
};
struct gpu_places gpu_products_places(const struct gpu_products *p); /* the leader's; others get it from it */
/* Element (i, j) of rank's product of exact numbers. */
int gpu_products_exact(const struct gpu_places *p, int rank, const struct matmul *g, unsigned turn, int i, int j);

#endif
