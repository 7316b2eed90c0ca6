/* The asynchronous parameter server with ranks as threads: what ThreadSanitizer can see. */
#include "tests/async_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const bounds[] = { "0", "1", "2", "5", "inf" };

static void play_all(const struct async_case *like, int least, int most)
{
    for (int n = least; n <= most; n++)
        for (int k = 1; k < n; k++)
            for (size_t i = 0; i < RB_LEN(bounds); i++) {
                struct async_case c = *like;
                c.servers = k;
                c.staleness = bounds[i];
                assert_int_equal(ranks_as_threads(n, async_case_play, &c), 0);
            }
}

static void test_bounds_hold(void **state)
{
    (void)state;
    play_all(&(struct async_case){ .count = 300, .iterations = 9, .slot_bytes = 256, .slots = 3, .slow = -1, .dies = -1 }, 2, 4);
}

static void test_random_delays(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++)
        play_all(&(struct async_case){ .count = 77, .iterations = 12, .slot_bytes = 128, .slots = 1, .delay_seed = seed, .slow = -1, .dies = -1 }, 4, 4);
}

/* A server that is late passes pushes over, the other answers them all: the workers must not wait for answers that do not come. */
static void test_one_late_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(bounds); i++)
        for (unsigned seed = 1; seed <= 3; seed++) {
            struct async_case c = { .servers = 2, .count = 60, .staleness = bounds[i], .iterations = 150, .slot_bytes = 256, .slots = 4, .delay_seed = seed,
                                    .delayed = 3, .slow = -1, .dies = -1, .timeout_sec = 20 };
            assert_int_equal(ranks_as_threads(4, async_case_play, &c), 0);
        }
}

static void test_one_slow_worker(void **state)
{
    (void)state;
    play_all(&(struct async_case){ .count = 40, .iterations = 10, .slot_bytes = 256, .slots = 2, .compute_sec = 0.0002, .slow = 0, .dies = -1 }, 4, 4);
}

/* A few bytes: less than a block for every server, and none for some. */
static void test_tiny_weights(void **state)
{
    (void)state;
    for (uint64_t count = 1; count <= 9; count += 4)
        play_all(&(struct async_case){ .count = count, .iterations = 4, .slot_bytes = 128, .slots = 2, .slow = -1, .dies = -1 }, 3, 4);
}

static void test_a_broken_bound_is_told(void **state)
{
    (void)state;
    struct async_case c = { .servers = 1, .count = 64, .staleness = "0", .iterations = 20, .slot_bytes = 256, .slots = 2, .compute_sec = 0.0005, .slow = 0,
                            .fault = ASYNC_EARLY, .dies = -1 };
    assert_int_equal(ranks_as_threads(4, async_case_play, &c), -RB_EDATA);
    c.staleness = "2";
    c.iterations = 40;
    assert_int_equal(ranks_as_threads(4, async_case_play, &c), -RB_EDATA);
}

static void test_a_lost_push_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(bounds); i++) {
        struct async_case c = { .servers = 2, .count = 500, .staleness = bounds[i], .iterations = 5, .slot_bytes = 256, .slots = 2, .slow = -1,
                                .fault = ASYNC_LOSES, .dies = -1 };
        assert_int_equal(ranks_as_threads(4, async_case_play, &c), -RB_EDATA);
    }
}

static void test_what_cannot_be(void **state)
{
    (void)state;
    struct async_case c = { .servers = 2, .count = 8, .staleness = "0", .iterations = 1, .slow = -1, .dies = -1 };
    assert_int_equal(ranks_as_threads(2, async_case_play, &c), -RB_EUSAGE); /* nobody works */
    c.servers = 0;
    assert_int_equal(ranks_as_threads(2, async_case_play, &c), -RB_EUSAGE);
    c.servers = 1;
    c.iterations = 0;
    assert_int_equal(ranks_as_threads(2, async_case_play, &c), -RB_EUSAGE);
    c.iterations = 1;
    c.transport = "null";
    assert_int_equal(ranks_as_threads(2, async_case_play, &c), -RB_EUSAGE);
    c.transport = NULL;
    c.slot_bytes = 128;
    assert_int_equal(ranks_as_threads(32, async_case_play, &c), -RB_EUSAGE); /* no room for 31 counts */
}

/* The bound as arithmetic. */
static void test_arithmetic(void **state)
{
    (void)state;
    uint32_t k;
    int who;
    assert_true(async_bound_parse("inf", &k) && k == ASYNC_UNBOUNDED);
    assert_true(async_bound_parse("7", &k) && k == 7);
    assert_false(async_bound_parse("-1", &k) || async_bound_parse("x", &k) || async_bound_parse("", &k) || async_bound_parse("4294967295", &k));
    assert_int_equal(async_bound_needs(0, 4), 4);
    assert_int_equal(async_bound_needs(1, 4), 3);
    assert_int_equal(async_bound_needs(9, 4), 0);
    assert_int_equal(async_bound_needs(ASYNC_UNBOUNDED, 4), 0);
    assert_int_equal(async_bound_answers(0, 4), 5);
    assert_int_equal(async_bound_answers(1, 4), 5); /* the step of slack is the worker's own */
    assert_int_equal(async_bound_answers(3, 4), 3);
    assert_int_equal(async_bound_answers(ASYNC_UNBOUNDED, 4), 0);
    assert_int_equal(async_bound_most(0, 4), 5);
    assert_int_equal(async_bound_most(2, 4), 7);
    assert_int_equal(async_bound_most(ASYNC_UNBOUNDED, 4), UINT32_MAX);
    assert_int_equal(async_bound_least((const uint32_t[]){ 3, 1, 2 }, 3, &who), 1);
    assert_int_equal(who, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_hold), cmocka_unit_test(test_random_delays), cmocka_unit_test(test_one_late_server),
        cmocka_unit_test(test_one_slow_worker),
        cmocka_unit_test(test_tiny_weights), cmocka_unit_test(test_a_broken_bound_is_told), cmocka_unit_test(test_a_lost_push_is_told),
        cmocka_unit_test(test_what_cannot_be), cmocka_unit_test(test_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
