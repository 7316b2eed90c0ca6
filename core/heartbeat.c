#include "core/heartbeat.h"

#include <string.h>
#include <unistd.h>

const char *heartbeat_phase_name(int phase)
{
    static const char *const names[PHASE_COUNT] = {
        [PHASE_START] = "starting", [PHASE_TOPOLOGY] = "reading the topology", [PHASE_CONNECT] = "connecting",
        [PHASE_ALLOCATE] = "allocating buffers", [PHASE_VERIFY] = "verifying", [PHASE_WARMUP] = "warming up",
        [PHASE_TIME] = "timing", [PHASE_BARRIER] = "in a barrier", [PHASE_BASELINE] = "in the baseline",
        [PHASE_GATHER] = "gathering results", [PHASE_PAIRS] = "measuring pairs", [PHASE_ASYNC] = "in the parameter server", [PHASE_REPORT] = "writing the report",
        [PHASE_END] = "ending",
    };
    return phase >= 0 && phase < PHASE_COUNT ? names[phase] : "in an unknown phase";
}

void heartbeat_init(struct heartbeat *h)
{
    memset(h, 0, sizeof *h);
    atomic_store(&h->pid, (int32_t)getpid());
    atomic_store(&h->case_id, -1);
    atomic_store(&h->waits_for, -1);
    atomic_store(&h->step, -1);
}
