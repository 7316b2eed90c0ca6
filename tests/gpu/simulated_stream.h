/* tests/gpu/simulated_stream.h - a stream of the simulated GPU, which libraries that stand in for NVIDIA's know too. */
#ifndef RB_TESTS_SIMULATED_STREAM_H
#define RB_TESTS_SIMULATED_STREAM_H

#include <stdint.h>

struct simulated_stream {
    uint64_t queued; /* by the thread that owns the stream */
    uint64_t done;   /* atomic; by whoever does the work */
};

#endif
