/* bench/summary.h - what stands below all tables: ratios, per cent of the ceiling, harness cost, limits, where the report lies.
 *
 * Every line begins with #; none holds the words that parsers of the tables look for. */
#ifndef RB_BENCH_SUMMARY_H
#define RB_BENCH_SUMMARY_H

#include "bench/cases.h"
#include "bench/session.h"
#include "report/records.h"

#include <stdio.h>

/* Our curves beside the baseline, and their best wire rate beside its ceiling. by_protocol: slots and direct access were asked
 * for, so they are not one curve. */
void summary_ratios(FILE *out, const struct record_case *cases, size_t count, bool by_protocol);
/* TP limits per GPU model, from the catalogue and the records. Errors are warned of: the measurement stands. */
void summary_limits(FILE *out, const struct records *r);
/* Baselines that were asked for and cannot be used here, and why. */
void summary_absent(FILE *out, const struct session *s);
/* Why some suites have no baseline, each reason once. */
void summary_unmatched(FILE *out, const struct cases *cases);
/* What crosses the network, where there are several hosts: the busiest host's rate, and how many ranks send to one at once. */
void summary_network(FILE *out, const struct record_case *cases, size_t count, bool by_protocol);
/* What this machine could not be asked, and why. */
void summary_missing(FILE *out, const struct session *s);

#endif
