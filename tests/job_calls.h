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

#endif
