/* collectives/device/image.h - what a launch on a GPU gets: for every rank and channel one image, all that a group of threads (a
 * CTA) needs to play its part, in one block that it copies to its shared memory. Plain data, the same for C, nvcc and tests.
 *
 * A channel is a share of every chunk, with connections of its own. Addresses of engine.in, engine.out, homes, holds and
 * regions are the GPU's; pointers from one part of an image to another count from its first byte until image_relocate().
 *
 * Ownership: the host writes images once (gpu_operation.c); a launch changes nothing but the connections at their homes. */
#ifndef RB_COLLECTIVES_IMAGE_H
#define RB_COLLECTIVES_IMAGE_H

#include "collectives/connection.h"
#include "collectives/device/leaf.h"
#include "collectives/pace.h"
#include "collectives/schedule.h"

enum { GPU_RANKS = 16, GPU_CHANNELS = 64 }; /* of one launch; of a rank */

/* How messages carry their flags: device/lines.h. Bytes, and words of data in an LL128 line. */
enum { LINE_WORD = 8, LL_LINE = 16, LL128_LINE = 128, LL128_WORDS = 15 };
enum line_protocol { LINES_NONE, LINES_LL, LINES_LL128, LINES_COUNT };

/* Why a group stopped, as its first thread saw it. */
enum gpu_stop { GPU_STOP_NONE, GPU_STOP_DONE, GPU_STOP_TIMEOUT, GPU_STOP_ABORTED };

/* Written by those that did not end well. */
struct gpu_report {
    int32_t stop; /* enum gpu_stop; GPU_STOP_NONE: nothing to say */
    int32_t rank, channel, lane, step, peer;
    uint64_t wanted, seen; /* number of the message waited for, and what the mark shows */
};

struct gpu_call {
    const char *images[GPU_RANKS]; /* of each rank of the launch: nchannels images, `stride` bytes apart */
    const void *in[GPU_RANKS];
    void *out[GPU_RANKS];
    uint64_t in_token[GPU_RANKS], out_token[GPU_RANKS];
    int32_t rank[GPU_RANKS];
    int32_t divisor[GPU_RANKS]; /* contributors where a mean is taken, else 0 */
    uint32_t stride, nranks, nchannels;
    int32_t protocol;            /* enum line_protocol */
    uint64_t timeout_ns;         /* without progress; 0: none */
    uint32_t *abort;             /* not 0: every wait ends */
    struct gpu_report *reports;  /* [nranks][nchannels] */
};

#endif
