/* GPUs without access to each other (GeForce): slots in pinned host memory at the receiver's side, written and read by kernels over
 * PCIe. Buffers stay in GPU memory; only ranks of the same GPU open them. */
#include "collectives/transport/cuda.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

extern const struct transport_ops transport_cuda_staged;

static void close_segments(struct cuda_transport *t)
{
    for (int r = 0; r < t->head.job->nranks; r++)
        if (t->segments[r] != NULL)
            gpu_api.unpin(t->staged.base[r]);
    job_barrier(t->head.job);
    if (t->staged.base != NULL)
        shared_close(&t->staged);
}

static int open_segments(struct cuda_transport *t)
{
    struct job *job = t->head.job;
    int rc = shared_open(&t->staged, job, cuda_segment_bytes(t));
    for (int r = 0; r < job->nranks && rc == RB_OK; r++)
        rc = gpu_api.pin(t->staged.base[r], t->staged.bytes[r], &t->segments[r]);
    return job_agree(job, rc);
}

static int open_staged(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    struct cuda_transport *t;
    RB_TRY(cuda_open(&t, &transport_cuda_staged, job, config));
    int rc = open_segments(t);
    if (rc == RB_OK)
        rc = cuda_probe(t);
    if (rc != RB_OK) {
        close_segments(t);
        cuda_close(t);
        return rc;
    }
    *t_p = &t->head;
    return RB_OK;
}

static void close_staged(struct transport *head)
{
    struct cuda_transport *t = (struct cuda_transport *)head;
    close_segments(t);
    cuda_close(t);
}

static int allocate(struct transport *t, size_t bytes, struct region *region_p)
{
    return cuda_allocate_shared(t, bytes, region_p, false);
}

const struct transport_ops transport_cuda_staged = {
    .name = "cuda_staged", .summary = "GPUs without peer access: slots in pinned host memory", .moves = true, .gpu = true,
    .usable = cuda_usable, .open = open_staged, .close = close_staged, .allocate = allocate, .release = cuda_release_shared, .describe = cuda_describe,
};
