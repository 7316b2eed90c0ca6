/* core/job_team.h - ranks that are threads: every rank of a job of processes becomes as many ranks as it has threads.
 *
 * Ranks are numbered process by process. The threads of a process meet in its memory; the first of them calls the job of processes for
 * all, in parts of the job the first that belongs to the part: then several threads may call at a time.
 *
 * Errors: RB_*, printed. */
#ifndef RB_CORE_JOB_TEAM_H
#define RB_CORE_JOB_TEAM_H

#include "core/job.h"

struct job_team;

/* Collective over processes, by one thread of each: the threads of this process. processes is borrowed. */
int job_team_open(struct job_team **team_p, struct job *processes, int threads);
/* By each thread, 0 .. threads-1: its rank. The team must outlive it. */
int job_open_thread(struct job **job_p, struct job_team *team, int thread);
/* By the thread that opened it, when its ranks are closed. */
void job_team_close(struct job_team *team);

#endif
