/* The asynchronous parameter server over the verbs transport, whose device is a table in this process (tests/verbs_device.h). */
#include "tests/async_cases.h"

#include "collectives/transport/verbs.h"
#include "tests/verbs_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int reset(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

static void play(const struct async_case *like)
{
    static const char *const bounds[] = { "0", "1", "3", "inf" };
    for (int k = 1; k <= 2; k++)
        for (size_t i = 0; i < RB_LEN(bounds); i++) {
            struct async_case c = *like;
            c.transport = "verbs";
            c.servers = k;
            c.staleness = bounds[i];
            c.slow = c.dies = -1;
            assert_int_equal(ranks_as_threads(4, async_case_play, &c), 0);
            assert_int_equal(fake.overflows, 0);
            assert_int_equal(fake.without_receive, 0);
        }
}

static void test_bounds_hold(void **state)
{
    (void)state;
    play(&(struct async_case){ .count = 400, .iterations = 7, .slot_bytes = 256, .slots = 3 });
}

static void test_one_slot_and_delays(void **state)
{
    (void)state;
    play(&(struct async_case){ .count = 50, .iterations = 6, .slot_bytes = 128, .slots = 1, .delay_seed = 9 });
}

static void test_split_messages(void **state)
{
    (void)state;
    fake.largest_message = 100;
    fake.inline_bytes = 0;
    play(&(struct async_case){ .count = 900, .iterations = 5, .slot_bytes = 1024, .slots = 3 });
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup(test_bounds_hold, reset), cmocka_unit_test_setup(test_one_slot_and_delays, reset),
                                        cmocka_unit_test_setup(test_split_messages, reset) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
