/* Memory that several threads pin is pinned once, and until the last has gone. */
#include "collectives/device/pins.h"
#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int pinned, unpinned, refusal;

static int pin(void *host, size_t bytes)
{
    (void)host;
    (void)bytes;
    pinned += refusal == RB_OK;
    return refusal;
}

static void unpin(void *host)
{
    (void)host;
    unpinned++;
}

static void test_once(void **state)
{
    (void)state;
    char a[8], b[8];
    pinned = unpinned = 0;
    assert_int_equal(pins_take(a, sizeof a, pin), RB_OK);
    assert_int_equal(pins_take(a, sizeof a, pin), RB_OK);
    assert_int_equal(pins_take(b, sizeof b, pin), RB_OK);
    assert_int_equal(pinned, 2);
    pins_drop(a, unpin);
    assert_int_equal(unpinned, 0);
    pins_drop(b, unpin);
    assert_int_equal(unpinned, 1);
    pins_drop(a, unpin);
    assert_int_equal(unpinned, 2);
    pins_drop(a, unpin); /* nobody has it */
    assert_int_equal(unpinned, 2);
    assert_int_equal(pins_take(a, sizeof a, pin), RB_OK);
    assert_int_equal(pinned, 3);
    pins_drop(a, unpin);
}

static void test_refused(void **state)
{
    (void)state;
    char a[8];
    pinned = unpinned = 0;
    refusal = RB_ECUDA;
    assert_int_equal(pins_take(a, sizeof a, pin), RB_ECUDA);
    pins_drop(a, unpin);
    assert_int_equal(unpinned, 0);
    refusal = RB_OK;
    assert_int_equal(pins_take(a, sizeof a, pin), RB_OK);
    assert_int_equal(pinned, 1);
    pins_drop(a, unpin);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_once), cmocka_unit_test(test_refused) };
    return cmocka_run_group_tests_name("collectives_pins", tests, NULL, NULL);
}
