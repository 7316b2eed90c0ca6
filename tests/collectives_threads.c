/* The engine with ranks as threads: what ThreadSanitizer can see. */
#include "tests/engine_cases.c" /* compiled into each of its two tests */

#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_threads(void **state)
{
    (void)state;
    struct engine_setup setup = { .transport = "shm", .slot_bytes = 256, .slots = 3, .leaf = "base" };
    for (int n = 2; n <= 4; n++)
        assert_int_equal(ranks_as_threads(n, engine_play_rank, &setup), 0);
}

static void test_one_slot_and_delays(void **state)
{
    (void)state;
    struct engine_setup setup = { .transport = "shm", .slot_bytes = 128, .slots = 1, .delay_seed = 5, .leaf = "base" };
    assert_int_equal(ranks_as_threads(3, engine_play_rank, &setup), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_threads), cmocka_unit_test(test_one_slot_and_delays) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
