#include "report/layer.h"

#include <math.h>

double layer_params(const struct layer *l)
{
    const double attention = 2 * l->hidden * l->hidden * (1 + l->kv_heads / l->heads);
    return attention + (l->gated ? 3 : 2) * l->hidden * l->ffn;
}

double layer_forward_flop(const struct layer *l)
{
    const double tokens = l->batch * l->seq;
    return 2 * tokens * layer_params(l) + 4 * tokens * l->seq * l->hidden;
}

double layer_training_flop(const struct layer *l)
{
    return 3 * layer_forward_flop(l);
}

double comm_total(struct comm_time c)
{
    return c.latency_s + c.transfer_s;
}

static double usable_Bps(const struct link_model *k, double t, double Bps)
{
    const double reached = k->per_peer_Bps > 0 ? (t - 1) * k->per_peer_Bps : Bps;
    return reached < Bps ? reached : Bps;
}

struct comm_time link_transfer(const struct link_model *k, double t, double messages, double volume_bytes)
{
    if (t <= 1)
        return (struct comm_time){ 0, 0 };
    const struct comm_time bulk = { k->bulk.base_s + messages * k->bulk.hop_s, volume_bytes / usable_Bps(k, t, k->bulk.Bps) };
    if (k->fast.Bps <= 0)
        return bulk;
    const struct comm_time fast = { k->fast.base_s + messages * k->fast.hop_s, volume_bytes / usable_Bps(k, t, k->fast.Bps) };
    return comm_total(fast) < comm_total(bulk) ? fast : bulk;
}

struct comm_time link_all_reduce(const struct link_model *k, double t, double bytes)
{
    return link_transfer(k, t, 2 * (t - 1), 2 * (t - 1) / t * bytes);
}

struct layer_time layer_time(const struct layer_setup *s, double t)
{
    const struct comm_time c = split_comm(s->split, &s->layer, &s->link, t);
    struct layer_time r = { .compute_s = layer_training_flop(&s->layer) / (t * s->flops), .latency_s = c.latency_s, .transfer_s = c.transfer_s };
    r.exposed_s = (1 - s->overlap) * comm_total(c);
    r.efficiency = r.compute_s / (r.compute_s + r.exposed_s);
    return r;
}

double layer_limit(const struct layer_setup *s, double threshold)
{
    double best = 1;
    for (double t = 2; t <= LAYER_MOST; t++) {
        if (!split_fits(s->split, t))
            continue;
        if (layer_time(s, t).efficiency < threshold)
            break;
        best = t;
    }
    return best;
}

double required_flop_per_byte(double flops, double Bps)
{
    return flops / Bps;
}

double document_limit(double hidden, double bytes, double flops, double Bps)
{
    return 2 * 3 * hidden / bytes / required_flop_per_byte(flops, Bps);
}
