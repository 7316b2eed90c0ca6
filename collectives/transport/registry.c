#include "collectives/transport/transport.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern const struct transport_ops transport_cuda_peer, transport_cuda_staged, transport_cuda_copy, transport_cuda_verbs, transport_cuda_mpi;
extern const struct transport_ops transport_shm, transport_verbs, transport_shm_verbs, transport_mpi, transport_shm_mpi, transport_null;

const struct transport_ops *const transports[] = {
    &transport_cuda_peer,
    &transport_cuda_staged,
    &transport_cuda_copy,
#ifdef RB_VERBS
    &transport_cuda_verbs,
#endif
    &transport_cuda_mpi,
    &transport_shm,
#ifdef RB_VERBS
    &transport_shm_verbs,
    &transport_verbs,
#endif
    &transport_shm_mpi,
    &transport_mpi,
    &transport_null,
};

const size_t transport_count = RB_LEN(transports);

const struct transport_ops *transport_find(const char *name)
{
    for (size_t i = 0; i < transport_count; i++)
        if (strcmp(transports[i]->name, name) == 0)
            return transports[i];
    return NULL;
}

#ifndef RB_VERBS
static const char without_verbs[] = "this ringbench was built without infiniband/verbs.h; install libibverbs-dev and build again";
#endif

const struct transport_gap transport_gaps[] = {
#ifndef RB_VERBS
    { "cuda+verbs", without_verbs },
    { "shm+verbs", without_verbs },
    { "verbs", without_verbs },
#endif
    { NULL, NULL },
};

const char *transport_missing(const char *name)
{
    for (const struct transport_gap *g = transport_gaps; g->name != NULL; g++)
        if (strcmp(g->name, name) == 0)
            return g->why;
    return NULL;
}

enum { FIFO_BYTES = 8 << 20, LARGEST_SLOT = 64 << 10, SMALLEST_SLOT = 1 << 10 };

size_t transport_slot_bytes(const struct transport_config *config, int nranks, int slots)
{
    if (config->slot_bytes > 0)
        return (config->slot_bytes + 127) / 128 * 128;
    const size_t peers = nranks > 1 ? (size_t)nranks - 1 : 1;
    size_t bytes = FIFO_BYTES / peers / (size_t)slots / 128 * 128;
    bytes = bytes < LARGEST_SLOT ? bytes : LARGEST_SLOT;
    return bytes > SMALLEST_SLOT ? bytes : SMALLEST_SLOT;
}

int transport_allocate_private(struct transport *t, size_t bytes, struct region *region_p)
{
    const size_t n = (size_t)t->job->nranks;
    void *p = mmap(NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (job_agree(t->job, p == MAP_FAILED ? RB_EINTERNAL : RB_OK) != RB_OK)
        return rb_fail(RB_EINTERNAL, "rank %d: cannot allocate %zu bytes", t->job->rank, bytes);
    *region_p = (struct region){ .base = rb_calloc(n, sizeof(void *)), .bytes = bytes > 0 ? bytes : 1 };
    region_p->base[t->job->rank] = p;
    return RB_OK;
}

void transport_release_private(struct transport *t, struct region *region)
{
    munmap(region->base[t->job->rank], region->bytes);
    free(region->base);
}
