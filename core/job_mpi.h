/* core/job_mpi.h - the MPI communicator under a job, for those few that speak MPI themselves. */
#ifndef RB_CORE_JOB_MPI_H
#define RB_CORE_JOB_MPI_H

#include "core/job.h"

#include <mpi.h>

/* Borrowed: of the job's own ranks, numbered as they are, or of their processes where they are threads; MPI_COMM_WORLD where the job is not of
 * MPI's making. */
MPI_Comm job_mpi_comm(const struct job *job);
/* RB_OK, or RB_EINTERNAL with what MPI says of rc. */
int job_mpi_check(int rc, const char *what);

#endif
