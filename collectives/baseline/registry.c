#include "collectives/baseline/baseline.h"

#include "core/error.h"

#include <string.h>

extern const struct baseline_ops baseline_mpi;

static const struct baseline_ops *const baselines[] = {
    &baseline_mpi,
};

const struct baseline_ops *baseline_find(const char *name)
{
    for (size_t i = 0; i < RB_LEN(baselines); i++)
        if (strcmp(baselines[i]->name, name) == 0)
            return baselines[i];
    return NULL;
}

/* Reduce-scatter in place begins at the input in MPI, at the own block in NCCL and here. */
void *baseline_result(const struct baseline_call *call, const void *in, void *out)
{
    if (call->collective == COLLECTIVE_REDUCE_SCATTER && call->in_place)
        return (void *)(uintptr_t)in;
    return out;
}
