/* Every algorithm, type and protocol as GPU kernels play them, ranks and groups of threads as host threads: what ThreadSanitizer can see. */
#include "tests/engine_cases.c" /* compiled into each of its tests */
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_one_gpu(void **state)
{
    (void)state;
    struct engine_setup setup = { .transport = "cuda_peer", .slot_bytes = 512, .slots = 3, .leaf = "base", .lines = true, .ranks_per_gpu = 4, .channels = 2, .gpu_threads = 8 };
    for (int n = 2; n <= 4; n++)
        assert_int_equal(ranks_as_threads(n, engine_play_rank, &setup), 0);
}

static void test_one_slot(void **state)
{
    (void)state;
    struct engine_setup setup = { .transport = "cuda_peer", .slot_bytes = 256, .slots = 1, .leaf = "base", .lines = true, .ranks_per_gpu = 3, .channels = 1, .gpu_threads = 8 };
    assert_int_equal(ranks_as_threads(3, engine_play_rank, &setup), 0);
}

/* What kernels, ranks and copy engines share. */
static void test_copies(void **state)
{
    (void)state;
    struct engine_setup setup = { .transport = "cuda_copy", .slot_bytes = 512, .slots = 2, .leaf = "base", .slots_only = true, .ranks_per_gpu = 3, .channels = 1, .gpu_threads = 8 };
    assert_int_equal(ranks_as_threads(3, engine_play_rank, &setup), 0);
}

int main(void)
{
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_gpu), cmocka_unit_test(test_one_slot), cmocka_unit_test(test_copies) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
