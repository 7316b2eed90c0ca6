/* bench/schedule_command.h - `ringbench schedule`: the steps of an algorithm, the proof, the bytes per edge and the cost. */
#ifndef RB_BENCH_SCHEDULE_COMMAND_H
#define RB_BENCH_SCHEDULE_COMMAND_H

int schedule_command(int argc, char **argv);

#endif
