/* collectives/device/image_head.h - the head of an image (image.h). Wants engine.h before, as the back end has included it. */
#ifndef RB_COLLECTIVES_IMAGE_HEAD_H
#define RB_COLLECTIVES_IMAGE_HEAD_H

/* The rest follows it. */
struct gpu_image {
    struct engine engine;
    struct connection *connections;
    struct connection **homes;  /* where they live between launches */
    struct connection **pulled; /* on which peers read this rank's memory */
    struct connection **peers;  /* the lists of all steps, one after the other */
    struct engine_step *steps;  /* of all lanes, one after the other */
    uint32_t bytes, nconnections, npulled, npeers, nsteps;
    int32_t channel;
};

#endif
