/* report/compare_cases.h - the cases of two sets of runs, matched.
 *
 * A case is the same on both sides when everything but its figures agrees: collective, algorithm, transport, baseline, servers,
 * ranks, nodes, type, operator, root, placement, size. For imported logs the transport is a guess and the label names the file:
 * both are left out. */
#ifndef RB_REPORT_COMPARE_CASES_H
#define RB_REPORT_COMPARE_CASES_H

#include "report/compare_stats.h"
#include "report/import.h"

enum { COMPARE_MAX_RUNS = 32 };

/* The runs of a side, in the order of the command line. */
struct compare_side {
    struct import runs[COMPARE_MAX_RUNS]; /* only their records are used */
    size_t n;
};

/* One case of one side: a sample list a run (of one value, the median, where no samples were kept). */
struct compare_half {
    struct sample runs[COMPARE_MAX_RUNS];
    double medians[COMPARE_MAX_RUNS];
    size_t n; /* 0: the side does not have it */
    bool sampled;   /* every run has samples */
    bool simulated; /* every run is a model's: its one figure is exact */
    int64_t wrong; /* the most wrong elements of a run */
};

struct compare_pair {
    const struct record_case *what;
    struct compare_half half[2];
};

/* "FILE" or "FILE,FILE,...": results.jsonl, or any log that import_file() knows. */
int compare_side_read(struct compare_side *side, const char *list);
void compare_side_free(struct compare_side *side);

/* All cases of both sides, in the order of the first that has them. The caller frees *pairs_p. */
void compare_match(const struct compare_side *a, const struct compare_side *b, struct compare_pair **pairs_p, size_t *n_p);

#endif
