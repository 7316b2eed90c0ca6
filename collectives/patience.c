#include "collectives/patience.h"

#include "collectives/operation.h"
#include "core/clock.h"
#include "core/cpu.h"

#include <sched.h>
#include <time.h>

enum { SPINS_BEFORE_YIELD = 64, SPINS_BEFORE_LOOK = 4096, YIELDS_BEFORE_LOOK = 256 };

enum patience_result patience_wait(const struct comm *comm, struct patience *p)
{
    p->spins++;
    if (comm->config.yield && p->spins >= SPINS_BEFORE_YIELD)
        sched_yield();
    else
        cpu_pause();
    if (p->spins % (comm->config.yield ? YIELDS_BEFORE_LOOK : SPINS_BEFORE_LOOK) != 0)
        return PATIENCE_GO_ON;
    if (atomic_load_explicit(comm->transport->abort, memory_order_relaxed) != 0)
        return PATIENCE_ABORTED;
    const uint64_t now = clock_ns();
    if (p->since_ns == 0)
        p->since_ns = now;
    const double waited = (double)(now - p->since_ns) * 1e-9;
    return comm->config.timeout_sec > 0 && waited > comm->config.timeout_sec ? PATIENCE_OVER : PATIENCE_SHOW;
}

void patience_random_delay(struct comm *comm)
{
    if (comm->config.delay_seed == 0)
        return;
    comm->random = comm->random * 1664525u + 1013904223u;
    const unsigned pick = comm->random >> 24;
    if (pick < 8)
        nanosleep(&(struct timespec){ .tv_nsec = 1000 * (long)pick }, NULL);
    else if (pick < 64)
        sched_yield();
}
