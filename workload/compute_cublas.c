/* Products of GPUs are queued for all ranks of one together (gpu_play.h), not slice by slice: here they only have their name, and whoever asks for them
 * where ranks compute on the host is told. */
#include "workload/compute.h"

static bool usable(const char **why_p)
{
    *why_p = "multiplies on GPUs: the ranks must lie on them (--transport cuda_peer), and the workload be one that GPUs play (tp-layer)";
    return false;
}

const struct compute_ops compute_cublas = { .name = "cublas", .summary = "products by cuBLAS, queued on the GPU", .usable = usable };
