/* Claims on serving: caches, balance, pipelines, tensor parallelism, links. */
#include "report/claims_code.h"

#include "core/error.h"
#include "report/inference.h"
#include "report/memory_model.h"

#include <math.h>

#define IN(name) claim_input(w, name)

static double cache(struct claim_work *w)
{
    return cache_bytes(IN("layers"), IN("hidden"), IN("tokens"), IN("batch"), IN("bytes"));
}

static double saved_flop(struct claim_work *w)
{
    return cache_flop_saved(IN("layers"), IN("hidden"), IN("tokens"), IN("batch"));
}

static const double TEBI = 1099511627776.0, GIBI = 1073741824.0;

static void cache_size(struct claim_work *w)
{
    w->value = cache(w) / 1e9;
    w->assumed = cache(w) / GIBI;
    w->assumption = "binary units: 80 GiB";
}

static void cache_flop(struct claim_work *w)
{
    w->value = saved_flop(w) / 1e12;
    w->assumed = saved_flop(w) / TEBI;
    w->assumption = "binary units: 640 x 2^40";
}

static void flop_per_cached_byte(struct claim_work *w)
{
    w->value = saved_flop(w) / cache(w);
    w->why = "640 Ti FLOP over 80 GiB is 8192, the hidden size; 16000 divides by 40";
}

static void recompute_loads(struct claim_work *w)
{
    const double loads = cache_loads_saved(IN("layers"), IN("hidden"), IN("tokens"));
    w->value = loads / 1e12;
    w->assumed = loads / TEBI;
    w->assumption = "binary units: 40 x 2^40";
}

static void cache_a_prompt(struct claim_work *w)
{
    w->value = cache(w) / 1e9;
    w->why = "an eighth of the document's own 80 GiB is 10 GiB";
}

static void cache_13b(struct claim_work *w)
{
    const double b = cache_bytes(IN("L"), IN("d"), IN("s") + IN("n"), IN("b"), 2);
    w->value = b / 1e9;
    w->assumed = floor(b / GIBI);
    w->assumption = "binary units, and 26.6 GiB is cut, not rounded";
}

static void one_activation(struct claim_work *w)
{
    w->value = IN("batch") * IN("tokens") * IN("hidden") * IN("bytes") / 1e9;
}

static void balance(struct claim_work *w)
{
    w->value = decode_balance_batch(IN("rate"), IN("membw"));
}

/* The documents' 70B model: batch 1 where the claim has none, memory-bound then. */
static struct decoder decoder_of(struct claim_work *w, bool batched)
{
    const double batch = batched ? IN("batch") : 1;
    return (struct decoder){ .params = IN("params"), .layers = 80, .hidden = 8192, .batch = batch, .weight_bytes = 2, .bytes = 2,
                             .flops = INFINITY, .memory_Bps = IN("membw") };
}

static double stage_s(struct claim_work *w)
{
    const struct decoder d = decoder_of(w, false);
    return decode_stage(&d, IN("gpus")).stage_s;
}

static double pipeline_s(struct claim_work *w)
{
    const struct decoder d = decoder_of(w, false);
    return decode_pipeline(&d, IN("gpus"), INFINITY, 0).token_s;
}

static void stage(struct claim_work *w)
{
    w->value = stage_s(w);
}

static void stage_ms(struct claim_work *w)
{
    w->value = 1e3 * stage_s(w);
}

static void pipeline_latency(struct claim_work *w)
{
    w->value = pipeline_s(w);
}

static void pipeline_rate(struct claim_work *w)
{
    w->value = 1 / pipeline_s(w);
}

static void arithmetic_stage(struct claim_work *w)
{
    const struct decoder d = { .params = IN("params"), .batch = IN("batch"), .weight_bytes = 2, .flops = IN("rate"), .memory_Bps = INFINITY };
    w->value = decode_stage(&d, IN("gpus")).arithmetic_s;
}

static double transfer_bytes(struct claim_work *w)
{
    const struct decoder d = { .layers = 80, .hidden = IN("hidden"), .batch = IN("batch"), .bytes = IN("bytes"), .flops = 1, .memory_Bps = 1 };
    return decode_stage(&d, 1).transfer_bytes;
}

static void transfer_us(struct claim_work *w)
{
    w->value = 1e6 * transfer_bytes(w) / IN("bw");
}

static void transfer_ms(struct claim_work *w)
{
    w->value = 1e3 * transfer_bytes(w) / IN("bw");
}

static void handover_330(struct claim_work *w)
{
    transfer_ms(w);
    w->assumed = floor(100 * w->value) / 100;
    w->assumption = "the document cuts 0.169 instead of rounding it (its tensor-parallel passage rounds the same figure to 0.17)";
}

static void ethernet_one(struct claim_work *w)
{
    transfer_ms(w);
    w->why = "16 KiB at 125 MB/s take 0.13 ms; 0.25 ms is half a gigabit per second";
}

static void ethernet_330(struct claim_work *w)
{
    transfer_ms(w);
    w->assumed = 1e3 * IN("cut_bytes") / IN("cut_bw");
    w->assumption = "16 KiB counted as 16 kB, and 1 Gb/s as 128 MB/s";
}

static void ethernet_rate(struct claim_work *w)
{
    const struct decoder d = decoder_of(w, true);
    w->value = 1 / decode_pipeline(&d, IN("gpus"), IN("bw"), 0).token_s;
    w->why = "8 hand-overs and 8 stages take 0.49 s; 3 a second leaves the 0.14 s of computation out";
}

static double batch_in(double budget_s, double bw, double prompt_bytes)
{
    return floor(bw * budget_s / prompt_bytes);
}

static void budget_batch(struct claim_work *w)
{
    w->value = batch_in(IN("t"), IN("bw"), IN("hidden") * IN("bytes"));
    w->assumed = batch_in(IN("t"), IN("cut_bw"), IN("cut_bytes"));
    w->assumption = "16 KiB counted as 16 kB, and 1 Gb/s as 128 MB/s";
}

static void budget_throughput(struct claim_work *w)
{
    budget_batch(w);
    w->value *= IN("stages") * IN("rate");
    w->assumed *= IN("stages") * IN("rate");
}

/* 2 transfers a layer of a tensor-parallel token; their latency replaces size / W where the claim has one. */
static double tensor_comm_s(struct claim_work *w)
{
    const struct decoder d = decoder_of(w, true);
    return decode_tensor(&d, IN("gpus"), IN("bw"), 0).comm_s;
}

static double relayed_comm_s(struct claim_work *w)
{
    const struct decoder d = decoder_of(w, false);
    return decode_tensor(&d, IN("gpus"), INFINITY, IN("latency")).comm_s;
}

static void relayed_comm(struct claim_work *w)
{
    w->value = 1e3 * relayed_comm_s(w);
}

static void relayed_latency(struct claim_work *w)
{
    w->value = 1e3 * (stage_s(w) + relayed_comm_s(w));
}

static void relayed_rate(struct claim_work *w)
{
    w->value = 1 / (stage_s(w) + relayed_comm_s(w));
}

static void tensor_comm(struct claim_work *w)
{
    w->value = 1e3 * tensor_comm_s(w);
}

static void tensor_comm_h100(struct claim_work *w)
{
    tensor_comm(w);
    w->assumed = 160 * floor(1e5 * transfer_bytes(w) / IN("bw")) / 1e2;
    w->assumption = "160 times the document's own rounded 0.01 ms";
}

static void tensor_latency(struct claim_work *w)
{
    w->value = 1e3 * (stage_s(w) + tensor_comm_s(w));
}

/* Sum of the document's own tenths of a millisecond. */
static double rounded_h100_s(struct claim_work *w)
{
    const double comm_ms = 160 * floor(1e5 * transfer_bytes(w) / IN("bw")) / 1e2;
    return (round(1e4 * stage_s(w)) / 10 + comm_ms) / 1e3;
}

static void tensor_latency_h100(struct claim_work *w)
{
    tensor_latency(w);
    w->assumed = 1e3 * rounded_h100_s(w);
    w->assumption = "the document's own rounded 5.2 ms and 160 x 0.01 ms";
}

static void tensor_rate(struct claim_work *w)
{
    w->value = 1 / (stage_s(w) + tensor_comm_s(w));
}

static void tensor_rate_h100(struct claim_work *w)
{
    tensor_rate(w);
    w->assumed = 1 / rounded_h100_s(w);
    w->assumption = "the document's own rounded 6.8 ms";
}

const struct claim_code claims_inference[] = {
    { "kv-cache-70b", cache_size },
    { "kv-cache-flops-saved", cache_flop },
    { "kv-cache-flops-per-byte", flop_per_cached_byte },
    { "kv-recompute-loads", recompute_loads },
    { "kv-cache-per-prompt-70b", cache_a_prompt },
    { "kv-cache-13b", cache_13b },
    { "activation-one-layer", one_activation },
    { "balance-batch-4090", balance },
    { "balance-batch-h100", balance },
    { "pp-token-latency-stage-4090", stage },
    { "pp-token-latency-4090", pipeline_latency },
    { "pp-token-rate-4090", pipeline_rate },
    { "compute-bound-stage-4090", arithmetic_stage },
    { "pp-transfer-batch8", transfer_us },
    { "pp-transfer-batch330", handover_330 },
    { "pp-transfer-gbe-batch1", ethernet_one },
    { "pp-transfer-gbe-batch330", ethernet_330 },
    { "pp-gbe-batch330-rate", ethernet_rate },
    { "pp-gbe-budget-batch", budget_batch },
    { "pp-gbe-throughput", budget_throughput },
    { "tp-transfer-batch1", transfer_us },
    { "tp-comm-batch1-4090", relayed_comm },
    { "tp-token-latency-batch1-4090", relayed_latency },
    { "tp-token-rate-batch1-4090", relayed_rate },
    { "tp-transfer-batch330-4090", transfer_ms },
    { "tp-comm-batch330-4090", tensor_comm },
    { "tp-token-latency-batch330-4090", tensor_latency },
    { "tp-token-rate-batch330-4090", tensor_rate },
    { "tp-transfer-batch295-h100", transfer_ms },
    { "tp-comm-batch295-h100", tensor_comm_h100 },
    { "tp-compute-h100", stage_ms },
    { "tp-token-latency-h100", tensor_latency_h100 },
    { "tp-token-rate-h100", tensor_rate_h100 },
};
const size_t claims_inference_count = RB_LEN(claims_inference);
