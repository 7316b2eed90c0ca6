/* Claims on compute, memory, pipelines, data parallelism, ZeRO, parameters, clusters. */
#include "report/claims_code.h"

#include "core/error.h"
#include "report/memory_model.h"

#include <math.h>

#define IN(name) claim_input(w, name)

static void gpu_years(struct claim_work *w)
{
    w->value = IN("gpu_hours") / (24 * 365);
}

static void gpus_for_a_month(struct claim_work *w)
{
    w->value = IN("gpu_hours") / (30 * 24);
}

static void adam_bytes(struct claim_work *w)
{
    w->value = adam_bytes_per_param();
}

static void weights(struct claim_work *w)
{
    w->value = IN("bytes") * IN("params") / 1e9;
}

static void adam_state(struct claim_work *w)
{
    w->value = adam_bytes_per_param() * IN("params") / 1e9;
}

static double activations(struct claim_work *w)
{
    return activations_selective(IN("seq"), IN("batch"), IN("hidden"), IN("layers"), IN("tp"));
}

static void selective_activations(struct claim_work *w)
{
    w->value = activations(w) / 1e9;
}

static double training_bytes(struct claim_work *w)
{
    return state_bytes(IN("params")) + activations(w);
}

static void training_memory(struct claim_work *w)
{
    w->value = training_bytes(w) / 1e9;
}

static void cards(struct claim_work *w)
{
    w->value = cards_needed(training_bytes(w), IN("card") * 1e9);
}

static void kept_sets(struct claim_work *w)
{
    w->value = pipeline_kept_sets((int)IN("N"));
}

static void recomputed_layers(struct claim_work *w)
{
    w->value = recompute_layers(IN("n"));
}

static void recompute_overhead(struct claim_work *w)
{
    w->value = recompute_layers(IN("n")) / IN("n");
}

static double step_flop(struct claim_work *w)
{
    return training_flop(IN("params"), IN("batch") * IN("seq"));
}

static void layer_step(struct claim_work *w)
{
    w->value = step_flop(w) / 1e12;
    w->assumed = floor(w->value);
    w->assumption = "the document cuts 196.6 instead of rounding it";
}

static void layer_step_time(struct claim_work *w)
{
    w->value = step_flop(w) / IN("rate");
}

static void gradient_time(struct claim_work *w)
{
    w->value = IN("bytes") / IN("bw");
}

static void gradient_both_ways(struct claim_work *w)
{
    w->value = 2 * IN("bytes") / IN("bw");
    w->assumed = 2 * floor(100 * IN("bytes") / IN("bw")) / 100;
    w->assumption = "twice the document's own 0.12 s, which cuts 0.125";
}

static void accumulated_step(struct claim_work *w)
{
    w->value = IN("steps") * step_flop(w) / IN("rate");
}

static void cluster_batch(struct claim_work *w)
{
    w->value = IN("gpus") * IN("micro");
}

static void ps_against_ring(struct claim_work *w)
{
    const double n = IN("N");
    w->value = ring_total_bytes(n, 1) / ps_total_bytes(n, 1);
    w->assumed = ring_total_bytes(n, 1) / (ps_total_bytes(n, 1) * (n - 1) / n);
    w->assumption = "every worker also serves its share, so that one part in N never leaves it; with a dedicated server the ring moves "
                    "(N-1)/N of it. The busiest end differs far more: 2NS at the server, 2(N-1)/N S a direction in the ring";
}

static void zero2_memory(struct claim_work *w)
{
    const double n = IN("N");
    w->value = zero_state_bytes(1, 1, 0) / zero_state_bytes(1, n, 2);
    w->assumed = zero_state_bytes(1, 1, 0) / zero_state_bytes(1, 1e9, 2);
    w->assumption = "the limit of many GPUs; 64 of them save 7.2 times";
}

static void zero3_volume(struct claim_work *w)
{
    w->value = zero_volume_bytes(1, IN("N"), 3, 2) / zero_volume_bytes(1, IN("N"), 0, 2);
}

static void zero3_memory(struct claim_work *w)
{
    w->value = zero_state_bytes(1, 1, 0) / zero_state_bytes(1, IN("N"), 3);
    w->why = "sharding over N saves N times, 64 for the 64 GPUs of the ZeRO paper's figure; 120 is the GB that its model takes unsharded";
}

static void failures(struct claim_work *w)
{
    w->value = failure_interval(30 * 24 * 60, IN("cards"));
}

static void failure_loss(struct claim_work *w)
{
    w->value = IN("recovery") / failure_interval(30 * 24 * 60, IN("cards"));
}

static void parameters(struct claim_work *w)
{
    w->value = params_documents(IN("N"), IN("d"), IN("V"));
    w->why = "the printed sum takes d = 4096, the 7B model's, in d^2 + V d";
}

static void decoder_parameters(struct claim_work *w)
{
    w->value = params_decoder(IN("N"), IN("d"));
    w->why = "12 N d^2 of the stated N and d is another number";
}

static void fixed_memory(struct claim_work *w)
{
    const double p = params_decoder(IN("N"), IN("d"));
    w->value = 8 * p / 1e9;
    w->assumed = 8 * floor(p / 1e9);
    w->assumption = "the 12.58e9 decoder parameters are cut to 12e9. 8 bytes a parameter hold no FP32 copy; mixed-precision Adam takes 16";
}

static void all_activations(struct claim_work *w)
{
    const double s = IN("s");
    w->value = s > 0 ? activations_all(IN("N"), IN("b"), s, IN("d"), IN("h")) / 1e9 : NAN;
    w->why = "the document gives no sequence length: 1024 tokens make 15.5 GB, 2048 make 47.8 GB; 31 GB is two sequences of 1024";
}

static void train_days(struct claim_work *w)
{
    const struct gpu *a100 = catalogue_match_gpu(w->catalogue, "A100 SXM 80GB");
    w->value = training_seconds(IN("P"), IN("T"), IN("n"), a100 != NULL ? a100->dense_bf16_tflops.value * 1e12 : NAN, IN("u")) / 86400;
    w->datasheet = true;
    w->why = "624 TFLOP/s is the A100's rate with 2:4 sparsity; dense it is 312, and the formula then gives 33 days, not 16.5";
}

static void product3(struct claim_work *w)
{
    w->value = IN("tp") * IN("pp") * IN("dp");
}

static void mesh_peers(struct claim_work *w)
{
    w->value = sqrt(IN("n")) - 1;
}

static void ring_steps(struct claim_work *w)
{
    w->value = IN("n") - 1;
}

static void state_terabytes(struct claim_work *w)
{
    w->value = state_bytes(IN("params")) / 1e12;
}

static void accumulation_steps(struct claim_work *w)
{
    w->value = IN("total") / (IN("batch") / IN("accum"));
}

static void accumulation_updates(struct claim_work *w)
{
    w->value = IN("total") / IN("batch");
}

const struct claim_code claims_training[] = {
    { "llama2-70b-years-on-one-gpu", gpu_years },
    { "llama2-70b-a100-for-a-month", gpus_for_a_month },
    { "adam-bytes-per-param", adam_bytes },
    { "llama2-70b-weights", weights },
    { "llama2-70b-adam-state", adam_state },
    { "llama2-70b-activations", selective_activations },
    { "llama2-70b-training-memory", training_memory },
    { "a100-80g-needed-for-memory", cards },
    { "4090-needed-for-memory", cards },
    { "pipeline-stored-activations", kept_sets },
    { "full-recompute-layers", recomputed_layers },
    { "full-recompute-overhead", recompute_overhead },
    { "pipeline-layer-step-flops", layer_step },
    { "pipeline-layer-step-time-4090", layer_step_time },
    { "dp-gradient-pcie4-time", gradient_time },
    { "dp-gradient-allreduce-time", gradient_both_ways },
    { "dp-accumulated-step-time", accumulated_step },
    { "cluster-batch", cluster_batch },
    { "dp-ps-equals-ring-volume", ps_against_ring },
    { "zero2-memory", zero2_memory },
    { "zero3-volume", zero3_volume },
    { "zero3-memory", zero3_memory },
    { "cluster-failure-interval", failures },
    { "cluster-failure-loss", failure_loss },
    { "gpt3-3d-parallel-gpus", product3 },
    { "tp-2d-peers", mesh_peers },
    { "sequence-ring-steps", ring_steps },
    { "200b-fp32-weights", weights },
    { "200b-training-memory", state_terabytes },
    { "llama-7b-params", parameters },
    { "llama-7b-decoder-params", decoder_parameters },
    { "llama-13b-params", parameters },
    { "llama-13b-decoder-params", decoder_parameters },
    { "llama-33b-params", parameters },
    { "llama-33b-decoder-params", decoder_parameters },
    { "llama-65b-params", parameters },
    { "llama-65b-decoder-params", decoder_parameters },
    { "train-memory-13b-fixed", fixed_memory },
    { "activation-13b-batch1", all_activations },
    { "llama-65b-train-days", train_days },
    { "batch-accumulation-steps", accumulation_steps },
    { "batch-accumulation-updates", accumulation_updates },
};
const size_t claims_training_count = RB_LEN(claims_training);
