/* collectives/engine_host.h - the engine compiled for host processes and threads. */
#ifndef RB_COLLECTIVES_ENGINE_HOST_H
#define RB_COLLECTIVES_ENGINE_HOST_H

#include "collectives/device/leaf.h"
#include "collectives/schedule.h"
#include "collectives/transport/transport.h"

#define ENGINE_FN static inline

static inline uint64_t engine_load_acquire(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void engine_store_release(uint64_t *p, uint64_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

struct engine;
static inline void engine_leaf(const struct engine *e, const struct leaf_work *work);

#include "collectives/engine.h"

static inline void engine_leaf(const struct engine *e, const struct leaf_work *work)
{
    leaf_run(e->leaf, work);
}

#endif
