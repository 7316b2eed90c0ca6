/* tests/gpu/simulated_stream.h - a stream of the simulated GPU, which libraries that stand in for NVIDIA's know too. */
#ifndef RB_TESTS_SIMULATED_STREAM_H
#define RB_TESTS_SIMULATED_STREAM_H

#include <stdint.h>

struct simulated_stream {
    uint64_t queued; /* by the thread that owns the stream */
    uint64_t done;   /* atomic; by whoever does the work */
    /* Runs it behind all that was enqueued before, in a thread of the stream's. */
    void (*enqueue)(struct simulated_stream *stream, void (*run)(void *argument), void *argument);
};

#endif
