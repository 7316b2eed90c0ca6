/* bench/finish.h - the end of a run: harness cost, drift, summary, tables as files, the report. Collective. */
#ifndef RB_BENCH_FINISH_H
#define RB_BENCH_FINISH_H

#include "bench/sweep.h"

/* After a further cycle: how far it is from the first. */
int finish_cycle(struct sweep *s, uint64_t cycle);
/* RB_EDATA when something was wrong or below a minimum. */
int finish_run(struct sweep *s);

#endif
