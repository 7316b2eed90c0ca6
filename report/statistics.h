/* report/statistics.h - what a list of records says in a few numbers.
 *
 * Ours against the baseline: at every case (collective, ranks, type, op, size) the best of our algorithms counts; labelled cases
 * (a type that the baseline does not know) stay outside. The mean of ratios is geometric. */
#ifndef RB_REPORT_STATISTICS_H
#define RB_REPORT_STATISTICS_H

#include "report/records.h"

struct statistics {
    /* Of ours if there are any, else of what was imported; of all-reduces if there are any, else of any collective; NULL without. */
    const struct record_case *fastest; /* highest bus bandwidth */
    const struct record_case *largest; /* the same among the largest messages */
    double ratio_mean, ratio_least, ratio_most; /* NAN without a baseline */
    const struct record_case *ratio_least_case, *ratio_most_case;
    size_t ratio_cases;
    char baseline[12];
    size_t cases, wrong; /* measured cases; those with wrong elements */
    int ranks_low, ranks_high;
};

void statistics_make(struct statistics *s, const struct records *r);

#endif
