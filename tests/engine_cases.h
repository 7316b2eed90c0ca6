/* Cases that a rank of a job plays and checks; shared by the tests with ranks as processes and as threads. */
#ifndef RB_TESTS_ENGINE_CASES_H
#define RB_TESTS_ENGINE_CASES_H

#include "collectives/comm.h"
#include "core/job.h"

/* How the connections are set up. */
struct engine_setup {
    const char *transport;
    size_t slot_bytes;
    int slots;
    unsigned delay_seed;
    const char *leaf;
    int qps;         /* verbs */
    bool proxy;      /* verbs */
    const struct verbs_gpu *gpu; /* verbs */
    bool slots_only; /* the transport has no direct access: do not ask for it */
    bool lines;    /* GPUs: protocols LL and LL128 as well */
    int ranks_per_gpu, channels, gpu_threads;
    int nodes; /* of a local job: as if its ranks were dealt out over so many machines; 0: as they are */
};

/* Every algorithm, role, aliasing and protocol, with types, operators and ragged counts taken in turn. Returns the
 * number of failures; each is printed. */
int engine_play_all(struct job *job, const struct engine_setup *setup);
/* The same as a rank_function (tests/ranks.h): setup is a struct engine_setup. */
int engine_play_rank(struct job *job, void *setup);
/* Every type with every operator through one algorithm. */
int engine_play_types(struct job *job, const struct engine_setup *setup, const char *algorithm);

#endif
