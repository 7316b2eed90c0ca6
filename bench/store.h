/* bench/store.h - results.jsonl and its companions, written by rank 0 while it measures.
 *
 * Each record is complete and on disk before the next is measured: a killed run keeps what it has. An older results.jsonl
 * becomes results.previous.jsonl with the first line of a run that does not resume it; a run that fails before leaves it alone.
 *
 * Errors RB_EUSAGE with the file and the reason; everything that can fail for want of rights or space is tried in
 * store_open(), before anything is measured. */
#ifndef RB_BENCH_STORE_H
#define RB_BENCH_STORE_H

#include "bench/settings.h"
#include "report/records.h"

struct store;

/* Makes the folder. The caller closes. */
int store_open(struct store **s_p, const struct settings *settings);
const char *store_path(const struct store *s);
/* The run line: settings, machine, environment. Before all others. */
int store_add_run(struct store *s, const json_t *run);
int store_add_note(struct store *s, const json_t *note);
int store_add_workload(struct store *s, const json_t *workload);
int store_add_gemm(struct store *s, const json_t *gemm);
/* Takes the samples of *c over: writes and frees them. */
int store_add_case(struct store *s, struct record_case *c);
int store_add_pair(struct store *s, const struct record_pair *p);
/* The case of that name from the file that is resumed, or from this run; NULL: not measured yet. Borrowed until the next add. */
const struct record_case *store_find(const struct store *s, const struct record_case *name);
const struct record_case *store_cases(const struct store *s, size_t *count_p);
/* The whole file again, with all samples; the caller frees. */
int store_read(const struct store *s, struct records *r);
/* results.csv, and -J where it was asked for. */
int store_write_tables(const struct store *s, const struct settings *settings);
void store_close(struct store *s);

/* A JSON document of a run and its cases, or CSV. */
int store_write_json(FILE *out, const struct records *r);

#endif
