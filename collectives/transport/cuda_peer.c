/* GPUs that reach each other's memory, over NVLink or PCIe, and several ranks on one GPU: FIFOs and buffers in GPU memory, opened by
 * all ranks (CUDA IPC). */
#include "collectives/transport/cuda.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

/* Of the GPUs that this machine's ranks use, as far as this process sees them. */
static bool all_pairs(const struct job *job, bool (*joined)(int from, int to))
{
    char why[160];
    const int n = gpu_api.count(why, sizeof why);
    for (int a = 0; a < n && a < job->nlocal; a++)
        for (int b = 0; b < n && b < job->nlocal; b++)
            if (!joined(a, b))
                return false;
    return true;
}

bool cuda_peer_reaches(const struct job *job)
{
    return all_pairs(job, gpu_api.reaches);
}

static bool usable(const struct job *job, const char **why_p)
{
    if (!cuda_usable(job, why_p))
        return false;
    *why_p = "the GPUs have no peer access to each other";
    return cuda_peer_reaches(job);
}

int cuda_peer_join(struct cuda_transport *t)
{
    RB_TRY(cuda_allocate_shared(&t->head, cuda_segment_bytes(t), &t->peers, true));
    free(t->segments);
    t->segments = t->peers.base;
    t->has_lines128 = job_agree(t->gang->node, all_pairs(t->head.job, gpu_api.linked) ? RB_OK : RB_ENOTIMPL) == RB_OK;
    return RB_OK;
}

void cuda_peer_leave(struct cuda_transport *t)
{
    if (t->peers.base == NULL)
        return;
    t->segments = NULL;
    cuda_release_shared(&t->head, &t->peers);
}

static int open_peer(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_cuda_peer;
    struct cuda_transport *t;
    RB_TRY(cuda_open(&t, &transport_cuda_peer, job, config));
    int rc = cuda_peer_join(t);
    if (rc == RB_OK)
        rc = cuda_probe(t);
    if (rc != RB_OK) {
        cuda_peer_leave(t);
        cuda_close(t);
        return rc;
    }
    *t_p = &t->head;
    return RB_OK;
}

static void close_peer(struct transport *head)
{
    struct cuda_transport *t = (struct cuda_transport *)head;
    cuda_peer_leave(t);
    cuda_close(t);
}

static int allocate(struct transport *t, size_t bytes, struct region *region_p)
{
    return cuda_allocate_shared(t, bytes, region_p, true);
}

const struct transport_ops transport_cuda_peer = {
    .name = "cuda_peer", .summary = "GPUs that reach each other's memory, over NVLink or PCIe, or share one GPU", .direct = true, .moves = true, .gpu = true, .lines = true,
    .usable = usable, .open = open_peer, .close = close_peer, .allocate = allocate, .release = cuda_release_shared, .describe = cuda_describe,
};
