/* The GPU path with ranks as processes: memory that others open, gangs of several ranks, islands without peer access, and faults. */
#include "tests/engine_cases.c" /* compiled into each of its tests */
#include "tests/ranks.h"

#include "collectives/device/gpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int play_types(struct job *job, void *context)
{
    return engine_play_types(job, context, "ring_all_reduce") + engine_play_types(job, context, "direct_two_shot_all_reduce");
}

static struct engine_setup setup_of(const char *transport, int ranks_per_gpu)
{
    return (struct engine_setup){ .transport = transport, .slot_bytes = 512, .slots = 2, .leaf = "base", .lines = true,
                                  .ranks_per_gpu = ranks_per_gpu, .channels = 2, .gpu_threads = 16 };
}

static void test_one_gpu_each(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_peer", 1);
    setenv("RINGBENCH_SIMULATED_GPUS", "3", 1);
    assert_int_equal(ranks_as_processes(3, engine_play_rank, &setup), 0);
}

static void test_gangs(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_peer", 2);
    setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
    assert_int_equal(ranks_as_processes(4, play_types, &setup), 0);
}

static void test_staged(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_staged", 1);
    setenv("RINGBENCH_SIMULATED_GPUS", "2x1", 1);
    assert_int_equal(ranks_as_processes(2, engine_play_rank, &setup), 0);
}

/* Between GPUs by the copy engines, alone and as gangs; one slot, so that every copy waits for the one before. */
static void test_copies(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_copy", 1);
    setup.lines = false;
    setup.slots_only = true;
    setenv("RINGBENCH_SIMULATED_GPUS", "2x1", 1);
    assert_int_equal(ranks_as_processes(2, engine_play_rank, &setup), 0);
    setup.slots = 1;
    setup.ranks_per_gpu = 2;
    assert_int_equal(ranks_as_processes(3, play_types, &setup), 0);
}

static int open_comm(struct job *job, void *context)
{
    struct comm *comm;
    const struct engine_setup *setup = context;
    const struct comm_config config = { .transport = setup->transport, .ranks_per_gpu = setup->ranks_per_gpu, .channels = setup->channels, .slots = 2,
                                        .slot_bytes = 512, .gpu_threads = setup->gpu_threads, .yield = true, .timeout_sec = 2 };
    const int rc = comm_open(&comm, job, &config);
    if (rc == RB_OK)
        comm_close(comm);
    return -rc;
}

static void test_refusals(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_peer", 1);
    setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
    assert_int_equal(ranks_as_processes(3, open_comm, &setup), -RB_EUSAGE); /* three ranks, two GPUs */
    setenv("RINGBENCH_SIMULATED_GPUS", "2x1", 1);
    assert_int_equal(ranks_as_processes(2, open_comm, &setup), -RB_EUSAGE); /* no peer access */
    setenv("RINGBENCH_SIMULATED_GPUS", "0", 1);
    setup.transport = "cuda_staged";
    assert_int_equal(ranks_as_processes(2, open_comm, &setup), -RB_EUSAGE); /* no GPU */
}

/* Rank 1 leaves before the call: the others end with the right code within the limit. */
static int lose_one(struct job *job, void *context)
{
    struct comm *comm;
    struct operation *op;
    const struct engine_setup *setup = context;
    const struct comm_config config = { .transport = setup->transport, .ranks_per_gpu = setup->ranks_per_gpu, .channels = 1, .slots = 2,
                                        .slot_bytes = 512, .gpu_threads = 8, .yield = true, .timeout_sec = 2 };
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = 1000,
                               .type = TYPE_FLOAT, .protocol = setup->lines ? PROTOCOL_LL : PROTOCOL_SLOTS };
    void *in, *out;
    if (comm_open(&comm, job, &config) != RB_OK || comm_allocate(comm, 4096, &in) != RB_OK || comm_allocate(comm, 4096, &out) != RB_OK ||
        comm_prepare(comm, &call, &op) != RB_OK)
        return 50;
    if (job->rank == 1)
        _exit(0);
    const int rc = operation_run(op, in, out);
    _exit(rc == RB_ETIMEOUT ? 0 : 60);
}

static void test_lost_rank(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "3", 1);
    struct engine_setup setup = setup_of("cuda_peer", 1);
    assert_int_equal(ranks_as_processes(3, lose_one, &setup), 0);
    setup.lines = false;
    assert_int_equal(ranks_as_processes(3, lose_one, &setup), 0);
    setup.ranks_per_gpu = 3;
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    assert_int_equal(ranks_as_processes(3, lose_one, &setup), 0);
}

/* More groups than fit at once would wait for each other for ever. */
static int too_many_groups(struct job *job, void *context)
{
    struct comm *comm;
    struct operation *op;
    (void)context;
    const struct comm_config config = { .transport = "cuda_peer", .ranks_per_gpu = 2, .channels = 64, .slots = 1, .slot_bytes = 256, .gpu_threads = 8, .yield = true, .timeout_sec = 2 };
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = 2, .servers = 1 }, .count = 1 << 22, .type = TYPE_FLOAT };
    if (comm_open(&comm, job, &config) != RB_OK)
        return 50;
    const int rc = comm_prepare(comm, &call, &op); /* 32 channels a rank: the transport keeps within the GPU */
    if (rc == RB_OK)
        operation_free(op);
    comm_close(comm);
    return -rc;
}

static void test_groups_fit(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    assert_int_equal(ranks_as_processes(2, too_many_groups, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_gpu_each), cmocka_unit_test(test_gangs), cmocka_unit_test(test_staged), cmocka_unit_test(test_copies),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_lost_rank), cmocka_unit_test(test_groups_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
