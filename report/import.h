/* report/import.h - figures that other tools printed, as records.
 *
 * Knows the formats (one file and one row of the table in import_formats.c each) and what a log itself says of its
 * machine. Knows nothing of GPU catalogues: names are kept as the log spells them. What a log leaves out stays unknown.
 *
 * A published log may begin with lines of its collector ("# source: ...", "# gpu: ...", "# count: ...",
 * "# interconnect: ...", "# collective: ...", "# nccl: ..."): they fill what the log itself does not say.
 *
 * Units     bytes; microseconds; GB/s = 1e9 bytes per second. A figure is one direction unless `both_ways` is set.
 * Errors    RB_EUSAGE and one line "file:line: what is wrong" for a file that is empty, binary, too large or no log, and
 *           for one whose rows cannot be told apart. What is readable but does not add up is imported and warned of, with
 *           file and line (rb_warn), and counted.
 * Ownership import_free() frees what an import holds. Zero-initialise before the first import_file(). */
#ifndef RB_REPORT_IMPORT_H
#define RB_REPORT_IMPORT_H

#include "report/records.h"

/* A log larger than this is refused: the largest real one seen has less than a hundredth of it. */
enum { IMPORT_MAX_BYTES = 64 << 20 };

/* What one file says of itself. */
struct import_source {
    char name[96];          /* file name without folder and ending; a file's second run is "...-2" */
    char format[20];        /* "nccl-tests", "nccl-tests-json", "nvbandwidth", "p2p", "topo", "nvlink-status", "latency-csv" */
    char address[200];      /* "# source:" line, else the path */
    char path[160];         /* the file that was read */
    char gpu[64];           /* "NVIDIA H800"; "" unknown; several models are joined with " + " */
    int gpus, nodes;        /* 0 unknown */
    char interconnect[96];  /* the technologies that the log or its collector names, "NVLink4 + InfiniBand"; "" unknown */
    char transport[16];     /* guess from the log: nvlink, pcie, roce, ib, efa, tcp, slingshot, c2c, rdma; "" unknown */
    char collective[24];    /* "" none or unknown */
    char algorithm[16];     /* "ring", "tree", "nvls", ... when the log says which was forced or used, else "" */
    int nvls;               /* NVLink SHARP: 1 the log says it was available, 0 it says not, -1 unknown */
    char nccl[32], tool[32], driver[32], cuda[16]; /* versions as printed; "" unknown */
    int links;              /* active NVLinks of a GPU, as the driver said: nvlink --status, or the widest NV# of topo -m; 0 unknown */
    char note[200];         /* what the importer found: "rows elided; ranks from busbw / algbw" */
    size_t first_case, ncases; /* its rows in import.records.cases */
    size_t first_link, nlinks; /* its rows in import.links */
    size_t warnings;        /* lines of it that do not add up */
};

enum import_link_kind {
    IMPORT_COPY,    /* GB/s of copies between two ends, payload */
    IMPORT_LATENCY, /* microseconds between two ends */
    IMPORT_NOMINAL, /* GB/s of one NVLink as the driver reports it: raw signalling rate, one direction */
    IMPORT_PATH,    /* how two ends are joined: `path` */
};

/* Bandwidth, latency or kind of one connection. Ends: GPU 0.. = 0..; -1 a host (CPU); -2 all other GPUs; -3 the switch;
 * IMPORT_NIC + k: NIC k. */
enum { IMPORT_HOST = -1, IMPORT_ALL = -2, IMPORT_SWITCH = -3, IMPORT_NIC = 1000 };
struct import_link {
    size_t source; /* index in import.sources */
    size_t line;   /* in the file */
    enum import_link_kind kind;
    char test[56];    /* nvbandwidth's testcase, "p2p-enabled", "p2p-disabled", ... */
    int from, to;     /* the direction in which the data move */
    int index;        /* which NVLink of the GPU (IMPORT_NOMINAL), else 0 */
    bool both_ways;   /* the figure is the sum of two directions under load */
    bool loaded;      /* one direction's figure while the other is loaded too (nvbandwidth's bidirectional CE) */
    bool local;       /* both ends are the same GPU: memory, not a link */
    char engine[4];   /* "CE" copy engine, "SM" kernel, "" unknown */
    char path[8];     /* IMPORT_PATH: NV8, PIX, PXB, PHB, NODE, SYS */
    double GBps;      /* NAN for latencies and paths */
    double latency_us; /* NAN but for latencies */
};

/* What the user knows and a log does not say; NULL or 0: nothing. Stronger than a collector's lines. */
struct import_hints {
    const char *collective, *gpu;
    int ranks;
};

struct import {
    struct import_hints hints; /* set before import_file() */
    struct records records; /* only cases */
    struct import_link *links;
    size_t nlinks;
    struct import_source *sources;
    size_t nsources;
};

/* Appends what the file holds: the format is found by its content. RB_EUSAGE: nothing of this file was added. */
int import_file(struct import *im, const char *path);
/* The same from memory; path is only for messages and names. */
int import_memory(struct import *im, const char *path, const char *bytes, size_t length);
void import_free(struct import *im);

/* The figures shipped with the program (data/published, one file a source and an index): as import_file() gave them when they
 * were written by `ringbench import --format published --output DIR FILE...`. Such a file is a format like others for import_file(). */
int published_load(struct import *im);
/* Writes DIR/NAME.csv for every source, and DIR/index.csv. */
int published_write(const struct import *im, const char *directory);

/* `ringbench import FILE...`; returns the exit code. */
int import_command(int argc, char **argv);

/* A new reference. */
json_t *import_source_json(const struct import_source *s);
json_t *import_link_json(const struct import *im, const struct import_link *l);

/* "copy", "latency", "nominal", "path" */
const char *import_link_kind_name(enum import_link_kind kind);
/* "3", "host", "all", "switch", "nic0" */
enum { IMPORT_END_TEXT = 12 };
const char *import_end_name(char text[IMPORT_END_TEXT], int end);

#endif
