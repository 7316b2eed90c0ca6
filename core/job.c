#include "core/job.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

void job_close(struct job *job)
{
    if (job != NULL)
        job->ops->close(job);
}

int job_open_node(struct job **node_p, struct job *job)
{
    return job->ops->open_node(node_p, job);
}

int job_split(struct job **part_p, struct job *job, int colour)
{
    return job->ops->split(part_p, job, colour);
}

int job_barrier(struct job *job)
{
    return job->ops->barrier(job);
}

int job_allgather(struct job *job, const void *mine, void *all, size_t bytes)
{
    return job->ops->allgather(job, mine, all, bytes);
}

static double combine(double a, double b, enum job_reduce how)
{
    switch (how) {
    case JOB_MIN:
        return a < b ? a : b;
    case JOB_MAX:
        return a > b ? a : b;
    case JOB_SUM:
        break;
    }
    return a + b;
}

int job_reduce(struct job *job, double *values, size_t count, enum job_reduce how)
{
    double *all = rb_malloc((size_t)job->nranks * count * sizeof *all);
    const int rc = job_allgather(job, values, all, count * sizeof *values);
    for (size_t i = 0; rc == RB_OK && i < count; i++) {
        values[i] = all[i];
        for (size_t r = 1; r < (size_t)job->nranks; r++)
            values[i] = combine(values[i], all[r * count + i], how);
    }
    free(all);
    return rc;
}

int job_broadcast(struct job *job, void *data, size_t bytes, int root)
{
    char *all = rb_malloc((size_t)job->nranks * bytes);
    const int rc = job_allgather(job, data, all, bytes);
    if (rc == RB_OK)
        memcpy(data, all + (size_t)root * bytes, bytes);
    free(all);
    return rc;
}

int job_places(struct job *job, int *places)
{
    int next = 0;
    RB_TRY(job_allgather(job, &job->node, places, sizeof *places));
    for (int r = 0; r < job->nranks; r++)
        places[r] = places[r] == job->node ? next++ : -1;
    return RB_OK;
}

int job_agree(struct job *job, int result)
{
    double worst = result;
    const int rc = job_reduce(job, &worst, 1, JOB_MIN);
    return rc != RB_OK ? rc : (int)worst;
}
