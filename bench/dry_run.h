/* bench/dry_run.h - what would be measured, and for how long; measures nothing. */
#ifndef RB_BENCH_DRY_RUN_H
#define RB_BENCH_DRY_RUN_H

#include "bench/cases.h"
#include "bench/session.h"

#include <stdio.h>

int dry_run_print(const struct session *s, const struct cases *cases, FILE *out);

#endif
