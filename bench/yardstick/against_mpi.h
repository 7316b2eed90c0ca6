/* bench/yardstick/against_mpi.h - the goals against the baseline, read from results.jsonl. */
#ifndef RB_BENCH_AGAINST_MPI_H
#define RB_BENCH_AGAINST_MPI_H

/* For every collective and size of the file: the best of our algorithms beside the baseline, paired; then the geometric
 * means. Prints a table; RB_OK whether the goals are reached or not, RB_E* when the file cannot be read. */
int against_mpi(const char *path);

#endif
