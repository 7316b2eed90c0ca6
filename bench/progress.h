/* bench/progress.h - a bar with the time left on stderr, where that is a terminal (the launcher's, seen through it). */
#ifndef RB_BENCH_PROGRESS_H
#define RB_BENCH_PROGRESS_H

#include <stdbool.h>

struct progress {
    bool shown;
    double started_sec, drawn_sec;
};

/* wanted: false never draws. */
void progress_start(struct progress *p, bool wanted);
/* share: 0 .. 1 of the work; what: what is being done now. At most ten times a second. */
void progress_show(struct progress *p, double share, const char *what);
/* Wipes the bar: before anything else is printed, and at the end. */
void progress_clear(struct progress *p);

#endif
