/* Processes of several GPUs: ranks that are threads, each with a GPU or a share of one. The processes are threads as well, so that
 * ThreadSanitizer sees all of it. */
#include "tests/engine_cases.c" /* compiled into each of its tests */
#include "tests/teams.h"

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

static int play_all(int processes, int threads, rank_function *function, struct engine_setup *setup)
{
    struct team_play play = { function, setup, threads };
    return ranks_as_threads(processes, team_play_process, &play);
}

static struct engine_setup setup_of(const char *transport, int ranks_per_gpu)
{
    return (struct engine_setup){ .transport = transport, .slot_bytes = 512, .slots = 2, .leaf = "base", .lines = true,
                                  .ranks_per_gpu = ranks_per_gpu, .channels = 1, .gpu_threads = 8 };
}

static void test_a_gpu_each(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_peer", 1);
    setenv("RINGBENCH_SIMULATED_GPUS", "4", 1);
    assert_int_equal(play_all(1, 3, engine_play_rank, &setup), 0);
    assert_int_equal(play_all(2, 2, play_types, &setup), 0);
}

static void test_shared_gpus(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_peer", 2);
    setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
    assert_int_equal(play_all(1, 4, play_types, &setup), 0);
    assert_int_equal(play_all(2, 2, play_types, &setup), 0);
}

/* Memory of the host that several threads pin. */
static void test_staged(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_staged", 1);
    setenv("RINGBENCH_SIMULATED_GPUS", "4x1", 1);
    assert_int_equal(play_all(2, 2, play_types, &setup), 0);
}

static int open_comm(struct job *job, void *context)
{
    struct comm *comm;
    const struct engine_setup *setup = context;
    const struct comm_config config = { .transport = setup->transport, .ranks_per_gpu = setup->ranks_per_gpu, .channels = 1, .yield = true };
    const int rc = comm_open(&comm, job, &config);
    if (rc == RB_OK)
        comm_close(comm);
    return -rc;
}

static void test_too_few_gpus(void **state)
{
    (void)state;
    struct engine_setup setup = setup_of("cuda_peer", 1);
    setenv("RINGBENCH_SIMULATED_GPUS", "3", 1);
    assert_int_equal(play_all(2, 2, open_comm, &setup), -RB_EUSAGE);
    setup.transport = "mpi"; /* its ranks are processes */
    assert_int_equal(play_all(1, 2, open_comm, &setup), -RB_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gpu_each), cmocka_unit_test(test_shared_gpus), cmocka_unit_test(test_staged), cmocka_unit_test(test_too_few_gpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
