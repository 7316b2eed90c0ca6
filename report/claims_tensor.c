/* Claims on tensor parallelism and on hardware. */
#include "report/claims_code.h"

#include "core/error.h"
#include "report/layer.h"

#include <math.h>

#define IN(name) claim_input(w, name)

static void head_width(struct claim_work *w)
{
    w->value = IN("hidden") / IN("heads");
}

/* FLOP for each byte with t GPUs: the left side of the documents' rule. */
static double offered(struct claim_work *w, double t)
{
    return document_limit(IN("hidden"), IN("bytes"), 1, 1) / t;
}

static void one_head_ratio(struct claim_work *w)
{
    w->value = offered(w, IN("heads"));
}

static void one_head_bandwidth(struct claim_work *w)
{
    w->value = IN("rate") / offered(w, IN("heads")) / 1e9;
}

static void one_head_duplex(struct claim_work *w)
{
    w->value = 2 * IN("rate") / offered(w, IN("heads")) / 1e12;
}

static void ratio(struct claim_work *w)
{
    w->value = required_flop_per_byte(IN("rate"), IN("duplex") / 2);
}

static void ratio_h100(struct claim_work *w)
{
    ratio(w);
    w->why = "989/900 takes both directions; one direction is 450 GB/s, as in the document's own H800 and PCIe lines";
}

static void limit(struct claim_work *w)
{
    w->value = document_limit(IN("hidden"), IN("bytes"), IN("rate"), IN("duplex") / 2);
}

static void limit_h800(struct claim_work *w)
{
    limit(w);
    w->why = "24576 / (989 / 0.2) is 4.97; with the document's rounded 5000 it is 4.9, not 4.8";
}

/* A figure of the catalogue; NAN when the model is not in it. */
static void from_catalogue(struct claim_work *w, const char *model, double (*figure)(const struct gpu *))
{
    const struct gpu *gpu = catalogue_match_gpu(w->catalogue, model);
    w->value = gpu != NULL ? figure(gpu) : NAN;
    w->datasheet = true;
}

static double bidir(const struct gpu *gpu)
{
    return gpu->bidir_GBps.value;
}

static double dense(const struct gpu *gpu)
{
    return gpu->dense_bf16_tflops.value;
}

static void nvlink_3090(struct claim_work *w)
{
    from_catalogue(w, "RTX 3090", bidir);
    w->why = "the RTX 3090's bridge has 4 links of 14.06 GB/s a direction, 112.5 GB/s both ways; 600 is the A100's";
}

static void gh200_compute(struct claim_work *w)
{
    from_catalogue(w, "GH200 96GB", dense);
    const double gh200 = w->value;
    from_catalogue(w, "H100 SXM 80GB", dense);
    w->value = gh200 / w->value;
    w->why = "GH200 is an H100-class GPU beside a CPU: 989 dense TFLOP/s as before";
}

static void h800_nvlink(struct claim_work *w)
{
    from_catalogue(w, "H800 SXM 80GB", bidir);
}

static void a100_ratio(struct claim_work *w)
{
    w->value = required_flop_per_byte(IN("rate"), IN("bw"));
}

const struct claim_code claims_tensor[] = {
    { "tp-head-width", head_width },
    { "tp-one-head-per-gpu-ratio", one_head_ratio },
    { "tp-one-head-bandwidth-4090", one_head_bandwidth },
    { "tp-one-head-bandwidth-4090-duplex", one_head_duplex },
    { "tp-required-ratio-4090", ratio },
    { "tp-limit-4090", limit },
    { "tp-required-ratio-h100", ratio_h100 },
    { "tp-limit-h100", limit },
    { "tp-required-ratio-h800", ratio },
    { "tp-limit-h800", limit_h800 },
    { "tp-required-ratio-h100-pcie5", ratio },
    { "tp-limit-h100-pcie5", limit },
    { "nvlink-3090-nominal", nvlink_3090 },
    { "gh200-compute-doubles", gh200_compute },
    { "h800-nvlink", h800_nvlink },
    { "a100-flop-per-link-byte", a100_ratio },
};
const size_t claims_tensor_count = RB_LEN(claims_tensor);
