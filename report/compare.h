/* report/compare.h - did it get slower? Two sets of runs, case by case.
 *
 * Statistics are in report/compare_stats.h; this is the matching of cases, the verdicts and the command. */
#ifndef RB_REPORT_COMPARE_H
#define RB_REPORT_COMPARE_H

/* `ringbench compare A B`; A and B are results.jsonl, or several of them with commas between. Returns the exit code: 0, or 7
 * when B is slower. */
int compare_command(int argc, char **argv);

#endif
