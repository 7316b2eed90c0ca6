/* core/heartbeat.h - what a rank is doing, readable by others while it is stuck.
 *
 * One heartbeat per rank, in memory that all ranks of a machine have mapped (or private, then only this rank's own
 * watchdog sees it). Written by the rank's thread with relaxed stores, cheap enough for the measured path; read by
 * watchdogs. The texts are static strings of the same binary, so they travel as small numbers, not pointers. */
#ifndef RB_CORE_HEARTBEAT_H
#define RB_CORE_HEARTBEAT_H

#include <stdatomic.h>
#include <stdint.h>

enum heartbeat_phase {
    PHASE_START, PHASE_TOPOLOGY, PHASE_CONNECT, PHASE_ALLOCATE, PHASE_VERIFY, PHASE_WARMUP, PHASE_TIME, PHASE_BARRIER,
    PHASE_BASELINE, PHASE_GATHER, PHASE_PAIRS, PHASE_ASYNC, PHASE_REPORT, PHASE_END, PHASE_COUNT
};

struct heartbeat {
    _Atomic uint64_t beats;  /* grows with every sign of life */
    _Atomic uint64_t calls;  /* collective calls begun */
    _Atomic uint64_t bytes;  /* message size at work */
    _Atomic int32_t pid;
    _Atomic int32_t phase;     /* enum heartbeat_phase */
    _Atomic int32_t case_id;   /* index in the list of cases, -1: none */
    _Atomic int32_t waits_for; /* rank, -1: nobody */
    _Atomic int32_t step;      /* of the schedule, an iteration in PHASE_ASYNC, -1: not inside one */
    _Atomic int32_t lane;
    _Atomic int32_t finished; /* 1: left on purpose */
    char pad[128 - 3 * 8 - 7 * 4];
};

/* "verifying", "timing", ... */
const char *heartbeat_phase_name(int phase);
void heartbeat_init(struct heartbeat *h);

static inline void heartbeat_beat(struct heartbeat *h)
{
    atomic_store_explicit(&h->beats, atomic_load_explicit(&h->beats, memory_order_relaxed) + 1, memory_order_relaxed);
}

static inline void heartbeat_phase(struct heartbeat *h, enum heartbeat_phase phase)
{
    atomic_store_explicit(&h->phase, (int32_t)phase, memory_order_relaxed);
    heartbeat_beat(h);
}

#endif
