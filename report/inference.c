#include "report/inference.h"

#include <math.h>

double decode_balance_batch(double flops, double memory_Bps)
{
    return flops / memory_Bps;
}

struct decode_time decode_stage(const struct decoder *d, double gpus)
{
    struct decode_time r = {
        .memory_s = (d->weight_bytes * d->params + d->cache_bytes) / gpus / d->memory_Bps,
        .arithmetic_s = d->batch * 2 * d->params / gpus / d->flops,
        .transfer_bytes = d->batch * d->hidden * d->bytes,
        .ntransfers = 2 * d->layers,
    };
    r.stage_s = fmax(r.memory_s, r.arithmetic_s);
    r.token_s = r.stage_s;
    return r;
}

struct decode_time decode_tensor(const struct decoder *d, double gpus, double Bps, double latency_s)
{
    struct decode_time r = decode_stage(d, gpus);
    if (gpus > 1)
        r.comm_s = r.ntransfers * (r.transfer_bytes / Bps + latency_s);
    r.token_s = r.stage_s + (1 - d->overlap) * r.comm_s;
    return r;
}

struct decode_time decode_tensor_ring(const struct decoder *d, double gpus, const struct link_model *link)
{
    struct decode_time r = decode_stage(d, gpus);
    r.comm_s = gpus > 1 ? r.ntransfers * comm_total(link_all_reduce(link, gpus, r.transfer_bytes)) : 0;
    r.token_s = r.stage_s + (1 - d->overlap) * r.comm_s;
    return r;
}

struct decode_time decode_pipeline(const struct decoder *d, double stages, double Bps, double latency_s)
{
    struct decode_time r = decode_stage(d, stages);
    r.ntransfers = stages;
    r.comm_s = stages > 1 ? stages * (r.transfer_bytes / Bps + latency_s) : 0;
    r.token_s = stages * r.stage_s + r.comm_s;
    return r;
}

double decode_hybrid_s(double tensor_comm_s, double stage_s, double stages, double handover_s)
{
    return tensor_comm_s + stages * (handover_s + stage_s);
}

double decode_document_limit(const struct decoder *d, double Bps, double latency_s)
{
    const struct decode_time two = decode_tensor(d, 2, Bps, latency_s);
    return decode_stage(d, 1).stage_s / ((1 - d->overlap) * two.comm_s);
}

double decode_layer_limit(const struct decoder *d, const struct link_model *link, double threshold)
{
    double best = 1;
    for (double t = 2; t <= LAYER_MOST; t++) {
        const struct decode_time r = decode_tensor_ring(d, t, link);
        if (r.stage_s / r.token_s < threshold)
            break;
        best = t;
    }
    return best;
}
