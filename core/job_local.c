#include "core/job.h"

#include "core/error.h"
#include "core/shared.h"
#include "core/text.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BOARD = 4096 }; /* bytes a rank can show at once; larger exchanges go in rounds */

struct meeting {
    _Atomic uint32_t arrived;
    _Atomic uint32_t generation;
    char boards[];
};

struct job_local {
    struct job head;
    struct meeting *meeting;
    struct shared segments; /* of a part: its meeting lies in that of its first rank */
    struct job *whole;
};

static size_t board_bytes(int nranks)
{
    return sizeof(struct meeting) + (size_t)nranks * BOARD;
}

/* One for all ranks, then as much for the machines' own jobs as when each rank were a machine. */
size_t job_local_bytes(int nranks)
{
    return board_bytes(nranks) + (size_t)nranks * board_bytes(1);
}

static int barrier(struct job *job)
{
    struct meeting *s = ((struct job_local *)job)->meeting;
    const uint32_t generation = atomic_load(&s->generation);
    if (atomic_fetch_add(&s->arrived, 1) + 1 == (uint32_t)job->nranks) {
        atomic_store(&s->arrived, 0);
        atomic_store(&s->generation, generation + 1);
        return RB_OK;
    }
    while (atomic_load(&s->generation) == generation)
        sched_yield();
    return RB_OK;
}

static int allgather(struct job *job, const void *mine, void *all, size_t bytes)
{
    struct meeting *s = ((struct job_local *)job)->meeting;
    for (size_t done = 0; done < bytes; done += BOARD) {
        const size_t n = bytes - done < BOARD ? bytes - done : BOARD;
        memcpy(s->boards + (size_t)job->rank * BOARD, (const char *)mine + done, n);
        RB_TRY(barrier(job));
        for (size_t r = 0; r < (size_t)job->nranks; r++)
            memcpy((char *)all + r * bytes + done, s->boards + r * BOARD, n);
        RB_TRY(barrier(job));
    }
    return RB_OK;
}

static void close_local(struct job *job)
{
    free(job);
}

static int open_node(struct job **node_p, struct job *job)
{
    char *boards = (char *)((struct job_local *)job)->meeting + board_bytes(job->nranks);
    return job_open_local(node_p, boards + (size_t)(job->rank - job->local_rank) * board_bytes(1), job->local_rank, job->nlocal);
}

static void close_part(struct job *job)
{
    struct job_local *j = (struct job_local *)job;
    barrier(j->whole); /* nobody may still look at the meeting */
    shared_close(&j->segments);
    free(job);
}

/* Every rank shares a segment; the part meets in that of its first rank. */
static int split(struct job **part_p, struct job *job, int colour)
{
    static const struct job_ops ops = { .barrier = barrier, .allgather = allgather, .open_node = open_node, .split = split, .close = close_part };
    int *colours = rb_calloc((size_t)job->nranks, sizeof *colours), first = -1, n = 0, rank = 0;
    int rc = allgather(job, &colour, colours, sizeof colour);
    for (int r = 0; rc == RB_OK && r < job->nranks; r++)
        if (colours[r] == colour) {
            first = first < 0 ? r : first;
            rank += r < job->rank;
            n++;
        }
    free(colours);
    RB_TRY(rc);
    struct shared segments;
    RB_TRY(shared_open(&segments, job, job_local_bytes(n)));
    rc = job_open_local(part_p, segments.base[first], rank, n);
    struct job_local *part = (struct job_local *)*part_p;
    part->head.ops = &ops;
    part->segments = segments;
    part->whole = job;
    return rc;
}

void job_local_pretend(struct job *job, int nodes)
{
    job->nlocal = job->nranks / nodes;
    job->local_rank = job->rank % job->nlocal;
    job->node = job->rank / job->nlocal;
    job->nnodes = nodes;
}

int job_open_local(struct job **job_p, void *shared, int rank, int nranks)
{
    static const struct job_ops ops = { .barrier = barrier, .allgather = allgather, .open_node = open_node, .split = split, .close = close_local };
    struct job_local *j = rb_calloc(1, sizeof *j);
    j->head = (struct job){ .ops = &ops, .rank = rank, .nranks = nranks, .nnodes = 1, .local_rank = rank, .nlocal = nranks, .nthreads = 1 };
    j->meeting = shared;
    *job_p = &j->head;
    return RB_OK;
}
