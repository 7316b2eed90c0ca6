/* collectives/baseline/baseline.h - what we are compared with: other libraries' collectives on the same buffers.
 *
 * Knows nothing of how they are measured. One file a library, one row in the table (registry.c).
 *
 * Errors   RB_OK or RB_E*, printed where they are found.
 * Threads  the thread that opened it. */
#ifndef RB_COLLECTIVES_BASELINE_H
#define RB_COLLECTIVES_BASELINE_H

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

/* A call made ready; an implementation embeds it as its first member. */
struct baseline_operation {
    const struct baseline_ops *ops;
    struct baseline_call call;
};

struct baseline_ops {
    const char *name;    /* value of --baseline, and the algorithm of its records */
    const char *summary; /* one line of --help */

    /* Does the library have this? *why_p: static text, when not. */
    bool (*supports)(const struct baseline_call *call, const char **why_p);
    /* "" when the library does it all by itself; else what was added: such a case stays outside the ratio. Static. */
    const char *(*label)(const struct baseline_call *call);
    /* Library and version, and how it is run. Static. */
    const char *(*version)(void);

    /* Once, before the first operation: the library at its best. */
    int (*open)(const struct job *job);
    void (*close)(void);
    int (*prepare)(struct baseline_operation **op_p, const struct baseline_call *call);
    void (*release)(struct baseline_operation *op);
    /* One call. In and out as for operation_run(): in place, block 0 of the smaller buffer is in_place_block of the larger. */
    int (*run)(struct baseline_operation *op, const void *in, void *out);
};

/* NULL when there is none of this name. */
const struct baseline_ops *baseline_find(const char *name);

/* Where the result of a call lies: at out, unless the library's in-place form puts it elsewhere. */
void *baseline_result(const struct baseline_call *call, const void *in, void *out);

#endif
