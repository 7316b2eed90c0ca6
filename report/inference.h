/* report/inference.h - one token of a decoder served by several GPUs: memory and arithmetic against communication.
 *
 * Pure arithmetic; knows no catalogue.
 *
 * Units    seconds, bytes, FLOP/s, bytes/s one direction.
 *
 * A step makes one token for each of `batch` prompts. On t GPUs that split every matrix (tensor parallelism):
 *     memory      (weights + cache) / (t M)            every weight is read once a step; M: memory bandwidth
 *     arithmetic  2 P batch / (t F)
 *     stage       the larger of the two
 *     transfers   2 a layer, each of batch * h * bytes:
 *                 documents' model: each is sent once over the link and costs latency + size / W
 *                 ring model: each is an all-reduce of that size (report/layer.h)
 * In a pipeline of n GPUs a token passes n such stages and n hand-overs of batch * h * bytes. */
#ifndef RB_REPORT_INFERENCE_H
#define RB_REPORT_INFERENCE_H

#include "report/layer.h"

struct decoder {
    double params, layers, hidden, batch;
    double weight_bytes;  /* of a parameter */
    double bytes;         /* of an element on the wire */
    double cache_bytes;   /* keys and values of all prompts, read at every step; 0: left out, as the documents do */
    double flops, memory_Bps;
    double overlap; /* share of the transfers of tensor parallelism hidden behind the stage, 0 .. 1 */
};

struct decode_time {
    double memory_s, arithmetic_s, stage_s; /* of one GPU's share of the model */
    double transfer_bytes, ntransfers;
    double comm_s, token_s;
};

/* The batch at which memory and arithmetic take equally long: F / M for 2-byte weights. */
double decode_balance_batch(double flops, double memory_Bps);
struct decode_time decode_stage(const struct decoder *d, double gpus);
/* documents' model */
struct decode_time decode_tensor(const struct decoder *d, double gpus, double Bps, double latency_s);
/* ring model */
struct decode_time decode_tensor_ring(const struct decoder *d, double gpus, const struct link_model *link);
/* Every stage's hand-over counted, the last one's back to the first included. */
struct decode_time decode_pipeline(const struct decoder *d, double stages, double Bps, double latency_s);
/* The documents' sum for t-way tensor parallelism inside each of p pipeline stages, with `rest_s` for the hand-overs of a stage. */
double decode_hybrid_s(double tensor_comm_s, double stage_s, double stages, double handover_s);

/* t at which communication takes as long as the stage, documents' model: the transfers do not shrink with t. */
double decode_document_limit(const struct decoder *d, double Bps, double latency_s);
/* Largest t of 1 .. LAYER_MOST with stage / token >= threshold, ring model. */
double decode_layer_limit(const struct decoder *d, const struct link_model *link, double threshold);

#endif
