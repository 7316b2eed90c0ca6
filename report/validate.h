/* report/validate.h - does what is nominal, published, queried and measured of a GPU's links fit together?
 *
 * Knows evidence: figures of the catalogue, shipped single figures (data/evidence.csv), shipped logs (data/published) and files the
 * user gives (results.jsonl, or logs that `ringbench import` reads). A model is claimed to have k links of L GB/s nominal and E
 * effective (NCCL's rate), one direction.
 *
 * A figure v, one direction of a GPU at large messages, is
 *   consistent   (1-tolerance) k E <= v <= 1.02 k L
 *   above        v > 1.02 k L: no k links carry that
 *   below        v < (1-tolerance) k E
 *   not tested   it does not stand for the link: small messages only, another network, one peer of a mesh, ...
 * A queried number of links is consistent when it is k.
 * NVLS. An all-reduce that the switch may reduce (Hopper and later, ring or tree not stated) shows a busbw that its links need not
 * carry: with NVLS a GPU sends and receives algbw (n+1)/n, with a ring busbw. It is consistent when either is. A known NVLS figure
 * is tested by that wire rate against 1.02 k L only; a ring bound says nothing about it.
 * Emulated and simulated figures were seen on no such GPU: they are judged and shown, but neither the verdict nor the exit code counts
 * them. An emulated link may be scaled, its figure is therefore scaled to the model's; a simulated one stands as it is recorded.
 * Without a scale-up link the link is PCIe: k = 1, L the slot's rate, E what large transfers reach, half of it where the driver blocks
 * peer-to-peer (every byte passes through host memory); collectives reach 40 % of E.
 *
 * Units     GB/s = 1e9 bytes per second, one direction. Ownership validation_free(). */
#ifndef RB_REPORT_VALIDATE_H
#define RB_REPORT_VALIDATE_H

#include "report/import.h"
#include "report/limits.h"

enum evidence_kind { EVIDENCE_NOMINAL, EVIDENCE_MODEL, EVIDENCE_QUERIED, EVIDENCE_PUBLISHED, EVIDENCE_MEASURED, EVIDENCE_EMULATED, EVIDENCE_SIMULATED,
                     EVIDENCE_KINDS };
extern const char *const evidence_kind_names[];

enum evidence_verdict { EVIDENCE_CONSISTENT, EVIDENCE_ABOVE, EVIDENCE_BELOW, EVIDENCE_UNTESTED, EVIDENCE_OTHER_GPU, EVIDENCE_VERDICTS };
extern const char *const evidence_verdict_names[];

struct evidence {
    enum evidence_kind kind;
    char what[80], direction[32], algorithm[32], source[220];
    double GBps;      /* as stated; NAN for a number of links */
    double wire_GBps; /* least that a link must have carried, NVLS taken into account */
    double links;     /* queried; NAN */
    double ranks;     /* 0: not a collective */
    double pairs;     /* GBps is the median over so many pairs of GPUs; 0: no copies */
    bool given;       /* by the user */
    bool nvls_known, nvls_possible, copy;
    enum evidence_verdict verdict;
    char why[200];
    double links_low, links_high; /* numbers of links that it is consistent with; NAN */
    double document, layer;       /* TP limits at GBps; NAN where it stands for no bandwidth of a GPU */
};

struct validation {
    const struct gpu *gpu;
    struct limit limit; /* of its fastest link, catalogue figures */
    double k, nominal_GBps, effective_GBps; /* links; all of them together */
    bool over_pcie;
    struct evidence *list;
    size_t count;
    bool contradicted;    /* by something the user gave */
    char verdict[32];     /* "consistent", "above", "below", "no evidence" */
    char why[400], sentence[600];
};

struct validate_settings {
    const char *gpu, *catalogue, *format;
    const char *collective; /* for logs that do not say which; NULL: none */
    double tolerance;       /* share */
    struct limit_settings model;
};

/* files: user's, may be none. */
int validate(struct validation *v, const struct validate_settings *s, const struct catalogue *c, const char *const *files, size_t nfiles);
void validation_free(struct validation *v);
/* The number of a figure's source among the different ones, counted from 1 in the order of the list: "[3]" in the table. */
size_t validation_source(const struct validation *v, size_t index);
struct sheet *validation_sheet(const struct validation *v);

/* Fills verdict, why and the range of links. */
void evidence_judge(struct evidence *e, const struct validation *v, double tolerance);

/* `ringbench validate --gpu MODEL [FILE...]`; returns the exit code: 7 when a given file contradicts the model. */
int validate_command(int argc, char **argv);

#endif
