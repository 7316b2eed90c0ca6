/* core/clock.h - monotonic time. */
#ifndef RB_CORE_CLOCK_H
#define RB_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since an arbitrary start, the same for all processes of a machine. */
static inline uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline double clock_sec(void)
{
    return (double)clock_ns() * 1e-9;
}

#endif
