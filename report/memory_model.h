/* report/memory_model.h - bytes, parameters and steps of training and serving a transformer. Pure arithmetic.
 *
 * Units    bytes, FLOP, seconds, counts. P parameters, L layers, h hidden size, b batch, s tokens.
 * Sources  given with each function; ZeRO: arXiv:1910.02054. Activations: arXiv:2205.05198, table 2 and section 4.2. */
#ifndef RB_REPORT_MEMORY_MODEL_H
#define RB_REPORT_MEMORY_MODEL_H

#include <stdbool.h>

/* Parameters of a decoder: 12 L h^2 (four h x h projections and two h x 4h matrices a layer). */
double params_decoder(double layers, double hidden);
/* The documents' whole model: 12 L h^2 + h^2 + V h. */
double params_documents(double layers, double hidden, double vocab);

/* Mixed-precision Adam keeps an FP32 copy of the weights, momentum and variance: 12 bytes a parameter (ZeRO, section 3.1). */
double adam_bytes_per_param(void);
/* Weights, gradients (2 bytes each) and Adam: 16 bytes a parameter. */
double state_bytes(double params);
/* Of one GPU of n when ZeRO shards the optimiser (1), also gradients (2), also weights (3); 0: none. */
double zero_state_bytes(double params, double gpus, int stage);
/* Bytes that a GPU sends in a step, large n, `bytes` an element: 2 P up to stage 2, 3 P for stage 3. Times (n-1)/n for a given n. */
double zero_volume_bytes(double params, double gpus, int stage, double bytes);

/* Activations kept with selective recomputation: s b h L (10 + 24/t) bytes at 2 bytes an element, t-way tensor parallel. */
double activations_selective(double seq, double batch, double hidden, double layers, double tensor);
/* Without recomputation: L (34 b s h + 5 b s^2 heads) bytes. */
double activations_all(double layers, double batch, double seq, double hidden, double heads);
/* Keys and values of `tokens` tokens of each of b prompts: 2 L h tokens b bytes; h: hidden size, or kv heads x head width. */
double cache_bytes(double layers, double hidden, double tokens, double batch, double bytes);
/* FLOP that the cache saves: key and value projections of all tokens, 2 matrices of 2 h^2. */
double cache_flop_saved(double layers, double hidden, double tokens, double batch);
/* Weights read to project keys and values of every token again: tokens L 2 h^2. */
double cache_loads_saved(double layers, double hidden, double tokens);

double cards_needed(double bytes, double card_bytes);

/* Sets of activations that the first of n pipeline stages holds when it starts a micro-batch at every step, forward and
 * backward of a stage take a step each; found by playing the steps. */
double pipeline_kept_sets(int stages);
/* Layers computed when each layer's backward pass starts from the beginning: 1 + 2 + ... + n. */
double recompute_layers(double layers);

/* FLOP of training: 6 a parameter and token (2 forward, 4 backward; arXiv:2001.08361, section 2.1). */
double training_flop(double params, double tokens);
double training_seconds(double params, double tokens, double gpus, double flops, double utilisation);

/* Data parallelism, bytes of a step with S bytes of gradients and n workers. */
double ps_total_bytes(double workers, double bytes);    /* dedicated server: push and pull, 2 n S */
double ring_total_bytes(double workers, double bytes);  /* 2 (n-1) S */
double ps_server_bytes(double workers, double bytes);   /* in and out of the server */
double ring_busiest_bytes(double workers, double bytes); /* per direction of any worker: 2 (n-1)/n S */

/* Minutes between failures of any of n cards, each of which fails once in `card_minutes`. */
double failure_interval(double card_minutes, double cards);

#endif
