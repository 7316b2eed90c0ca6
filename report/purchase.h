/* report/purchase.h - servers compared: what they cost an hour, what they serve and train for it, what moves the ranking.
 *
 * Knows server configurations (data/servers.csv), the catalogue for what a row leaves out, and the models of purchase_model.h,
 * memory_model.h, layer.h. Serving: every split of tensor x pipeline that the number of GPUs allows in the documents' three forms
 * (all tensor, all pipeline, two stages), transfers beside arithmetic. Training: 6 P T / (n F u e p), p the share that
 * pipeline stages are busy, e the layer's efficiency at the
 * tensor-parallel size (report/layer.h), F the catalogue's FP32-accumulate rate, n whole servers that hold the memory. Batches that
 * fit: as many are under way as there are stages, at least two.
 *
 * Units     USD, hours, GB = 1e9, GB/s one direction, tokens/s. Ownership purchase_free(). */
#ifndef RB_REPORT_PURCHASE_H
#define RB_REPORT_PURCHASE_H

#include "report/limits.h"
#include "report/purchase_model.h"

struct server {
    char name[48], note[160];
    const struct gpu *gpu;
    double gpus;
    struct server_cost cost;
    double flops, memory_Bps, memory_bytes;
    double link_Bps, link_latency_s, handover_Bps, handover_sharers;
    double tensor, pipeline;
    bool measured; /* the link's figures are from --results */
};

struct purchase_settings {
    const char *servers, *catalogue, *results, *format, *view, *model;
    double params, tokens, batch, micro_batch, context, utilisation, gpus, fail_days, recovery_min, step_tokens;
    struct limit_settings shape; /* of the model */
};

enum serving_form { FORM_TENSOR, FORM_PIPELINE, FORM_HYBRID, FORM_COUNT };
extern const char *const serving_form_names[];

struct offer {
    enum serving_form form;
    double tensor, pipeline;
    bool as_configured;
    double batch;             /* where memory and arithmetic balance, or as given */
    struct served served;     /* at that batch */
    double tokens_per_usd;
    double fit_batch;         /* the largest batch whose weights and cache fit, at most batch; 0: the weights do not fit */
    struct served fit_served; /* at fit_batch */
    double fit_tokens_per_usd;
};

struct training {
    double memory_bytes, cards, servers, gpus;
    double efficiency;          /* of the layer at the tensor-parallel size */
    double pipeline_efficiency; /* 1 without a pipeline */
    double days, usd;
    double failures_a_day, lost; /* share of the time */
};

/* Data parallelism of one GPU's share of the model between groups. */
struct sharding {
    int stage; /* 0: DDP, 1 .. 3: ZeRO */
    double memory_bytes;  /* weights, gradients, optimiser of a GPU */
    double sent_bytes;    /* by a GPU, one step */
    double comm_s, step_s;
};

struct purchase {
    struct server *servers;
    size_t count;
};

/* path NULL: the shipped file. */
int purchase_load(struct purchase *p, const char *path, const struct catalogue *c);
void purchase_free(struct purchase *p);
/* Replaces link rates and latencies by those of fitted all-reduces of the same GPU. */
int purchase_measure(struct purchase *p, const struct purchase_settings *s, const struct catalogue *c, const struct records *r);

/* Keys and values of one prompt of `context` tokens, grouped heads counted once. */
double purchase_cache_bytes(const struct purchase_settings *set);
/* False when the number of GPUs does not allow that form. */
bool purchase_offer(struct offer *o, const struct server *s, const struct purchase_settings *set, enum serving_form form);
/* The offer that the documents' row configures. */
struct offer purchase_configured(const struct server *s, const struct purchase_settings *set);
struct training purchase_training(const struct server *s, const struct purchase_settings *set);
struct sharding purchase_sharding(const struct server *s, const struct purchase_settings *set, const struct training *t, int stage);

struct sheet *purchase_serving_sheet(const struct purchase *p, const struct purchase_settings *s);
struct sheet *purchase_training_sheet(const struct purchase *p, const struct purchase_settings *s);
struct sheet *purchase_sharding_sheet(const struct purchase *p, const struct purchase_settings *s);
struct sheet *purchase_sensitivity_sheet(const struct purchase *p, const struct purchase_settings *s);

/* Defaults: the documents' 70B model. */
int purchase_defaults(struct purchase_settings *s);
/* Fills the derived part. */
int purchase_prepare(struct purchase_settings *s);
/* The shipped servers and the defaults, for pages and plots; purchase_free(). NULL, or a static text: why there are none. */
const char *purchase_shipped(struct purchase *p, struct purchase_settings *s, const struct catalogue *c);

/* `ringbench purchase`; returns the exit code. */
int purchase_command(int argc, char **argv);

#endif
