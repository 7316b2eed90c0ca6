/* tests/job_calls.h - every call of a job on one rank, checked; for ranks.h. Returns 0 or which check failed. */
#ifndef RB_TESTS_JOB_CALLS_H
#define RB_TESTS_JOB_CALLS_H

#include "core/error.h"
#include "core/job.h"
#include "core/text.h"

#include <stdlib.h>

static inline int check_allgather(struct job *job, size_t count)
{
    const size_t n = (size_t)job->nranks;
    int *mine = rb_malloc(count * sizeof *mine), *all = rb_malloc(n * count * sizeof *all);
    for (size_t i = 0; i < count; i++)
        mine[i] = job->rank * 1000000 + (int)i;
    int bad = job_allgather(job, mine, all, count * sizeof *mine) != RB_OK;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < count; i++)
            bad |= all[r * count + i] != (int)r * 1000000 + (int)i;
    free(mine);
    free(all);
    return bad;
}

static inline int check_reduce(struct job *job)
{
    const double n = job->nranks, r = job->rank;
    double low[2] = { r, -r }, high[2] = { r, -r }, sum[2] = { r, -r };
    int bad = job_reduce(job, low, 2, JOB_MIN) | job_reduce(job, high, 2, JOB_MAX) | job_reduce(job, sum, 2, JOB_SUM);
    bad |= low[0] != 0 || low[1] != 1 - n || high[0] != n - 1 || high[1] != 0;
    return bad | (sum[0] != n * (n - 1) / 2 || sum[1] != -n * (n - 1) / 2);
}

static inline int check_broadcast(struct job *job)
{
    int bad = 0;
    for (int root = 0; root < job->nranks; root++) {
        int word = job->rank == root ? 77 + root : -1;
        bad |= job_broadcast(job, &word, sizeof word, root) != RB_OK || word != 77 + root;
    }
    return bad;
}

static inline int check_agree(struct job *job)
{
    const int last = job->nranks - 1;
    return job_agree(job, RB_OK) != RB_OK || job_agree(job, job->rank == last ? RB_EDATA : RB_OK) != RB_EDATA ||
           job_agree(job, job->rank == last ? RB_EUSAGE : RB_EDATA) != (job->nranks > 1 ? RB_EDATA : RB_EUSAGE);
}

static inline int job_calls(struct job *job, void *context)
{
    (void)context;
    if (job->nnodes != 1 || job->node != 0 || job->nlocal != job->nranks || job->local_rank != job->rank)
        return 1;
    for (int i = 0; i < 200; i++)
        if (job_barrier(job) != RB_OK)
            return 2;
    if (check_allgather(job, 1) || check_allgather(job, 3000)) /* the second takes several rounds of the board */
        return 3;
    if (check_reduce(job))
        return 4;
    if (check_broadcast(job))
        return 5;
    return check_agree(job) ? 6 : 0;
}

/* The ranks of each machine as a job of their own. */
static inline int job_calls_of_node(struct job *job, void *context)
{
    (void)context;
    struct job *node;
    if (job_open_node(&node, job) != RB_OK)
        return 20;
    int *ranks = rb_calloc((size_t)node->nranks, sizeof *ranks);
    int bad = node->nranks != job->nlocal || node->rank != job->local_rank ? 21 : job_calls(node, NULL);
    for (int i = 0; i < job->node; i++) /* machines need not keep step */
        bad |= job_barrier(node);
    bad |= job_allgather(node, &job->rank, ranks, sizeof job->rank);
    for (int i = 0; i < node->nranks; i++)
        bad |= ranks[i] != job->rank - job->local_rank + i ? 22 : 0;
    free(ranks);
    job_close(node);
    return bad | job_barrier(job);
}

/* The ranks dealt out over so many parts, each a job of its own. */
static inline int job_calls_of_part(struct job *job, void *context)
{
    const int *parts = context;
    struct job *part;
    if (job_split(&part, job, job->rank % *parts) != RB_OK)
        return 30;
    int *ranks = rb_calloc((size_t)part->nranks, sizeof *ranks);
    int bad = part->nranks != (job->nranks - job->rank % *parts + *parts - 1) / *parts || part->rank != job->rank / *parts ? 31 : job_calls(part, NULL);
    for (int i = 0; i < job->rank % *parts; i++) /* parts need not keep step */
        bad |= job_barrier(part);
    bad |= job_allgather(part, &job->rank, ranks, sizeof job->rank);
    for (int i = 0; i < part->nranks; i++)
        bad |= ranks[i] != i * *parts + job->rank % *parts ? 32 : 0;
    free(ranks);
    job_close(part);
    return bad | job_barrier(job);
}

/* The harness itself: the last rank sees all numbers; 1 of 4 ranks ends with an error, which must not be lost. */
static inline int job_differs(struct job *job, void *context)
{
    (void)context;
    int *ranks = rb_malloc((size_t)job->nranks * sizeof *ranks);
    job_allgather(job, &job->rank, ranks, sizeof job->rank);
    const int last = ranks[job->nranks - 1];
    free(ranks);
    return last == job->nranks - 1 ? job->rank : 99;
}

#endif
