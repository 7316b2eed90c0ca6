/* core/job.h - the job: who takes part, and the control plane between them (never on a measured path).
 *
 * Three kinds: MPI (job_mpi.c), the threads or forked processes of one machine (job_local.c, used by tests and
 * micro-benchmarks), and either of them with several threads of each process as ranks (job_team.h).
 *
 * Errors: RB_OK or RB_E*. Threads: a job belongs to the thread (rank) that holds it. All calls but rank and
 * size are collective. */
#ifndef RB_CORE_JOB_H
#define RB_CORE_JOB_H

#include <stdbool.h>
#include <stddef.h>

enum job_reduce { JOB_MIN, JOB_MAX, JOB_SUM };

struct job;

struct job_ops {
    int (*barrier)(struct job *job);
    /* all holds nranks x bytes, rank by rank; mine is copied into it. */
    int (*allgather)(struct job *job, const void *mine, void *all, size_t bytes);
    int (*open_node)(struct job **node_p, struct job *job); /* its calls, for the ranks of this machine */
    int (*split)(struct job **part_p, struct job *job, int colour); /* its calls, for the ranks of one colour */
    void (*close)(struct job *job);
};

/* Public head; an implementation embeds it as its first member. */
struct job {
    const struct job_ops *ops;
    int rank;   /* 0 .. nranks-1 */
    int nranks; /* >= 1 */
    int node;   /* index of this rank's machine, 0 .. nnodes-1 */
    int nnodes;
    int local_rank; /* among the ranks of this machine */
    int nlocal;
    int thread; /* among the ranks that are threads of this process */
    int nthreads; /* 1: the process is the rank */
    const struct job *processes; /* where ranks are threads: the job of their processes, whose first thread alone calls it; else NULL */
};

/* Joins MPI (initialises it when needed). Without a launcher this is a job of one rank. threads: several of this process may call at a time. */
int job_open_mpi(struct job **job_p, int *argc, char ***argv, bool threads);
/* The ranks of one machine over memory that all of them have mapped, at least job_local_bytes(nranks), zeroed before the first opens. */
size_t job_local_bytes(int nranks);
int job_open_local(struct job **job_p, void *shared, int rank, int nranks);
/* Tests: as if the ranks of a local job were dealt out, in order, over machines that have equally many of them. */
void job_local_pretend(struct job *job, int nodes);
/* The ranks of this machine alone, in their order, as a job of their own. Collective over job, which must outlive it. */
int job_open_node(struct job **node_p, struct job *job);
/* The ranks that gave the same colour, in their order, as a job of their own. Collective over job, which must outlive it; so is closing it. */
int job_split(struct job **part_p, struct job *job, int colour);
void job_close(struct job *job);

int job_barrier(struct job *job);
int job_allgather(struct job *job, const void *mine, void *all, size_t bytes);
/* In place, element by element over the ranks. */
int job_reduce(struct job *job, double *values, size_t count, enum job_reduce how);
/* From root to all, in place. */
int job_broadcast(struct job *job, void *data, size_t bytes, int root);
/* places: [nranks] the number of each rank among those of this machine; -1: it is on another. */
int job_places(struct job *job, int *places);
/* The worst (most negative) code of all ranks, so that all of them take the same branch. */
int job_agree(struct job *job, int result);

#endif
