/* report/limits.h - how far a model can be split over GPUs of a kind before the link, not the arithmetic, sets the speed.
 *
 * Three answers side by side for each GPU and link (PCIe, scale-up link, network card):
 *   document  the documents' rule (report/layer.h, document_limit), nominal figures.
 *             low: F the larger and W the effective figure; high: F the smaller and W nominal
 *   layer     a whole transformer layer (training) or token (inference). F: the best published GEMM rate, else nominal; W: effective,
 *             else nominal; hop latencies of NCCL's tuner. low: the larger F; high: the smaller F, W nominal
 *   measured  the same with the fitted time of an all-reduce at the size the layer sends, from records of that GPU. NAN without.
 *             Simulated records serve where there are no others, and are named so
 *
 * "Effective" is what a collective is planned with: links x NCCL's rate a link; PCIe: the catalogue's typical figure of the
 * generation, half of it where the driver blocks peer-to-peer (every byte crosses PCIe twice); a card: its measured rate.
 *
 * Units    FLOP/s and bytes/s one direction inside; GB/s = 1e9 and TFLOP/s in what is printed.
 * Ownership limits_free(); a limit borrows its gpu from the catalogue. */
#ifndef RB_REPORT_LIMITS_H
#define RB_REPORT_LIMITS_H

#include "report/catalogue.h"
#include "report/fit.h"
#include "report/inference.h"
#include "report/layer.h"
#include "report/sheet.h"

enum limit_link { LIMIT_PCIE, LIMIT_SCALEUP, LIMIT_NIC, LIMIT_LINKS };
extern const char *const limit_link_names[]; /* "pcie", "scaleup", "nic", NULL */

struct limit_settings {
    /* options */
    const char *gpu, *link, *model, *nic, *catalogue, *results, *format, *view, *accumulate, *split;
    double hidden, heads, kv_heads, ffn, batch, seq, layers, params, bytes; /* 0: not given, the preset's */
    bool gated, not_gated, inference, list;
    double efficiency, overlap, latency_us, tflops;
    uint64_t domain; /* GPUs in a PCIe domain */

    /* derived */
    struct layer layer;
    struct decoder decoder; /* flops and memory_Bps per GPU */
    char model_name[48];
};

/* Low, central and high of one answer. */
struct limit_range {
    double low, value, high;
};

struct limit {
    const struct gpu *gpu; /* NULL: the machine that the records come from */
    enum limit_link link;
    char gpu_name[48], link_name[48];
    struct limit_range flops;   /* FLOP/s: smaller, the one the layer uses, larger of nominal and published GEMM rate */
    double flops_nominal;
    double flops_fp16acc;       /* NAN where no separate rate exists */
    double Bps_nominal, Bps_effective; /* effective NAN when not known */
    double per_peer_Bps;        /* NAN when not known */
    double domain;              /* GPUs on this link */
    struct link_model model;    /* with the effective bandwidth */
    struct limit_range document, layer, measured;
    double document_fp16acc;    /* the document's limit at the FP16-accumulate rate; NAN without one */
    double usable;              /* a power of two, within domain and heads */
    double at_usable;           /* efficiency there */
    const char *binds;          /* what stops the next power of two: "compute" (nothing of the link), "bandwidth", "latency" */
    char evidence[280];         /* of measured: ranks, transport, algorithm, source; "" none */
    bool simulated;             /* measured rests on simulated records */
    bool weak;                  /* a figure it rests on has one doubtful source */
};

/* Training split over a link inside the node, or over the network between hosts that was measured (limits_network.h). */
struct limit_network {
    char gpu_name[48], over[48];
    double Bps;
    double tensor, pipeline, data; /* GPUs */
    bool measured;
};

struct limits {
    struct limit *list;
    size_t count;
    struct limit_network *network; /* none without records of several hosts */
    size_t nnetwork;
};

/* Defaults of every option, LLaMA-2 70B. */
int limits_defaults(struct limit_settings *s);
/* Fills the derived part; RB_EUSAGE for shapes that cannot be. */
int limits_prepare(struct limit_settings *s);

/* All GPUs named in s->gpu ("all" or a list with commas) and links in s->link. records may be NULL. */
int limits_make(struct limits *l, const struct limit_settings *s, const struct catalogue *c, const struct records *records);
void limits_free(struct limits *l);

/* One GPU and link; for others who need a single answer (validate). */
int limit_of(struct limit *l_p, const struct limit_settings *s, const struct catalogue *c, const struct gpu *gpu, enum limit_link link);
/* A copy whose link has another bandwidth, both protocols and a single peer's in the same proportion. */
struct limit limit_with_Bps(const struct limit *l, double Bps);
/* The layer (or token) efficiency of that row at t, central figures. */
double limit_efficiency(const struct limit *l, const struct limit_settings *s, double t);
/* The document's and the layer's limit of a GPU at another bandwidth, everything else the same. */
struct limit_range limit_document_at(const struct limit *l, const struct limit_settings *s, double Bps);
double limit_layer_at(const struct limit *l, const struct limit_settings *s, double Bps);
/* Largest power of two that is at most limit, domain and heads; at least 1. */
double limit_usable(double limit, double domain, double heads);

/* The table that is printed, and that a page shows. */
struct sheet *limits_sheet(const struct limits *l, const struct limit_settings *s);
struct sheet *limits_curve_sheet(const struct limits *l, const struct limit_settings *s);  /* efficiency, t = 1..64 */
struct sheet *limits_split_sheet(const struct limits *l, const struct limit_settings *s);  /* 1D .. ring, volumes */

/* `ringbench limits`; returns the exit code. */
int limits_command(int argc, char **argv);

#endif
