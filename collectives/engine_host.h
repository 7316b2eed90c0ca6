/* collectives/engine_host.h - the engine compiled for host processes and threads. */
#ifndef RB_COLLECTIVES_ENGINE_HOST_H
#define RB_COLLECTIVES_ENGINE_HOST_H

#include "collectives/device/leaf.h"
#include "collectives/pace.h"
#include "collectives/schedule.h"
#include "collectives/transport/transport.h"
#include "core/clock.h"

#define ENGINE_FN static inline

static inline uint64_t engine_load_acquire(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void engine_store_release(uint64_t *p, uint64_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static inline uint64_t engine_now_ns(void)
{
    return clock_ns();
}

static inline bool engine_swap(uint64_t *p, uint64_t old, uint64_t value)
{
    return __atomic_compare_exchange_n(p, &old, value, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

#include "collectives/engine.h"

/* Plays what can be played: done, moved or blocked. */
static inline enum engine_result engine_advance(const struct engine *e, struct engine_lane *l)
{
    struct engine_turn t;
    enum engine_result result;
    t.moved = false;
    while ((result = engine_begin(e, l, &t)) == ENGINE_READY) {
        if (t.work.ndst > 0)
            leaf_run(e->leaf, &t.work);
        engine_complete(e, l, &t);
    }
    return result == ENGINE_BLOCKED && t.moved ? ENGINE_MOVED : result;
}

#endif
