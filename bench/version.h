/* bench/version.h - the version of the program, in one place. */
#ifndef RB_BENCH_VERSION_H
#define RB_BENCH_VERSION_H

#define RINGBENCH_VERSION "1.0.0"

#endif
