/* bench/outcome.h - from measured units to records: names, statistics, bandwidths, ratios.
 *
 * Formulas: algbw = size / median; busbw = algbw * the collective's factor (nccl-tests doc/PERFORMANCE.md); wire = bytes of
 * the busiest direction of the busiest rank / median; ratio = median of baseline / ours over the pairs of one round. */
#ifndef RB_BENCH_OUTCOME_H
#define RB_BENCH_OUTCOME_H

#include "bench/measure.h"
#include "report/records.h"

/* Names only: what a record is recognised by (resume, tables). */
void outcome_name(struct record_case *c, const struct session *s, const struct unit *u, size_t subject);
/* Everything; samples_us is allocated and belongs to the caller. */
void outcome_record(struct record_case *c, const struct session *s, const struct unit *u, size_t subject);

#endif
