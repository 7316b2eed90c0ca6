#include "report/purchase_model.h"

#include <math.h>

double cost_capital_hour(const struct server_cost *c)
{
    return c->price_usd / (c->years * 365 * 24);
}

double cost_power_hour(const struct server_cost *c)
{
    return c->power_kW * c->usd_per_kWh;
}

double cost_rack_hour(const struct server_cost *c)
{
    return c->rack_usd_month / (30 * 24);
}

double cost_hour(const struct server_cost *c)
{
    return cost_capital_hour(c) + cost_power_hour(c) + cost_rack_hour(c);
}

struct served serve(const struct serving *s)
{
    const struct decode_time whole = decode_stage(&s->decoder, s->tensor * s->pipeline);
    struct served r = { .stage_s = whole.stage_s };
    if (s->tensor > 1)
        r.tensor_comm_s = whole.ntransfers * (whole.transfer_bytes / s->tensor_Bps + s->tensor_latency_s);
    if (s->pipeline > 1)
        r.handover_s = whole.transfer_bytes * fmax(1, s->handover_sharers) / s->handover_Bps;
    r.token_s = decode_hybrid_s(r.tensor_comm_s, r.stage_s, s->pipeline, r.handover_s);
    const double transfers = r.tensor_comm_s / s->pipeline + r.handover_s;
    r.batch_s = s->overlap ? fmax(r.stage_s, transfers) : r.stage_s + transfers;
    r.tokens_per_s = s->decoder.batch / r.batch_s;
    r.prompt_tokens_per_s = 1 / r.token_s;
    return r;
}

double tokens_per_usd(double tokens_per_s, double usd_per_hour)
{
    return tokens_per_s * 3600 / usd_per_hour;
}
