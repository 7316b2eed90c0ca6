/* Claims on cost: servers, throughput, tokens for a dollar, desktops. */
#include "report/claims_code.h"

#include "core/error.h"
#include "report/purchase_model.h"

#include <math.h>

#define IN(name) claim_input(w, name)

static struct server_cost server_of(struct claim_work *w)
{
    return (struct server_cost){ .price_usd = IN("price"), .years = IN("years"), .power_kW = IN("kw"), .usd_per_kWh = IN("kwh"),
                                 .rack_usd_month = IN("rack") };
}

static void capital(struct claim_work *w)
{
    const struct server_cost c = { .price_usd = IN("price"), .years = IN("years") };
    w->value = cost_capital_hour(&c);
}

static void power(struct claim_work *w)
{
    const struct server_cost c = { .power_kW = IN("kw"), .usd_per_kWh = IN("kwh") };
    w->value = cost_power_hour(&c);
}

static void rack(struct claim_work *w)
{
    const struct server_cost c = { .rack_usd_month = IN("rack") };
    w->value = cost_rack_hour(&c);
}

static double rounded(double v, double digits)
{
    const double by = pow(10, digits);
    return round(v * by) / by;
}

static void hour(struct claim_work *w)
{
    const struct server_cost c = server_of(w);
    w->value = cost_hour(&c);
    w->assumed = rounded(cost_capital_hour(&c), 1) + rounded(cost_power_hour(&c), 1) + rounded(cost_rack_hour(&c), 1);
    w->assumption = "the sum of the document's own rounded parts";
}

/* A server that serves the documents' 70B model with all cards in one tensor-parallel group, transfers beside arithmetic. */
static struct serving tensor_server(struct claim_work *w)
{
    const double batch = IN("batch"), membw = IN("membw");
    return (struct serving){ .decoder = { .params = IN("params"), .layers = 80, .hidden = 8192, .batch = batch, .weight_bytes = 2, .bytes = 2,
                                          .flops = INFINITY, .memory_Bps = membw },
                             .tensor = IN("gpus"), .pipeline = 1, .tensor_Bps = IN("bw"), .overlap = true };
}

static double tokens_per_s(struct claim_work *w)
{
    const struct serving s = tensor_server(w);
    return serve(&s).tokens_per_s;
}

static void throughput(struct claim_work *w)
{
    w->value = tokens_per_s(w);
}

static void tokens_an_hour(struct claim_work *w)
{
    w->value = 3600 * tokens_per_s(w) / 1e6;
    w->assumed = 3600 * rounded(IN("batch") / IN("rounded_s"), -2) / 1e6;
    w->assumption = "the document's own rounded time of a batch";
}

/* The same with the roundings that the document makes on the way; `parts` digits of the sum of an hour's cost. */
static double rounded_per_usd(struct claim_work *w, double usd)
{
    return rounded(3600 * rounded(IN("batch") / IN("rounded_s"), -2) / 1e6, 0) / usd;
}

static void tokens_a_dollar(struct claim_work *w)
{
    const struct server_cost c = server_of(w);
    w->value = tokens_per_usd(tokens_per_s(w), cost_hour(&c)) / 1e6;
    w->assumed = rounded_per_usd(w, IN("rounded_usd"));
    w->assumption = "the document's own rounded tokens and cost of an hour";
}

/* The two servers of the documents, for claims that compare them. */
struct pair {
    struct served a, b;
    double usd_a, usd_b;
};

static struct pair both(struct claim_work *w)
{
    struct serving s = { .decoder = { .params = IN("params"), .layers = 80, .hidden = 8192, .batch = IN("batch_a"), .weight_bytes = 2, .bytes = 2,
                                      .flops = INFINITY, .memory_Bps = IN("membw_a") },
                         .tensor = 8, .pipeline = 1, .tensor_Bps = IN("bw_a"), .overlap = true };
    struct pair p = { .a = serve(&s) };
    s.decoder.batch = IN("batch_b");
    s.decoder.memory_Bps = IN("membw_b");
    s.tensor_Bps = IN("bw_b");
    p.b = serve(&s);
    const struct server_cost a = { 40000, 3, 5, 0.1, 1500.0 / 4 }, b = { 300000, 3, 10, 0.1, 1500.0 / 2 };
    p.usd_a = cost_hour(&a);
    p.usd_b = cost_hour(&b);
    return p;
}

static void dearer(struct claim_work *w)
{
    const struct pair p = both(w);
    w->value = tokens_per_usd(p.a.tokens_per_s, p.usd_a) / tokens_per_usd(p.b.tokens_per_s, p.usd_b) - 1;
    w->assumed = IN("rounded_a") / IN("rounded_b") - 1;
    w->assumption = "the document's own rounded tokens for a dollar";
}

static void faster(struct claim_work *w)
{
    const struct pair p = both(w);
    w->value = p.b.tokens_per_s / p.a.tokens_per_s;
}

static void against_price(struct claim_work *w)
{
    const struct server_cost c = server_of(w);
    w->value = tokens_per_usd(tokens_per_s(w), cost_hour(&c)) / (1000 / IN("usd_per_1k"));
}

static double ethernet_ms(struct claim_work *w)
{
    return 1e3 * IN("batch") * IN("hidden") * IN("bytes") * 8 / IN("bits");
}

static void ethernet(struct claim_work *w)
{
    w->value = ethernet_ms(w);
}

static struct served desktop(struct claim_work *w)
{
    struct serving s = tensor_server(w);
    s.tensor = IN("tensor");
    s.pipeline = IN("pipeline");
    s.handover_Bps = IN("handover_bits") / 8;
    s.handover_sharers = IN("tensor");
    return serve(&s);
}

static void desktop_tensor_latency(struct claim_work *w)
{
    const struct serving s = tensor_server(w);
    w->value = 1e3 * serve(&s).token_s;
    w->assumed = round(1e3 * serve(&s).tensor_comm_s) + 1e3 * serve(&s).stage_s;
    w->assumption = "the document's own rounded 35 ms of transfers";
}

static void desktop_tensor_rate(struct claim_work *w)
{
    const struct serving s = tensor_server(w);
    w->value = serve(&s).prompt_tokens_per_s;
}

static void hybrid_latency(struct claim_work *w)
{
    const struct served r = desktop(w);
    w->value = 1e3 * r.token_s;
    w->assumed = round(1e3 * r.tensor_comm_s) + IN("pipeline") * (IN("handover_ms") + 1e3 * r.stage_s);
    w->assumption = "the document's own 27 ms and 8 ms a hand-over; four cards that share 25 Gb/s need 6.9 ms";
}

static void hybrid_rate(struct claim_work *w)
{
    w->value = desktop(w).prompt_tokens_per_s;
}

static void cheapest(struct claim_work *w)
{
    w->value = tokens_per_usd(tokens_per_s(w), IN("usd_hour")) / 1e6;
}

const struct claim_code claims_cost[] = {
    { "cost-4090-server-capital", capital },
    { "cost-4090-server-power", power },
    { "cost-4090-server-rack", rack },
    { "cost-4090-server", hour },
    { "throughput-8x4090", throughput },
    { "tokens-per-hour-8x4090", tokens_an_hour },
    { "tokens-per-dollar-8x4090", tokens_a_dollar },
    { "cost-h100-server-capital", capital },
    { "cost-h100-server-rack", rack },
    { "cost-h100-server", hour },
    { "throughput-8xh100", throughput },
    { "tokens-per-hour-8xh100", tokens_an_hour },
    { "tokens-per-dollar-8xh100", tokens_a_dollar },
    { "h100-vs-4090-token-cost", dearer },
    { "h100-vs-4090-throughput", faster },
    { "gpt35-price-ratio", against_price },
    { "desktop-pp-10gbe-transfer", ethernet },
    { "desktop-tp-200g-transfer", ethernet },
    { "desktop-tp-200g-token-latency", desktop_tensor_latency },
    { "desktop-tp-200g-token-rate", desktop_tensor_rate },
    { "hybrid-tp4-pp2-token-latency", hybrid_latency },
    { "hybrid-tp4-pp2-token-rate", hybrid_rate },
    { "cheapest-cluster-capital", capital },
    { "cheapest-cluster-tokens-per-dollar", cheapest },
};
const size_t claims_cost_count = RB_LEN(claims_cost);
