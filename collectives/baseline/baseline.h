/* collectives/baseline/baseline.h - what we are compared with: other libraries' collectives on the same buffers.
 *
 * Knows nothing of how they are measured. One file a library, one row in the table (registry.c).
 *
 * Errors   RB_OK or RB_E*, printed where they are found.
 * Threads  the thread that opened it. */
#ifndef RB_COLLECTIVES_BASELINE_H
#define RB_COLLECTIVES_BASELINE_H

#include "collectives/comm.h"
#include "collectives/recording.h"
#include "collectives/schedule.h"
#include "collectives/types.h"
#include "core/job.h"

#include <stdbool.h>

struct baseline_call {
    enum collective_id collective;
    struct group group;
    uint64_t count; /* elements of a block */
    enum rb_type type;
    enum rb_op op;
    bool in_place;
};

/* What an implementation may want to begin with; borrowed until it is closed. */
struct baseline_setup {
    struct job *job;
    struct comm *comm;     /* whose memory the buffers are; NULL: any memory of the host */
    const char *library;   /* file, for what is opened at run time; NULL: as the system finds it */
    const char *algorithm; /* of that library, instead of its own choice (NCCL_ALGO); NULL: its choice */
    bool equal_ctas;       /* GPUs: exactly as many thread blocks as we have channels; false: at most */
    int cta_policy;        /* NCCL_CTA_POLICY; 0: its own */
};

/* One that is open; an implementation embeds it as its first member. */
struct baseline {
    const struct baseline_ops *ops;
    const char *version; /* library and version, and how it is run */
};

/* A call made ready; an implementation embeds it as its first member. */
struct baseline_operation {
    const struct baseline_ops *ops;
    struct baseline_call call;
};

struct baseline_ops {
    const char *name;    /* value of --baseline, and the algorithm of its records */
    const char *summary; /* one line of --help */

    /* Does the library have this? *why_p: static text, when not. b NULL: does any version? */
    bool (*supports)(const struct baseline *b, const struct baseline_call *call, const char **why_p);
    /* "" when the library does it all by itself; else what was added: such a case stays outside the ratio. Static. */
    const char *(*label)(const struct baseline_call *call);
    /* The version of a library's file as short text; false with one line of why. NULL: there is only one. */
    bool (*identify)(const char *library, char *text, size_t room);

    /* Collective, once before the first operation: the library at its best. *b_p NULL: it cannot be used here, for the reason that is
     * in `why`, the same on all ranks. */
    int (*open)(struct baseline **b_p, const struct baseline_setup *setup, char *why, size_t room);
    void (*close)(struct baseline *b); /* collective */
    int (*prepare)(struct baseline *b, struct baseline_operation **op_p, const struct baseline_call *call);
    void (*release)(struct baseline_operation *op);
    /* What the library has taken for the call, after the first one: "ring/ll, 2 channels"; "" when it does not tell. NULL: it never does. */
    const char *(*chosen)(const struct baseline_operation *op);
    /* One call. In and out as for operation_run(): in place, block 0 of the smaller buffer is in_place_block of the larger. */
    int (*run)(struct baseline_operation *op, const void *in, void *out);
    /* The same in two parts, and several calls as a graph (recording.h); NULL where the library knows no queue of a GPU. */
    int (*queue)(struct baseline_operation *op, const void *in, void *out);
    int (*wait)(struct baseline_operation *op);
    int (*record)(struct baseline_operation *op, const struct call_place *calls, size_t count, struct recording **recording_p);
    /* The same without the host in between, as device/gpu_queue.h does it with our calls: leaders queue for all their ranks, in and out are the
     * leader's own. Its streams, to be ordered by, at most GPU_RANKS (device/image.h); how many. */
    int (*issue)(struct baseline_operation *op, const void *in, void *out);
    int (*streams)(const struct baseline *b, void **streams);
    int (*drain)(struct baseline_operation *op); /* leaders: until all that was issued, by any of the operations, is done */
    bool scatters_to_input; /* reduce-scatter in place leaves its result at the beginning of the input */
};

/* NULL when there is none of this name. */
const struct baseline_ops *baseline_find(const char *name);

/* Where the result of a call lies: at out, unless the library's in-place form puts it elsewhere. */
void *baseline_result(const struct baseline_operation *op, const void *in, void *out);

#endif
