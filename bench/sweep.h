/* bench/sweep.h - measures all cases, one after the other: budgets, resume, records, tables.
 *
 * All ranks walk through the same list; rank 0 decides what is skipped and how long each unit may take, keeps the records and
 * prints the tables. */
#ifndef RB_BENCH_SWEEP_H
#define RB_BENCH_SWEEP_H

#include "bench/cases.h"
#include "bench/session.h"
#include "bench/store.h"

struct sweep {
    struct session *session;
    const struct cases *cases;
    struct store *store; /* rank 0; NULL elsewhere */
    /* results, the same on all ranks */
    uint64_t wrong, refused; /* elements; rows */
    bool below_minimum;
    /* what one cycle took, for the drift */
    double *first_us, *now_us; /* rank 0: median of each case, by case number */
};

/* One walk through all cases. cycle: from 0; only the first one's records are kept. */
int sweep_run(struct sweep *s, uint64_t cycle);
void sweep_free(struct sweep *s);

/* Geometric mean and worst of now / first over the cases; NAN before the second cycle. *worst_p: case number. */
double sweep_drift(const struct sweep *s, double *worst_ratio_p, size_t *worst_p);

/* Seconds that the whole list is planned to take. */
double sweep_estimate(const struct settings *settings, const struct cases *cases);
/* "all_reduce ring over shm, 64 KiB, in place": a watchdog_describe of struct sweep. */
void sweep_describe(const void *sweep, int case_id, char *text, size_t room);

#endif
