/* bench/table.h - nccl-tests' tables on standard output, one per collective, algorithm and transport.
 *
 * Layout: NVIDIA/nccl-tests src/common.cu and src/util.cu; programs that read it are promised 13 fields a line, the header
 * words "time" and "out-of-place" and the footer "Out of bounds values" nowhere else. Everything else begins with #.
 *
 * Knows records, not how they came about. */
#ifndef RB_BENCH_TABLE_H
#define RB_BENCH_TABLE_H

#include "bench/settings.h"
#include "report/records.h"

struct table_rank {
    int pid, core; /* core -1: not bound */
    char host[64];
    char device[96]; /* name of the processor, or of the GPU */
    char bus[24];    /* of the GPU; "": none */
    int gpu;
    int thread; /* of the process */
};

/* Once, above all tables. */
void table_preamble(FILE *out, const struct settings *s, const struct table_rank *ranks, int nranks);
/* title: what follows, after the collective: "by ring over shm". */
void table_head(FILE *out, const struct settings *s, const char *collective, const char *title);
/* One size; in: NULL where the collective has no in-place form. */
void table_row(FILE *out, const struct settings *s, const struct record_case *out_of_place, const struct record_case *in_place);

struct table_totals {
    double sum, best; /* busbw, GB/s */
    size_t count;
    int64_t wrong;
};
void table_count(struct table_totals *t, const struct record_case *c);
/* minimum: NCCL_TESTS_MIN_BW, 0: none. True when the average reaches 0.9 of it. */
bool table_foot(FILE *out, const struct table_totals *t, const char *collective, double minimum);

/* OSU's view of the same samples; NAN where a resumed record has no mean. */
struct table_osu {
    double mean_us, max_us;
};
void table_osu_head(FILE *out, const char *collective, const char *title);
void table_osu_row(FILE *out, const struct record_case *c, const struct table_osu *more);

/* The number as nccl-tests prints it in 7 columns; "n/a" for NAN. */
enum { TABLE_NUMBER = 24 };
const char *table_number(char text[TABLE_NUMBER], double value);

#endif
