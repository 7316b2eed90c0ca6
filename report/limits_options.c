/* The options of `ringbench limits` and the model that follows from them. */
#include "report/limits_options.h"

#include "core/error.h"
#include "report/presets.h"

#include <stdio.h>
#include <string.h>

const char *const limit_link_names[] = { "pcie", "scaleup", "nic", NULL };
static const char *const link_choices[] = { "pcie", "scaleup", "nic", "all", NULL };
static const char *const accumulate_choices[] = { "fp32", "fp16", NULL };
static const char *const view_choices[] = { "limits", "curve", "splits", NULL };

#define AT(field) OPTION_AT(limit_settings, field)
static const struct option_row rows[] = {
    { 0, NULL, NULL, OPTION_TITLE, 0, "What", NULL, 0, 0 },
    { 0, "gpu", "all", OPTION_TEXT, AT(gpu), "models, with commas between; loose names are understood", NULL, 0, 0 },
    { 0, "link", "all", OPTION_LIST, AT(link), "over which link", link_choices, 0, 0 },
    { 0, "nic", "ConnectX-7 NDR IB", OPTION_TEXT, AT(nic), "network card, one a GPU", NULL, 0, 0 },
    { 0, "domain", "8", OPTION_COUNT, AT(domain), "GPUs that share a host's PCIe", NULL, 1, 4096 },
    { 0, "catalogue", "", OPTION_TEXT, AT(catalogue), "files over the shipped catalogue, with commas between", NULL, 0, 0 },
    { 0, "results", "", OPTION_TEXT, AT(results), "results.jsonl, own or imported, for the measured limit", NULL, 0, 0 },
    { 0, "tflops", NULL, OPTION_NUMBER, AT(tflops), "measured GEMM rate of the machine in --results, TFLOP/s dense [as recorded]", NULL, 1e-6, 1e6 },
    { 0, NULL, NULL, OPTION_TITLE, 0, "Model", NULL, 0, 0 },
    { 0, "model", "llama-2-70b", OPTION_TEXT, AT(model), "preset; the options below replace single figures of it", NULL, 0, 0 },
    { 0, "hidden", NULL, OPTION_NUMBER, AT(hidden), "hidden size h", NULL, 1, 1e7 },
    { 0, "heads", NULL, OPTION_NUMBER, AT(heads), "attention heads", NULL, 1, 1e5 },
    { 0, "kv-heads", NULL, OPTION_NUMBER, AT(kv_heads), "key and value heads (grouped queries)", NULL, 1, 1e5 },
    { 0, "ffn", NULL, OPTION_NUMBER, AT(ffn), "feed-forward width", NULL, 1, 1e8 },
    { 0, "gated", NULL, OPTION_FLAG, AT(gated), "three feed-forward matrices", NULL, 0, 0 },
    { 0, "not-gated", NULL, OPTION_FLAG, AT(not_gated), "two of them", NULL, 0, 0 },
    { 0, "layers", NULL, OPTION_NUMBER, AT(layers), "layers (inference)", NULL, 1, 1e5 },
    { 0, "params", NULL, OPTION_NUMBER, AT(params), "parameters (inference)", NULL, 1, 1e15 },
    { 0, "batch", NULL, OPTION_NUMBER, AT(batch), "micro-batch [training 1; inference: where memory and arithmetic balance]", NULL, 1, 1e6 },
    { 0, "seq", NULL, OPTION_NUMBER, AT(seq), "tokens of a sequence", NULL, 1, 1e8 },
    { 0, "bytes", "2", OPTION_NUMBER, AT(bytes), "bytes of an element on the wire", NULL, 0.125, 16 },
    { 0, NULL, NULL, OPTION_TITLE, 0, "Rules", NULL, 0, 0 },
    { 0, "accumulate", "fp32", OPTION_CHOICE, AT(accumulate), "how 16-bit products are summed; fp16 is faster on GeForce cards only", accumulate_choices, 0, 0 },
    { 0, "efficiency", "0.5", OPTION_NUMBER, AT(efficiency), "share of the time that must be arithmetic; 0.5: communication takes as long", NULL, 0.01, 0.999 },
    { 0, "overlap", "0", OPTION_NUMBER, AT(overlap), "share of the communication hidden behind arithmetic", NULL, 0, 1 },
    { 0, "latency", NULL, OPTION_NUMBER, AT(latency_us), "one message, us [NCCL's constants of the link]", NULL, 1e-3, 1e6 },
    { 0, "inference", NULL, OPTION_FLAG, AT(inference), "decoding instead of training", NULL, 0, 0 },
    { 0, "split", "1d", OPTION_CHOICE, AT(split), "how a layer is cut", layer_split_names, 0, 0 },
    { 0, NULL, NULL, OPTION_TITLE, 0, "Output", NULL, 0, 0 },
    { 0, "view", "limits", OPTION_CHOICE, AT(view), "the limits, efficiency for t = 1..64, or all splits with their volumes", view_choices, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, AT(format), "how it is printed", sheet_formats, 0, 0 },
    { 0, "list", NULL, OPTION_FLAG, AT(list), "the catalogue and the presets instead", NULL, 0, 0 },
};

const struct option_table limits_options = {
    .usage = "ringbench limits [options]",
    .about = "How many GPUs can share a model by tensor parallelism before the link, not the arithmetic, sets the speed.",
    .rows = rows,
    .count = RB_LEN(rows),
};

int limits_defaults(struct limit_settings *s)
{
    static char name[] = "limits", *argv[] = { name, NULL };
    bool help;
    *s = (struct limit_settings){0};
    return options_parse(&limits_options, s, 1, argv, NULL, 0, NULL, &help);
}

static double choose(double given, double preset)
{
    return given > 0 ? given : preset;
}

static int check_shape(const struct limit_settings *s)
{
    const struct layer *l = &s->layer;
    if (s->gated && s->not_gated)
        return rb_fail(RB_EUSAGE, "--gated and --not-gated exclude each other");
    if (l->kv_heads > l->heads)
        return rb_fail(RB_EUSAGE, "--kv-heads %g: more than the %g heads", l->kv_heads, l->heads);
    if (l->heads > l->hidden)
        return rb_fail(RB_EUSAGE, "--heads %g: more than the hidden size %g", l->heads, l->hidden);
    return RB_OK;
}

int limits_prepare(struct limit_settings *s)
{
    const struct preset *p;
    RB_TRY(preset_find(s->model, &p));
    const bool other_heads = s->heads > 0 && s->kv_heads <= 0;
    s->layer = (struct layer){
        .hidden = choose(s->hidden, p->hidden),
        .heads = choose(s->heads, p->heads),
        .kv_heads = other_heads ? s->heads : choose(s->kv_heads, p->kv_heads),
        .ffn = choose(s->ffn, s->hidden > 0 ? p->ffn / p->hidden * s->hidden : p->ffn),
        .batch = choose(s->batch, 1),
        .seq = choose(s->seq, p->seq),
        .gated = s->gated || (p->gated && !s->not_gated),
        .bytes = s->bytes,
    };
    RB_TRY(check_shape(s));
    const double layers = choose(s->layers, p->layers);
    const bool own = s->hidden > 0 || s->ffn > 0 || s->layers > 0 || s->gated || s->not_gated || s->heads > 0 || s->kv_heads > 0;
    s->decoder = (struct decoder){
        .params = choose(s->params, own ? layers * layer_params(&s->layer) + 2 * p->vocab * s->layer.hidden : p->params),
        .layers = layers,
        .hidden = s->layer.hidden,
        .batch = s->batch,
        .weight_bytes = 2,
        .bytes = s->bytes,
    };
    snprintf(s->model_name, sizeof s->model_name, "%s%s", p->name, own ? " (changed)" : "");
    return RB_OK;
}
