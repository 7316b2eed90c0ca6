/* collectives/device/image_write.h - inside of gpu_operation.c and image.c: from a plan to the image of one rank and channel. */
#ifndef RB_COLLECTIVES_IMAGE_WRITE_H
#define RB_COLLECTIVES_IMAGE_WRITE_H

#include "collectives/operation.h"

#include "collectives/device/image_head.h"

struct image_source {
    const struct operation *op;
    const struct plan *plan; /* of the rank */
    struct engine engine;    /* how pieces are cut; regions: the GPU's table */
    int channel, nchannels;
    char *holds;             /* the GPU's, one a lane; NULL when the plan needs none */
    size_t hold_bytes;
    /* Where the GPU keeps the state of a connection. */
    struct connection *(*home)(const void *context, int peer, bool sends, int channel);
    const void *context;
};

/* The caller frees. */
void *image_write(const struct image_source *src, size_t *bytes_p);

#endif
