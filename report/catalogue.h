/* report/catalogue.h - what is published of GPUs, network cards and PCIe: report/data/{gpus,nics,pcie,measured_flops}.csv.
 *
 * Knows the files' columns (explained at the head of each file), names and how people misspell them. Knows nothing of models
 * of performance.
 *
 * Units     those in the field names: TFLOP/s dense, GB = 1e9 bytes, GB/s one direction unless the name says bidir.
 * Unknown   a figure that nobody published is NAN; `weak` marks a figure that rests on one doubtful source.
 * Errors    RB_EUSAGE: "file:line:column: ..." for a damaged file, the candidates for a name that is unknown or fits several.
 * Ownership catalogue_free() frees all; pointers to rows live until then. */
#ifndef RB_REPORT_CATALOGUE_H
#define RB_REPORT_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

struct datum {
    double value; /* NAN: not known */
    bool weak;
};

struct gpu {
    char *model, *alias, *vendor, *arch, *form_factor, *link, *p2p, *price_note, *source, *notes;
    struct datum year;
    struct datum dense_bf16_tflops, dense_fp16_tflops; /* products summed in FP32 */
    struct datum fp16_fp16acc_tflops;                  /* summed in FP16, where that is faster */
    struct datum sparse_bf16_tflops;                   /* 2:4 sparsity; no model here uses it */
    struct datum dense_fp8_tflops, fp8_fp16acc_tflops, tf32_tflops;
    struct datum memory_GB, memory_GBps;
    struct datum links, link_GBps, link_effective_GBps; /* of the scale-up link, per link, one direction */
    struct datum unidir_GBps, bidir_GBps;               /* all links of a GPU */
    struct datum per_peer_GBps;                         /* one direction to one peer */
    struct datum max_gpus;                              /* in one link domain */
    struct datum pcie_gen, pcie_lanes, pcie_unidir_GBps;
    struct datum tdp_W, price_usd, price_high_usd;
};

struct nic {
    char *name, *latency_kind, *pcie, *source, *notes;
    struct datum rate_Gbps, unidir_GBps, gpus, latency_us, measured_GBps;
};

struct pcie {
    char *what, *direction, *source, *notes;
    struct datum gen, lanes, raw_unidir_GBps, encoded_unidir_GBps, typical_unidir_GBps, measured_GBps, measured_high_GBps;
};

struct gemm {
    char *model, *type, *source, *notes;
    struct datum measured_tflops, theory_tflops, percent;
};

struct catalogue {
    struct gpu *gpus;
    struct nic *nics;
    struct pcie *pcies;
    struct gemm *gemms;
    size_t ngpus, nnics, npcies, ngemms;
};

/* The files shipped with the program, then those of overrides (paths with commas between; NULL or "": none), merged by name:
 * a cell that is not empty replaces the one before. Warns where the links of a user's file do not add up. */
int catalogue_load(struct catalogue *c, const char *overrides);
void catalogue_free(struct catalogue *c);

/* One more file over what is there; which of the four kinds it is follows from its header. */
int catalogue_merge(struct catalogue *c, const char *path);
/* The same from memory; path is only for messages. */
int catalogue_merge_text(struct catalogue *c, const char *path, const char *text, size_t length);

/* Loosely: "h800", "H800 SXM", "NVIDIA H800", "A100-SXM4-80GB" and the names that drivers print. A bare family name is its SXM
 * form. RB_EUSAGE, printed, with candidates, when nothing or more than one fits; where: what the name stands in ("file:line"), NULL: not said. */
int catalogue_find_gpu(const struct catalogue *c, const char *where, const char *name, const struct gpu **gpu_p);
/* The same without a word: NULL when not exactly one fits. */
const struct gpu *catalogue_match_gpu(const struct catalogue *c, const char *name);
int catalogue_find_nic(const struct catalogue *c, const char *where, const char *name, const struct nic **nic_p);

/* The fastest published dense matrix multiplication of a model and type, NULL when there is none. */
const struct gemm *catalogue_gemm(const struct catalogue *c, const struct gpu *gpu, const char *type);
/* What large transfers over a PCIe generation are planned with; NAN when unknown. */
double catalogue_pcie_typical(const struct catalogue *c, double gen);

/* The GPU's dense 16-bit rate (BF16, else FP16), FP32 accumulation. */
struct datum gpu_dense16(const struct gpu *gpu);
/* All links together as a collective is planned with: links x effective rate; NAN when either is not known. */
double gpu_effective_GBps(const struct gpu *gpu);
bool gpu_has_link(const struct gpu *gpu);

/* `ringbench limits --list`. format: table, csv, json. */
void catalogue_print(const struct catalogue *c, const char *format);

#endif
