/* bench/watchdog.h - ends a run that hangs, and says who waits for whom.
 *
 * A thread of its own watches the heartbeats of all ranks of this machine, from before MPI starts to the last barrier. It
 * leaves the process with _exit, so that it works while the rank is stuck anywhere; the launcher then ends the others. It knows
 * nothing of what is measured but the numbers in the heartbeats; words for a case come from a callback.
 *
 * Ends the process when no rank of the job, as far as it can be seen, has shown life for the stall limit, when a peer's process is
 * gone, when the run limit is over (all three: exit code 4), and on SIGINT, SIGTERM and SIGHUP (128 + signal). One rank prints the
 * line, rank 0 where it can: it hears of all hosts. A host that leaves takes the others along, whatever the launcher does.
 *
 * Threads: started and stopped by the rank's main thread. */
#ifndef RB_BENCH_WATCHDOG_H
#define RB_BENCH_WATCHDOG_H

#include "bench/hosts.h"
#include "core/heartbeat.h"
#include "core/job.h"

struct watchdog;

struct watchdog_limits {
    double stall_sec; /* 0: off */
    double run_sec;   /* 0: off */
};

/* Writes what case `case_id` is into text; called from the watchdog's thread: only reads what no longer changes. */
typedef void watchdog_describe(const void *context, int case_id, char *text, size_t room);

/* Before MPI starts: the heartbeat is this rank's own. */
int watchdog_start(struct watchdog **w_p, const struct watchdog_limits *limits);
/* Collective: from now on the heartbeats of all ranks of this machine are seen, and signs of life from the others (pulse.h).
 * Where memory cannot be shared each rank goes on by itself. hosts: borrowed until watchdog_stop(). */
int watchdog_share(struct watchdog *w, struct job *job, const struct hosts *hosts);
/* Of this rank; changes with watchdog_share. */
struct heartbeat *watchdog_heartbeat(struct watchdog *w);
void watchdog_cases(struct watchdog *w, watchdog_describe *describe, const void *context);
/* Where the records lie, for the last line; borrowed. */
void watchdog_records(struct watchdog *w, const char *path);
/* This rank leaves, with this result: peers that see a failure end quietly. */
void watchdog_stop(struct watchdog *w, int result);

#endif
