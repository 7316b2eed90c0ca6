/* report/purchase_model.h - what a server costs an hour and how many tokens it makes. Pure arithmetic.
 *
 * Units    USD, hours, kW, tokens, seconds. Formulas: the documents' account of inference cost (data/claims.csv, topic cost):
 *     capital  price / (years * 365 * 24)      power  kW * price of a kWh      rack  monthly share / (30 * 24) */
#ifndef RB_REPORT_PURCHASE_MODEL_H
#define RB_REPORT_PURCHASE_MODEL_H

#include "report/inference.h"

struct server_cost {
    double price_usd, years, power_kW, usd_per_kWh, rack_usd_month;
};
double cost_capital_hour(const struct server_cost *c);
double cost_power_hour(const struct server_cost *c);
double cost_rack_hour(const struct server_cost *c);
double cost_hour(const struct server_cost *c);

/* How a server's GPUs share the model: tensor-parallel groups of `tensor`, `pipeline` of them one after the other. */
struct serving {
    struct decoder decoder;
    double tensor, pipeline;
    double tensor_Bps, tensor_latency_s; /* within a group; one transfer */
    double handover_Bps;                 /* between pipeline stages */
    double handover_sharers;             /* GPUs that share that link */
    bool overlap;                        /* a second batch is computed while the first is sent */
};
struct served {
    double stage_s, tensor_comm_s, handover_s; /* a stage; all tensor transfers of a token; one hand-over */
    double token_s;                            /* latency of a token of one prompt */
    double batch_s;                            /* time between two finished batches */
    double tokens_per_s, prompt_tokens_per_s;
};
/* overlap: batch_s is the largest of arithmetic and transfers of a stage (double buffering), else their sum; a pipeline has as many
 * batches in flight as stages. */
struct served serve(const struct serving *s);

double tokens_per_usd(double tokens_per_s, double usd_per_hour);

#endif
