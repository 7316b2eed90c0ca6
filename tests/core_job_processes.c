/* The control plane between the ranks of one machine, as processes. */
#include "tests/job_calls.h"
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_call_at_every_size(void **state)
{
    (void)state;
    static const int sizes[] = { 1, 2, 3, 5, 9, 16 };
    for (size_t i = 0; i < RB_LEN(sizes); i++)
        assert_int_equal(ranks_as_processes(sizes[i], job_calls, NULL), 0);
}

/* The harness itself: a rank that ends with an error is not lost. */
static void a_failing_rank_is_seen(void **state)
{
    (void)state;
    assert_int_equal(ranks_as_processes(4, job_differs, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_at_every_size),
        cmocka_unit_test(a_failing_rank_is_seen),
    };
    return cmocka_run_group_tests_name("core_job_processes", tests, NULL, NULL);
}
