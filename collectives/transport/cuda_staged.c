/* GPUs without access to each other (GeForce): slots in pinned host memory at the receiver's side, written and read by kernels over
 * PCIe. Buffers stay in GPU memory; only ranks of the same GPU open them. */
#include "collectives/transport/cuda.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

void cuda_staged_leave(struct cuda_transport *t)
{
    const int *places = t->gang->places;
    for (int r = 0; r < t->head.job->nranks; r++)
        if (t->staged.base != NULL && t->segments[r] != NULL)
            gpu_api.unpin(t->staged.base[places[r]]);
    job_barrier(t->gang->node);
    if (t->staged.base != NULL)
        shared_close(&t->staged);
}

int cuda_staged_join(struct cuda_transport *t)
{
    const int *places = t->gang->places;
    int rc = shared_open(&t->staged, t->gang->node, cuda_segment_bytes(t));
    for (int r = 0; r < t->head.job->nranks && rc == RB_OK; r++)
        if (places[r] >= 0)
            rc = gpu_api.pin(t->staged.base[places[r]], t->staged.bytes[places[r]], &t->segments[r]);
    return job_agree(t->gang->node, rc);
}

static int open_staged(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_cuda_staged;
    struct cuda_transport *t;
    RB_TRY(cuda_open(&t, &transport_cuda_staged, job, config));
    int rc = cuda_staged_join(t);
    if (rc == RB_OK)
        rc = cuda_probe(t);
    if (rc != RB_OK) {
        cuda_staged_leave(t);
        cuda_close(t);
        return rc;
    }
    *t_p = &t->head;
    return RB_OK;
}

static void close_staged(struct transport *head)
{
    struct cuda_transport *t = (struct cuda_transport *)head;
    cuda_staged_leave(t);
    cuda_close(t);
}

static int allocate(struct transport *t, size_t bytes, struct region *region_p)
{
    return cuda_allocate_shared(t, bytes, region_p, false);
}

const struct transport_ops transport_cuda_staged = {
    .name = "cuda_staged", .summary = "GPUs without peer access: slots in pinned host memory", .moves = true, .gpu = true, .lines = true,
    .usable = cuda_usable, .open = open_staged, .close = close_staged, .allocate = allocate, .release = cuda_release_shared, .describe = cuda_describe,
};
