/* bench/launcher.h - the mpirun that started this rank, when it cannot end.
 *
 * Open MPI's mpirun ends a job by asking its daemon on every host, and waits for the answers. From a host that is cut off none
 * comes: it then hangs for ever, SIGTERM or not. Only processes called mpirun, mpiexec, orterun or prterun are ever ended. */
#ifndef RB_BENCH_LAUNCHER_H
#define RB_BENCH_LAUNCHER_H

/* Leaves a child behind that gives the launcher so long to end by itself, then kills it. Only where the launcher is the parent
 * of this process: elsewhere nothing is done. Safe in a process with several threads that is about to leave. */
void launcher_outlive(unsigned grace_sec);

#endif
