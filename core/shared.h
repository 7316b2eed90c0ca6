/* core/shared.h - memory that the ranks of one machine map together.
 *
 * Each rank gives a segment of its own size; all ranks of the machine map all of them. An anonymous file (memfd) that
 * peers open through /proc is tried first: it needs no room in /dev/shm and leaves nothing behind; else a file in
 * /dev/shm or $TMPDIR that is unlinked as soon as all have mapped it.
 *
 * Units bytes. Errors RB_E*. All calls are collective over the job, whose ranks must be on one machine. */
#ifndef RB_CORE_SHARED_H
#define RB_CORE_SHARED_H

#include "core/job.h"

#include <stdbool.h>
#include <stddef.h>

struct shared {
    int nranks, rank;
    void **base;    /* [nranks] where this process has mapped each rank's segment */
    size_t *bytes;  /* [nranks] */
    bool *borrowed; /* [nranks] mapped by another thread of this process */
};

/* Zeroed memory. On failure every rank returns an error. */
int shared_open(struct shared *s, struct job *job, size_t bytes);
void shared_close(struct shared *s); /* the memory lives as long as a process maps it; ranks that are threads meet before */

#endif
