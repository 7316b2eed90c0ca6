/* workload/gpu_beside.h - inside of gpu_suite.c: steps whose calls others make, beside ours: a row of the table, a part of the record.
 *
 * Units seconds. */
#ifndef RB_WORKLOAD_GPU_BESIDE_H
#define RB_WORKLOAD_GPU_BESIDE_H

#include "workload/gpu_play.h"
#include "workload/suite.h"

/* A step with one maker of calls. */
struct gpu_made {
    const struct suite_rival *rival; /* NULL: we */
    int maker;                       /* as the player counts */
    double sec[PLAY_MODES][SUITE_SAMPLES], queue_sec[SUITE_SAMPLES], measured[PLAY_MODES];
    uint64_t wrong, compared;
    char chosen[48]; /* by the library, of the largest call; "" */
};

struct gpu_beside {
    const struct gpu_made *made; /* NULL: it did not play */
    const struct program *program;
    double model_efficiency;
};

/* Why it cannot make the program's calls; NULL: it can. */
const char *gpu_beside_lack(const struct workload_suite *s, const struct suite_rival *rival, const struct program *program);
/* Rank 0, when r has all of ours. */
void gpu_beside_report(const struct workload_suite *s, struct workload_result *r, const struct suite_rival *rival, const struct gpu_beside *b);

#endif
