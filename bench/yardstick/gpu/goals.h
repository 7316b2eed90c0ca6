/* bench/yardstick/gpu/goals.h - what ringbench measured with several ranks on one GPU, beside what gpu-yardstick measured of that GPU alone.
 *
 * Roof of a ring all-reduce of S bytes between n ranks that share a GPU: each byte is read and written once in its memory, 2 n S, and
 * every one of the 2n-1 steps of a rank goes through the second-level cache, (6n - 4) S in all: a first step sends (1 read, 1 write a
 * chunk of S/n), 2n-3 combine or pass on (3), the last receives (2), one combines, keeps and sends (4); so 6n - 4 chunks a rank, n ranks.
 * The longer of the two times is the roof. */
#ifndef RB_YARDSTICK_GOALS_H
#define RB_YARDSTICK_GOALS_H

/* files: gauges.jsonl, then results.jsonl of the ranks, and where they were made those with --system-scope, of cuda_staged,
 * of cuda_copy, and with --nccl-ctas equal. RB_*; goals
 * that are missed are no error. */
int goals(char *const *files, int count);

#endif
