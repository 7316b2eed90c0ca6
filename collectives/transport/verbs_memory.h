/* collectives/transport/verbs_memory.h - the block of slots that the card writes into and reads from: host memory, or a GPU's.
 *
 * A GPU's memory is given to the card as a dma-buf first, through nvidia-peermem second; where neither works, the slots lie in pinned
 * host memory that kernels use in place. A card that is to use a GPU's memory may report a message before the GPU can see it: where the
 * driver says so, something must be read back through the card first (verbs_flush.c).
 *
 * Errors RB_E*, printed. Source: libibverbs' ibv_reg_dmabuf_mr(3); GPUDirect RDMA, CUDA documentation. */
#ifndef RB_TRANSPORT_VERBS_MEMORY_H
#define RB_TRANSPORT_VERBS_MEMORY_H

#include "collectives/transport/gpu_driver.h"
#include "collectives/transport/verbs_port.h"

enum verbs_way { VERBS_HOST, VERBS_DMABUF, VERBS_PEERMEM, VERBS_PINNED };

struct verbs_memory {
    enum verbs_way way;
    char *base;         /* as whoever plays the schedule uses it */
    uint64_t card_base; /* as the card does */
    size_t bytes;
    struct ibv_mr *mr;
    bool flush;            /* a message must be flushed before it is told of */
    char why[160];         /* of a GPU: why no better way */
    const struct gpu_api *api;
    void *host;            /* mapped here; NULL: GPU memory */
    void *allocated;       /* on the GPU; base is at the next page */
};

struct verbs_memory_wish {
    const struct verbs_port *port;
    struct ibv_pd *pd;
    const struct verbs_gpu *gpu; /* NULL: host memory */
    size_t bytes;                /* rounded up to pages */
    int rank;                    /* for messages */
};

int verbs_memory_open(struct verbs_memory *m, const struct verbs_memory_wish *w);
/* Of any state, also after a failure. */
void verbs_memory_close(struct verbs_memory *m, const struct verbs_api *api);
/* "slots in GPU memory by dma-buf, flushed by a read"; "" for host memory */
void verbs_memory_text(const struct verbs_memory *m, char *text, size_t room);

#endif
