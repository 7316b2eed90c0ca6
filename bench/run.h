/* bench/run.h - `ringbench run`, the default command: measures, records, prints and reports. */
#ifndef RB_BENCH_RUN_H
#define RB_BENCH_RUN_H

/* Returns the exit code. The only command that starts MPI. */
int run_command(int argc, char **argv);

#endif
