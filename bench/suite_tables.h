/* bench/suite_tables.h - collects the rows of a suite and prints its tables: the baseline's first, ours after it. */
#ifndef RB_BENCH_SUITE_TABLES_H
#define RB_BENCH_SUITE_TABLES_H

#include "bench/measure.h"
#include "bench/table.h"

struct shown {
    bool there;
    struct record_case c; /* without samples */
    struct table_osu osu;
};

struct suite_tables {
    const struct session *session;
    const struct suite *suite;
    struct shown *rows; /* [subject][size][placement] */
};

/* Cheap on ranks other than 0, where nothing is kept. */
void suite_tables_open(struct suite_tables *t, const struct session *s, const struct suite *suite);
void suite_tables_close(struct suite_tables *t);
/* A measured or resumed record; u: which size and placement. */
void suite_tables_add(struct suite_tables *t, const struct unit *u, size_t subject, const struct record_case *c);
/* False when one of our tables is below NCCL_TESTS_MIN_BW, or our best below --min-busbw. Prints only with --format table. */
bool suite_tables_print(const struct suite_tables *t, FILE *out);

#endif
