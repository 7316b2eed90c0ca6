#include "collectives/baseline/baseline.h"

#include "core/error.h"

#include <string.h>

extern const struct baseline_ops baseline_mpi, baseline_nccl;

static const struct baseline_ops *const baselines[] = {
    &baseline_mpi,
    &baseline_nccl,
};

const struct baseline_ops *baseline_find(const char *name)
{
    for (size_t i = 0; i < RB_LEN(baselines); i++)
        if (strcmp(baselines[i]->name, name) == 0)
            return baselines[i];
    return NULL;
}

/* Reduce-scatter in place begins at the input in MPI, at the own block in NCCL and here. */
void *baseline_result(const struct baseline_operation *op, const void *in, void *out)
{
    const bool at_input = op->ops->scatters_to_input && op->call.collective == COLLECTIVE_REDUCE_SCATTER && op->call.in_place;
    return at_input ? (void *)(uintptr_t)in : out;
}
