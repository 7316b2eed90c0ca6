/* tests/ranks.h - run a function as every rank of a local job, by threads or by forked processes.
 *
 * The function returns 0, or the number of what was wrong; it must not use cmocka (its asserts belong to one thread). */
#ifndef RB_TESTS_RANKS_H
#define RB_TESTS_RANKS_H

#include "core/job.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANKS_MOST = 64 };

typedef int rank_function(struct job *job, void *context);

struct rank_of_job {
    rank_function *function;
    void *context, *shared;
    int rank, nranks, result;
};

static inline int rank_play(const struct rank_of_job *r, bool threads)
{
    struct job *job;
    if (job_open_local(&job, r->shared, r->rank, r->nranks) != 0)
        return 100;
    job->thread = threads ? r->rank : 0;
    job->nthreads = threads ? r->nranks : 1;
    const int result = r->function(job, r->context);
    job_close(job);
    return result;
}

static inline void *rank_of_thread(void *argument)
{
    struct rank_of_job *r = argument;
    r->result = rank_play(r, true);
    return NULL;
}

/* The first result that is not 0, else 0. */
static inline int ranks_as_threads(int nranks, rank_function *function, void *context)
{
    struct rank_of_job ranks[RANKS_MOST];
    pthread_t threads[RANKS_MOST];
    void *shared = calloc(1, job_local_bytes(nranks));
    for (int r = 0; r < nranks; r++) {
        ranks[r] = (struct rank_of_job){ function, context, shared, r, nranks, 0 };
        pthread_create(&threads[r], NULL, rank_of_thread, &ranks[r]);
    }
    int result = 0;
    for (int r = 0; r < nranks; r++) {
        pthread_join(threads[r], NULL);
        result = result != 0 ? result : ranks[r].result;
    }
    free(shared);
    return result;
}

/* The same; 101 when a process did not end by itself. */
static inline int ranks_as_processes(int nranks, rank_function *function, void *context)
{
    const size_t bytes = job_local_bytes(nranks);
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[RANKS_MOST];
    for (int r = 0; r < nranks; r++) {
        pids[r] = fork();
        if (pids[r] == 0)
            _exit(rank_play(&(struct rank_of_job){ function, context, shared, r, nranks, 0 }, false));
    }
    int result = 0;
    for (int r = 0; r < nranks; r++) {
        int status = 0;
        waitpid(pids[r], &status, 0);
        const int one = WIFEXITED(status) ? WEXITSTATUS(status) : 101;
        result = result != 0 ? result : one;
    }
    munmap(shared, bytes);
    return result;
}

#endif
