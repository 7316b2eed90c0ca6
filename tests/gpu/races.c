/* Rings between ranks of one simulated GPU, through slots and straight from buffer to buffer: for a race detector, which must find what was
 * planted into the control flow (tests/gpu/races). Results are not looked at. */
#include "collectives/comm.h"
#include "core/error.h"
#include "tests/ranks.h"

#include <stdio.h>

enum { RANKS = 3, BYTES = 1 << 16, CALLS = 3 };

static int play(struct comm *comm, const char *algorithm, enum comm_protocol protocol, void *in, void *out)
{
    struct operation *op;
    const struct call call = { .algorithm = algorithm_find(algorithm), .group = { .nranks = RANKS, .servers = 1 }, .count = 1001, .type = TYPE_FLOAT,
                               .protocol = protocol };
    RB_TRY(comm_prepare(comm, &call, &op));
    for (int i = 0; i < CALLS; i++)
        RB_TRY(operation_run(op, in, out));
    operation_free(op);
    return RB_OK;
}

static int play_all(struct job *job, void *context)
{
    struct comm *comm;
    void *in, *out;
    (void)context;
    const struct comm_config config = { .transport = "cuda_peer", .ranks_per_gpu = RANKS, .channels = 1, .slots = 2, .slot_bytes = 512, .gpu_threads = 8,
                                        .yield = true, .timeout_sec = 10 };
    RB_TRY(comm_open(&comm, job, &config));
    RB_TRY(comm_allocate(comm, BYTES, &in));
    RB_TRY(comm_allocate(comm, BYTES, &out));
    RB_TRY(play(comm, "ring_all_reduce", PROTOCOL_SLOTS, in, out));
    RB_TRY(play(comm, "direct_two_shot_all_reduce", PROTOCOL_DIRECT, in, out));
    comm_close(comm);
    return RB_OK;
}

int main(void)
{
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    const int result = ranks_as_threads(RANKS, play_all, NULL);
    printf("%s\n", result == 0 ? "played" : "stopped");
    return result == 0 ? 0 : 1;
}
