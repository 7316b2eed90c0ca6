/* bench/watchdog_words.h - from heartbeats to the one line that says who waits for whom. No threads, no signals: testable. */
#ifndef RB_BENCH_WATCHDOG_WORDS_H
#define RB_BENCH_WATCHDOG_WORDS_H

#include "bench/hosts.h"
#include "bench/watchdog.h"

struct watchdog_view {
    struct heartbeat *beats; /* of the ranks of this machine */
    int count;
    int *ranks; /* their ranks in the job */
    int self;   /* index of this rank */
    watchdog_describe *describe; /* NULL: none yet */
    const void *context;
    const char *records; /* NULL: none yet */
    const struct hosts *hosts; /* of the whole job; NULL: not known yet */
};

/* Index of a rank whose process is gone though it had not finished, or -1. */
int watchdog_lost(const struct watchdog_view *v);
/* Index of the rank that the others wait for: gone, stopped, at the end of the chain of waits, or furthest behind. */
int watchdog_culprit(const struct watchdog_view *v);
/* why: NULL when a lost rank is reason enough. */
void watchdog_line(const struct watchdog_view *v, const char *why, char *line, size_t room);

#endif
