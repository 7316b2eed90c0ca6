#include "collectives/async_bound.h"

#include "core/units.h"

#include <stdio.h>
#include <string.h>

bool async_bound_parse(const char *text, uint32_t *staleness_p)
{
    uint64_t value;
    if (strcmp(text, "inf") == 0) {
        *staleness_p = ASYNC_UNBOUNDED;
        return true;
    }
    if (!units_parse_count(text, &value) || value >= ASYNC_UNBOUNDED)
        return false;
    *staleness_p = (uint32_t)value;
    return true;
}

const char *async_bound_text(char buffer[ASYNC_BOUND_TEXT], uint32_t staleness)
{
    if (staleness == ASYNC_UNBOUNDED)
        snprintf(buffer, ASYNC_BOUND_TEXT, "inf");
    else
        snprintf(buffer, ASYNC_BOUND_TEXT, "%u", staleness);
    return buffer;
}

uint32_t async_bound_needs(uint32_t staleness, uint32_t iteration)
{
    return staleness >= iteration ? 0 : iteration - staleness;
}

uint32_t async_bound_answers(uint32_t staleness, uint32_t iteration)
{
    const uint32_t others = staleness == 0 || staleness == ASYNC_UNBOUNDED ? staleness : staleness - 1;
    return async_bound_needs(others, iteration + 1);
}

/* It began its last iteration with at most `own` pushes of the other in sight. */
uint32_t async_bound_most(uint32_t staleness, uint32_t own)
{
    return staleness >= UINT32_MAX - own - 1 ? UINT32_MAX : own + staleness + 1;
}

uint32_t async_bound_least(const uint32_t *pushes, int workers, int *worker_p)
{
    uint32_t least = UINT32_MAX;
    *worker_p = -1;
    for (int w = 0; w < workers; w++)
        if (pushes[w] < least) {
            least = pushes[w];
            *worker_p = w;
        }
    return least;
}
