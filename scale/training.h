/* scale/training.h - a step of training on a cluster, split over tensor x pipeline x data parallel GPUs. Pure arithmetic.
 *
 * A GPU holds ceil(layers / P) of the model's layers, 1/T of each; a step is m micro-batches of b sequences, one forward one backward (1F1B):
 *     micro   layers/P (arithmetic / T + 4 all-reduces of b s h over T) + hand-over of b s h both ways      (report/layer.h)
 *     step    (m + P - 1) micro + what of the gradients' all-reduce over D is not hidden behind the last backward pass
 * Placement as Megatron: T inside a node first, then D, then P (arXiv:2104.04473, section 3). Gradients: rings inside nodes, then between
 * equal places over the cards. Memory: weights, gradients and Adam 16 bytes a parameter, Adam's 12 spread over D with ZeRO 1;
 * activations of min(P, m) micro-batches, with selective recomputation (report/memory_model.h); or with full recomputation only
 * each layer's input, 2 b s h bytes, and one layer's own, for 4/3 of the arithmetic and 6 all-reduces a layer instead of 4.
 *
 * Units seconds, bytes, FLOP/s; bytes per second one direction. */
#ifndef RB_SCALE_TRAINING_H
#define RB_SCALE_TRAINING_H

#include "report/presets.h"
#include "scale/cluster.h"

struct training {
    const struct cluster *cluster;
    const struct preset *model;
    double seq, batch; /* tokens of a sequence; sequences of a step, all GPUs */
    double flops;      /* of a GPU at matrix products */
    double memory;     /* bytes of a GPU that may be used */
    bool zero;         /* ZeRO stage 1 */
};

struct training_split {
    int tensor, pipeline, data, micro; /* micro: sequences of a micro-batch */
    bool recompute; /* every layer's forward pass again before its backward pass */
};

struct training_time {
    struct training_split split;
    double micro_batches;
    double memory; /* bytes of the fullest GPU */
    bool fits;
    double compute, tensor, handover, bubble, gradients; /* seconds of a step; the last three exposed */
    double step;
    double utilisation; /* of the GPUs' rate, without what is computed twice */
};

/* For t->cluster: the model's sequences, about 4 million tokens a step, the published GEMM rate, 94 % of the memory, ZeRO 1. */
int training_usual(struct training *t, const struct catalogue *catalogue, const char *model);
double training_usual_batch(double seq);
/* RB_EUSAGE when the catalogue leaves rate or memory open. */
int training_check(const struct training *t);

/* False when the model, batch or cluster cannot be cut so. */
bool training_possible(const struct training *t, const struct training_split *s);
/* What stands against it and what would do, a part of a sentence; NULL when it is possible. The caller frees it.
 * tensor x pipeline is below 2^31. */
char *training_obstacle(const struct training *t, const struct training_split *s);
struct training_time training_step(const struct training *t, const struct training_split *s);

/* Bytes of weights, gradients and Adam's state over all GPUs together: fewer GPUs than hold that can never do. */
double training_state(const struct training *t);
/* All splits that are possible: those that fit in memory, fastest first, then the others, leanest first. The caller frees *list_p. */
size_t training_rank(const struct training *t, struct training_time **list_p);

/* How far each way of splitting may go: the largest degree with which some split takes at most 10 % longer than the best. */
struct training_limits {
    int tensor, pipeline, data;
};
struct training_limits training_limits(const struct training_time *list, size_t n);

#endif
