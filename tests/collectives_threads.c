/* The engine with ranks as threads: what ThreadSanitizer can see. */
#include "tests/engine_cases.c" /* compiled into each of its two tests */

#include "core/error.h"
#include "core/text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct rank {
    int rank, n, failures;
    void *shared;
    const struct engine_setup *setup;
};

static void *play_rank(void *argument)
{
    struct rank *r = argument;
    struct job *job;
    job_open_local(&job, r->shared, r->rank, r->n);
    r->failures = engine_play_all(job, r->setup);
    job_close(job);
    return NULL;
}

static int run_ranks(int n, const struct engine_setup *setup)
{
    pthread_t threads[16];
    struct rank ranks[16];
    void *shared = rb_calloc(1, job_local_bytes(n));
    int failures = 0;
    for (int r = 0; r < n; r++) {
        ranks[r] = (struct rank){ .rank = r, .n = n, .shared = shared, .setup = setup };
        assert_int_equal(pthread_create(&threads[r], NULL, play_rank, &ranks[r]), 0);
    }
    for (int r = 0; r < n; r++) {
        pthread_join(threads[r], NULL);
        failures += ranks[r].failures;
    }
    free(shared);
    return failures;
}

static void test_threads(void **state)
{
    (void)state;
    const struct engine_setup setup = { .transport = "shm", .slot_bytes = 256, .slots = 3, .leaf = "base" };
    for (int n = 2; n <= 4; n++)
        assert_int_equal(run_ranks(n, &setup), 0);
}

static void test_one_slot_and_delays(void **state)
{
    (void)state;
    const struct engine_setup setup = { .transport = "shm", .slot_bytes = 128, .slots = 1, .delay_seed = 5, .leaf = "base" };
    assert_int_equal(run_ranks(3, &setup), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_threads), cmocka_unit_test(test_one_slot_and_delays) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
