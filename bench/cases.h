/* bench/cases.h - what a run measures: suites of cases. Pure: knows settings and the number of ranks, nothing of time.
 *
 * A suite is everything that is measured side by side in one loop on the same data: one collective, type, operator and
 * root, by several subjects (our algorithms and the baseline), over a list of sizes, out of place and in place.
 * A case is one subject at one size in one placement: one record. */
#ifndef RB_BENCH_CASES_H
#define RB_BENCH_CASES_H

#include "bench/settings.h"
#include "collectives/comm.h"

struct subject {
    const struct algorithm *algorithm; /* NULL: a baseline */
    const char *transport;             /* value of --transport; a baseline's name */
    enum comm_protocol protocol;
    int servers; /* 0: none */
    int nodes;   /* groups of those that have levels; 0: none */
};

struct size {
    uint64_t count; /* elements of a block */
    uint64_t bytes; /* nccl-tests' size: that of the larger buffer */
};

struct suite {
    enum collective_id collective;
    enum rb_type type;
    enum rb_op op;
    int root; /* 0 where there is none */
    int servers; /* of push_pull, where they change what the call means; else 0 */
    struct subject *subjects;
    size_t nsubjects;
    struct size *sizes;
    size_t nsizes;
    const char *unmatched; /* why the baseline that was asked for cannot do it; NULL: it can */
};

struct cases {
    struct suite *suites;
    size_t nsuites;
    size_t total;       /* records that it will make */
    uint64_t max_bytes; /* of IN and OUT together, over everything */
};

/* usable: those values of --transport that are, chosen from the settings. RB_EUSAGE when the settings leave nothing to measure or a root
 * or number of servers is out of range. The caller frees. */
int cases_build(struct cases *c, const struct settings *s, int nranks, const char *const *usable, size_t nusable);
void cases_free(struct cases *c);

/* The group of a subject; ring may be NULL. */
struct group suite_group(const struct suite *suite, const struct subject *subject, int nranks, const int *ring);
int suite_placements(const struct suite *suite); /* 2 when there is an in-place form */
/* Bytes of IN and OUT of a rank, out of place. */
uint64_t suite_in_bytes(const struct suite *suite, const struct group *g, int rank, uint64_t count);
uint64_t suite_out_bytes(const struct suite *suite, const struct group *g, int rank, uint64_t count);

#endif
