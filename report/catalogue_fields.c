#include "report/catalogue_fields.h"

#include "core/error.h"

#define WORDS(type, column, field, required, key) { column, offsetof(struct type, field), FIELD_WORDS, required, key }
#define FIGURE(type, column, field, required) { column, offsetof(struct type, field), FIELD_FIGURE, required, false }

static const struct catalogue_field gpu_fields[] = {
    WORDS(gpu, "model", model, true, true),
    WORDS(gpu, "alias", alias, false, false),
    WORDS(gpu, "vendor", vendor, false, false),
    WORDS(gpu, "arch", arch, false, false),
    FIGURE(gpu, "year", year, false),
    WORDS(gpu, "form_factor", form_factor, false, false),
    FIGURE(gpu, "dense_bf16_tflops", dense_bf16_tflops, true),
    FIGURE(gpu, "dense_fp16_tflops", dense_fp16_tflops, true),
    FIGURE(gpu, "fp16_fp16acc_tflops", fp16_fp16acc_tflops, false),
    FIGURE(gpu, "sparse_bf16_tflops", sparse_bf16_tflops, false),
    FIGURE(gpu, "dense_fp8_tflops", dense_fp8_tflops, false),
    FIGURE(gpu, "fp8_fp16acc_tflops", fp8_fp16acc_tflops, false),
    FIGURE(gpu, "tf32_tflops", tf32_tflops, false),
    FIGURE(gpu, "memory_GB", memory_GB, true),
    FIGURE(gpu, "memory_GBps", memory_GBps, true),
    WORDS(gpu, "scaleup_link", link, true, false),
    FIGURE(gpu, "scaleup_links", links, false),
    FIGURE(gpu, "scaleup_link_GBps", link_GBps, false),
    FIGURE(gpu, "scaleup_link_effective_GBps", link_effective_GBps, false),
    FIGURE(gpu, "scaleup_unidir_GBps", unidir_GBps, true),
    FIGURE(gpu, "scaleup_bidir_GBps", bidir_GBps, false),
    FIGURE(gpu, "scaleup_per_peer_GBps", per_peer_GBps, true),
    FIGURE(gpu, "scaleup_max_gpus", max_gpus, true),
    FIGURE(gpu, "pcie_gen", pcie_gen, false),
    FIGURE(gpu, "pcie_lanes", pcie_lanes, false),
    FIGURE(gpu, "pcie_unidir_GBps", pcie_unidir_GBps, true),
    WORDS(gpu, "p2p", p2p, false, false),
    FIGURE(gpu, "tdp_W", tdp_W, false),
    FIGURE(gpu, "price_usd", price_usd, false),
    FIGURE(gpu, "price_high_usd", price_high_usd, false),
    WORDS(gpu, "price_note", price_note, false, false),
    WORDS(gpu, "source", source, true, false),
    WORDS(gpu, "notes", notes, false, false),
};

static const struct catalogue_field nic_fields[] = {
    WORDS(nic, "nic", name, true, true),
    FIGURE(nic, "rate_Gbps", rate_Gbps, false),
    FIGURE(nic, "unidir_GBps", unidir_GBps, true),
    FIGURE(nic, "gpus", gpus, false),
    FIGURE(nic, "latency_us", latency_us, true),
    WORDS(nic, "latency_kind", latency_kind, false, false),
    WORDS(nic, "pcie", pcie, false, false),
    FIGURE(nic, "measured_GBps", measured_GBps, false),
    WORDS(nic, "source", source, true, false),
    WORDS(nic, "notes", notes, false, false),
};

static const struct catalogue_field pcie_fields[] = {
    FIGURE(pcie, "pcie_gen", gen, true),
    FIGURE(pcie, "lanes", lanes, true),
    FIGURE(pcie, "raw_unidir_GBps", raw_unidir_GBps, false),
    FIGURE(pcie, "encoded_unidir_GBps", encoded_unidir_GBps, true),
    FIGURE(pcie, "typical_unidir_GBps", typical_unidir_GBps, true),
    WORDS(pcie, "case", what, true, true),
    FIGURE(pcie, "measured_GBps", measured_GBps, false),
    FIGURE(pcie, "measured_high_GBps", measured_high_GBps, false),
    WORDS(pcie, "direction", direction, true, true),
    WORDS(pcie, "source", source, true, false),
    WORDS(pcie, "notes", notes, false, false),
};

/* No key: a source may give several measurements of one model, all of them are kept. */
static const struct catalogue_field gemm_fields[] = {
    WORDS(gemm, "model", model, true, false),
    WORDS(gemm, "type", type, true, false),
    FIGURE(gemm, "measured_tflops", measured_tflops, true),
    FIGURE(gemm, "theory_tflops", theory_tflops, false),
    FIGURE(gemm, "percent", percent, false),
    WORDS(gemm, "source", source, true, false),
    WORDS(gemm, "notes", notes, false, false),
};

#define KIND(what, file, type, rows, count, fields) \
    { what, file, sizeof(struct type), offsetof(struct catalogue, rows), offsetof(struct catalogue, count), fields, RB_LEN(fields) }

const struct catalogue_kind catalogue_kinds[CATALOGUE_KINDS] = {
    KIND("GPU model", "gpus.csv", gpu, gpus, ngpus, gpu_fields),
    KIND("network card", "nics.csv", nic, nics, nnics, nic_fields),
    KIND("PCIe measurement", "pcie.csv", pcie, pcies, npcies, pcie_fields),
    KIND("GEMM measurement", "measured_flops.csv", gemm, gemms, ngemms, gemm_fields),
};
