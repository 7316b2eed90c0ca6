/* collectives/device/gpu.h - what this program wants from GPUs: memory that peers can reach, copies, and one kernel launch a
 * collective. gpu_cuda.cu is the real thing, gpu_none.c stands in where the program was built without nvcc, and the tests have one
 * whose groups of threads are threads of the host.
 *
 * Units    bytes. Errors RB_OK or RB_E* (RB_ECUDA from the driver), printed where they are found.
 * Threads  any; what is selected, launched and waited for is the calling thread's. Pointers are the device's unless said otherwise. */
#ifndef RB_COLLECTIVES_GPU_H
#define RB_COLLECTIVES_GPU_H

#include "collectives/device/image.h"
#include "collectives/types.h"

struct gpu_facts {
    char name[64];
    char bus[32];      /* PCI, "0000:1b:00.0" */
    uint8_t uuid[16];
    int sms;           /* streaming multiprocessors */
    int major, minor;  /* compute capability */
    size_t memory;
    bool cooperative;  /* can refuse a launch that does not fit at once */
    int driver, runtime; /* versions: 1000 * major + 10 * minor */
};

/* A name for memory that another process of the machine, or another thread of this one, can open. */
struct gpu_handle {
    char bytes[128];
};

struct gpu_launch {
    const struct gpu_call *call;
    enum rb_type type;
    enum rb_op op;
    uint32_t threads;      /* of a group */
    uint32_t shared_bytes; /* of a group: the largest image */
    bool one_gpu;          /* all ranks of the collective are on this GPU: flags need not order memory for others */
};

/* A GPU cut into parts of equally many multiprocessors, each with a queue for a library's work (CUDA: a cudaStream_t). */
struct gpu_parts {
    int count, sms;           /* sms: of a part */
    bool cut;                 /* nothing of a part's queue runs outside of it; false: whoever queues there must keep to sms by itself */
    char how[120];            /* one line: what cuts, or why nothing does */
    void *streams[GPU_RANKS];
    void *state;              /* of the back end */
};

struct gpu_api {
    const char *name; /* "cuda" */
    /* 0 with the reason (one line) when there are none to be used: no driver, no device. */
    int (*count)(char *why, size_t room);
    int (*facts)(int device, struct gpu_facts *facts);
    int (*select)(int device); /* for all that follows */
    bool (*reaches)(int from, int to); /* kernels of one device can use the memory of the other */
    bool (*linked)(int from, int to);  /* by NVLink, or the same device: 128 bytes arrive at once, atomics work */
    int (*allocate)(size_t bytes, void **memory_p); /* zeroed */
    void (*release)(void *memory);
    int (*copy)(void *to, const void *from, size_t bytes); /* host or device each; done on return */
    int (*share)(void *memory, struct gpu_handle *handle); /* memory: as allocated */
    int (*open)(const struct gpu_handle *handle, void **memory_p);
    void (*close)(void *memory);
    int (*pin)(void *host, size_t bytes, void **device_p); /* host memory that kernels use in place */
    void (*unpin)(void *host);
    int (*poke)(uint64_t *at, uint64_t value); /* a kernel writes one word */
    /* Kernels of at most this many groups run side by side. */
    int (*groups)(const struct gpu_launch *launch, int *groups_p);
    int (*launch)(const struct gpu_launch *launch);
    int (*finished)(bool *done_p); /* of the last launch */
    void (*explain)(char *text, size_t room); /* version and device, for the header */
    /* A queue for another library's work on the selected GPU (CUDA: a cudaStream_t). */
    int (*stream_open)(void **stream_p);
    void (*stream_close)(void *stream);
    int (*stream_finished)(void *stream, bool *done_p); /* of all that is queued there */
    int (*copy_queue)(void *stream, void *to, const void *from, size_t bytes); /* pinned host memory, or the device's */
    /* A place in a stream: all that was queued there before the last event_record. */
    int (*event_open)(void **event_p);
    int (*event_record)(void *event, void *stream);
    int (*event_finished)(void *event, bool *done_p);
    void (*event_close)(void *event);
    /* What the calling thread queues on the stream from here on is kept, not done, until record_end makes a graph of it. Nothing may be
     * waited for meanwhile. Stream NULL: that of launches. */
    int (*record_begin)(void *stream);
    int (*record_end)(void *stream, void **graph_p);
    int (*replay)(void *graph, void *stream); /* queues all that the graph holds */
    void (*graph_close)(void *graph);         /* when all its replays are over */
    /* The selected GPU; one part is all of it. What is queued elsewhere uses the whole GPU, but waits for the parts and is waited for on the
     * GPU itself. Streams of that work; count 0: that of launches. */
    int (*parts_open)(int count, struct gpu_parts *parts);
    void (*parts_close)(struct gpu_parts *parts);
    int (*parts_join)(struct gpu_parts *parts, void *const *streams, int count); /* the work from now on waits for all that is queued on the parts; */
    int (*parts_fork)(struct gpu_parts *parts, void *const *streams, int count); /* what is queued on the parts from now on, for the work before */
};

extern const struct gpu_api gpu_api;

#endif
