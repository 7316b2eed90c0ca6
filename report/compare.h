/* report/compare.h - did it get slower? Two sets of runs, case by case.
 *
 * One run a side: Mann-Whitney on the samples, which knows only the spread within a run. Several runs a side: Welch's test on the
 * logarithms of the run medians, so that the spread between runs counts. All p-values of ours are corrected together (Holm), so the
 * chance that any case at all is called slower or faster by accident stays under alpha.
 *
 * A simulated time has no spread: with one run a side, simulated on both, the ratio of the two figures is exact, is not tested and is
 * held against the threshold alone.
 *
 * A case is slower (faster) when its corrected p is under alpha and the median time is longer (shorter) by more than the
 * threshold; the same when the ratio of the medians is within the threshold; unclear when it is not, but chance explains it.
 * Cases of a baseline are tested alike but are a control: they count only where there are no cases of ours. A machine that
 * got slower moves both; whether that is an answer or a disturbance is the user's question (compare_limits.control). */
#ifndef RB_REPORT_COMPARE_H
#define RB_REPORT_COMPARE_H

#include "report/compare_cases.h"

enum compare_verdict { COMPARE_SAME, COMPARE_FASTER, COMPARE_SLOWER, COMPARE_UNCLEAR, COMPARE_NOT_COMPARABLE };

struct compare_case {
    const struct record_case *what;
    size_t runs[2], samples[2];
    double median_us[2];
    struct ratio_interval ratio; /* time of B / time of A: above 1 is slower */
    double delta;                /* Cliff's, of times; positive: B is slower */
    double p, p_holm;            /* NAN: not tested */
    const char *test;            /* "Mann-Whitney exact", ...; "" none */
    bool exact;                  /* simulated on both sides, one figure each: nothing to test */
    bool control;                /* of a baseline beside ours */
    double control_ratio;        /* what the baseline did at the same collective, size, ...; NAN without */
    enum compare_verdict verdict;
    const char *why; /* of "not comparable", or that the case is simulated; else "" */
};

struct compare {
    struct compare_case *cases;
    size_t n;
    size_t counts[5]; /* by verdict, without controls */
    size_t simulated; /* cases with an exact ratio, without controls */
    double ratio; /* geometric mean over the cases of both sides, without controls; NAN */
    double control_ratio; /* the same of the controls; NAN without */
    bool several_runs;
    size_t newly_wrong; /* cases with wrong elements in B and none in A */
    enum compare_verdict verdict;
};

struct compare_limits {
    double threshold; /* 0.05: five per cent */
    double alpha;
    bool control; /* a case of ours has changed only by what goes beyond the baseline's change at the same case */
};

/* The caller frees with compare_free(); the sides must live as long. */
void compare_make(struct compare *c, const struct compare_side *a, const struct compare_side *b, const struct compare_limits *limits);
void compare_free(struct compare *c);

/* "same", "faster", "slower", "unclear", "not comparable" */
const char *compare_verdict_name(enum compare_verdict v);

/* `ringbench compare A B`; returns the exit code: 0, or 7 when B is slower or wrong where A was right. */
int compare_command(int argc, char **argv);

#endif
