/* report/import_nccl.h - one run of nccl-tests as rows, whatever it was printed as, and what must hold between them.
 *
 * Formulas: algbw = bytes / time; busbw = algbw * factor, the factor per collective as in nccl-tests' doc/PERFORMANCE.md. */
#ifndef RB_REPORT_IMPORT_NCCL_H
#define RB_REPORT_IMPORT_NCCL_H

#include "report/import_read.h"

/* Out of place or in place. half_*: half a unit of the last printed digit. */
struct nccl_figure {
    bool present;
    double time_us, algbw, busbw;
    double half_time, half_algbw, half_busbw;
    double min_us, p99_us, cv; /* NAN when not printed */
    int64_t wrong;             /* -1: not checked */
    double *samples_us;        /* of -I in JSON; owned by the row; may be NULL */
    size_t nsamples;
};

struct nccl_row {
    size_t line;
    uint64_t bytes, count;
    char type[12], op[8]; /* "" where the table has no such column */
    int root;
    struct nccl_figure place[2];
};

struct nccl_run {
    struct import_source facts; /* goes into the import's source when the run is closed */
    struct nccl_row *rows;
    size_t nrows;
    double average; /* "Avg bus bandwidth"; NAN when not printed */
    size_t average_line;
    int64_t out_of_bounds; /* -1: not printed */
    bool has_counts;       /* the table has a count column */
    bool rows_elided, ranks_elided;
    bool mixed;      /* several processes printed into one stream */
    int ranks;       /* from the device list; 0 unknown */
    uint64_t iters;  /* 0 unknown */
    uint64_t max_bytes;
};

struct nccl_row *nccl_add_row(struct nccl_run *run);
/* Checks the rows, opens a source, adds the cases, closes it, and empties the run. RB_EUSAGE when the rows cannot be understood. */
int nccl_close(struct import_reader *reader, struct nccl_run *run);
void nccl_free(struct nccl_run *run);

/* busbw / algbw; 0 when the collective is not known. */
double nccl_factor(const char *collective, int ranks);
/* Bytes of an element; 0 when the type is not known. */
size_t nccl_type_bytes(const char *type);
/* size = count * type * blocks. */
int nccl_blocks(const char *collective, int ranks);
/* The name that records use: "int" -> "int32". */
const char *nccl_type_name(const char *type);

#endif
