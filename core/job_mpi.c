#include "core/job_mpi.h"

#include "core/error.h"
#include "core/text.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

struct job_mpi {
    struct job head;
    MPI_Comm comm;
};

int job_mpi_check(int rc, const char *what)
{
    if (rc == MPI_SUCCESS)
        return RB_OK;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(rc, text, &length);
    return rb_fail(RB_EINTERNAL, "%s: %.*s", what, length, text);
}

static MPI_Comm comm_of(const struct job *job)
{
    return ((const struct job_mpi *)job)->comm;
}

static int barrier(struct job *job)
{
    return job_mpi_check(MPI_Barrier(comm_of(job)), "MPI_Barrier");
}

static int allgather(struct job *job, const void *mine, void *all, size_t bytes)
{
    return job_mpi_check(MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, comm_of(job)), "MPI_Allgather");
}

static void close_mpi(struct job *job)
{
    MPI_Finalize();
    free(job);
}

static void close_part(struct job *job)
{
    MPI_Comm_free(&((struct job_mpi *)job)->comm);
    free(job);
}

static int split_by_machine(const struct job *job, MPI_Comm *local_p)
{
    return job_mpi_check(MPI_Comm_split_type(comm_of(job), MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, local_p), "MPI_Comm_split_type");
}

static int split(struct job **part_p, struct job *job, int colour);

static int open_node(struct job **node_p, struct job *job)
{
    static const struct job_ops ops = { .barrier = barrier, .allgather = allgather, .open_node = open_node, .split = split, .close = close_part };
    MPI_Comm local;
    RB_TRY(split_by_machine(job, &local));
    MPI_Comm_set_errhandler(local, MPI_ERRORS_RETURN);
    struct job_mpi *j = rb_calloc(1, sizeof *j);
    j->head = (struct job){ .ops = &ops, .nnodes = 1, .nthreads = 1 };
    MPI_Comm_rank(local, &j->head.rank);
    MPI_Comm_size(local, &j->head.nranks);
    j->head.local_rank = j->head.rank;
    j->head.nlocal = j->head.nranks;
    j->comm = local;
    *node_p = &j->head;
    return RB_OK;
}

/* A node is known by its lowest world rank; nodes are numbered in that order. */
static int find_nodes(struct job *job)
{
    MPI_Comm local;
    RB_TRY(split_by_machine(job, &local));
    MPI_Comm_rank(local, &job->local_rank);
    MPI_Comm_size(local, &job->nlocal);
    int first = job->rank;
    MPI_Bcast(&first, 1, MPI_INT, 0, local);
    MPI_Comm_free(&local);

    int *firsts = rb_malloc((size_t)job->nranks * sizeof *firsts);
    const int rc = allgather(job, &first, firsts, sizeof first);
    job->nnodes = 0;
    for (int r = 0; r < job->nranks; r++) {
        job->nnodes += firsts[r] == r;
        if (r <= first && firsts[r] == r)
            job->node = job->nnodes - 1;
    }
    free(firsts);
    return rc;
}

/* Takes the communicator over. */
static int open_part(struct job **part_p, MPI_Comm comm)
{
    static const struct job_ops ops = { .barrier = barrier, .allgather = allgather, .open_node = open_node, .split = split, .close = close_part };
    struct job_mpi *j = rb_calloc(1, sizeof *j);
    j->head = (struct job){ .ops = &ops, .nthreads = 1 };
    j->comm = comm;
    MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm, &j->head.rank);
    MPI_Comm_size(comm, &j->head.nranks);
    const int rc = find_nodes(&j->head);
    if (rc != RB_OK) {
        close_part(&j->head);
        return rc;
    }
    *part_p = &j->head;
    return RB_OK;
}

static int split(struct job **part_p, struct job *job, int colour)
{
    MPI_Comm part;
    RB_TRY(job_mpi_check(MPI_Comm_split(comm_of(job), colour, job->rank, &part), "MPI_Comm_split"));
    return open_part(part_p, part);
}

MPI_Comm job_mpi_comm(const struct job *job)
{
    const struct job *own = job->processes != NULL ? job->processes : job;
    return own->ops->barrier == barrier ? comm_of(own) : MPI_COMM_WORLD;
}

int job_open_mpi(struct job **job_p, int *argc, char ***argv, bool threads)
{
    static const struct job_ops ops = { .barrier = barrier, .allgather = allgather, .open_node = open_node, .split = split, .close = close_mpi };
    int provided = 0;
    if (MPI_Init_thread(argc, argv, threads ? MPI_THREAD_MULTIPLE : MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return rb_fail(RB_EINTERNAL, "MPI cannot be initialised");
    if (threads && provided < MPI_THREAD_MULTIPLE)
        return rb_fail(RB_ENOTIMPL, "this MPI does not let several threads of a process call it: start a process a rank");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    struct job_mpi *j = rb_calloc(1, sizeof *j);
    struct job *job = &j->head;
    *job = (struct job){ .ops = &ops, .nthreads = 1 };
    j->comm = MPI_COMM_WORLD;
    MPI_Comm_rank(MPI_COMM_WORLD, &job->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &job->nranks);
    const int rc = find_nodes(job);
    if (rc != RB_OK) {
        free(job);
        return rc;
    }
    *job_p = job;
    return RB_OK;
}
