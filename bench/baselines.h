/* bench/baselines.h - what a run is compared with: the value of --baseline, and of NCCL one for every library and algorithm asked for.
 * The first that has a result is the one that ratios are of.
 *
 * Errors: RB_*, printed. */
#ifndef RB_BENCH_BASELINES_H
#define RB_BENCH_BASELINES_H

#include "bench/settings.h"
#include "collectives/baseline/baseline.h"

struct baselines {
    struct baseline_subject {
        const struct baseline_ops *ops;
        char name[24]; /* "mpi", "nccl"; several of one kind: "nccl-2.28.9", "nccl-ring" */
        char *library, *algorithm; /* NULL: as the system finds it, its own choice */
        struct baseline *open;     /* NULL: not usable, and absent says why */
        char absent[240];
    } list[SETTINGS_BASELINES];
    size_t count;
    bool equal_ctas;
    int cta_policy;
};

/* Before the cases are built: the names also go into the settings. RB_EUSAGE when there are too many. */
int baselines_name(struct baselines *b, struct settings *s);
/* Collective. One that cannot be used is noted and left out of the measurement. comm: whose memory the buffers are. */
int baselines_open(struct baselines *b, struct job *job, struct comm *comm);
void baselines_close(struct baselines *b); /* collective */
/* NULL when there is none of this name. */
const struct baseline_subject *baselines_find(const struct baselines *b, const char *name);
/* For the run record: the versions of those that are open in one text (null without any), and all of them. New references. */
json_t *baselines_versions(const struct baselines *b);
json_t *baselines_json(const struct baselines *b);

#endif
