/* workload/workload.h - the documents' ways of training and serving a model, as a table: one file a workload, one row a workload.
 *
 * A row plans a step for every rank as a program (program.h); or, where what happens depends on who comes first, runs by itself.
 * Volumes are those of all ranks together in one step, payload that leaves a rank; P stands for the bytes of all weights. */
#ifndef RB_WORKLOAD_WORKLOAD_H
#define RB_WORKLOAD_WORKLOAD_H

#include "workload/model.h"
#include "workload/program.h"

struct workload_setup {
    struct workload_model model;
    struct grid grid;
    uint64_t bucket_bytes; /* gradients that are reduced together */
    int micro_batches;     /* pipeline */
    int generated;         /* tokens that a step of inference makes */
    int batch;             /* sequences of inference */
};

struct workload_suite;
struct workload_result;

struct workload {
    const char *name;    /* "zero3" */
    const char *summary; /* one line of --list */
    const char *moves;   /* collectives and volumes in a step, in words */
    struct grid (*grid)(int nranks);
    /* Why this cannot be run in the grid; NULL: it can. */
    const char *(*refuses)(const struct workload_setup *s);
    /* The step of one rank. Pure. */
    void (*plan)(struct program *p, const struct workload_setup *s);
    /* Bytes of a step by the documents' formula, all ranks. */
    double (*formula)(const struct workload_setup *s);
    const char *per; /* what a step is: "step", "tokens of a sample" */
    bool buckets;    /* also run with other sizes of the bucket, to show what they do */
    bool gpu;        /* GPUs can play it (gpu_play.h) */
    /* Instead of all these but name, summary and moves: measures itself and fills what it can of *r. */
    int (*run)(struct workload_suite *suite, struct workload_result *r);
};

extern const struct workload *const workloads[];
extern const size_t workload_count;

/* RB_EUSAGE, naming the nearest. */
int workload_find(const char *name, const struct workload **workload_p);

/* Grids. */
struct grid grid_of_data(int nranks);
struct grid grid_of_tensor(int nranks);
struct grid grid_of_pipeline(int nranks);

/* --- for the plans: a layer's products, for so many tokens of which a rank has 1/parts of the columns --- */

void plan_layer_forward(struct program *p, const struct workload_model *m, int tokens, int parts);
void plan_layer_backward(struct program *p, const struct workload_model *m, int tokens, int parts);
/* Attention's two products without the projections: `queries` tokens against `keys`. */
void plan_scores(struct program *p, const struct workload_model *m, int queries, int keys, int parts);

#endif
