/* The control plane between the ranks of one machine, as threads. */
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
        assert_int_equal(ranks_as_threads(sizes[i], job_calls, NULL), 0);
}

/* The harness itself: a rank that ends with an error is not lost. */
static void a_failing_rank_is_seen(void **state)
{
    (void)state;
    assert_int_equal(ranks_as_threads(4, job_differs, NULL), 1);
}

static int calls_of_a_node(struct job *job, void *context)
{
    const int *nodes = context;
    job_local_pretend(job, *nodes);
    return job->nnodes != *nodes || job->node != job->rank / job->nlocal ? 23 : job_calls_of_node(job, NULL);
}

static void a_colour_is_a_job_of_its_own(void **state)
{
    (void)state;
    for (int parts = 1; parts <= 6; parts++)
        assert_int_equal(ranks_as_threads(6, job_calls_of_part, &parts), 0);
}

static void a_node_is_a_job_of_its_own(void **state)
{
    (void)state;
    for (int nodes = 1; nodes <= 6; nodes++)
        if (6 % nodes == 0)
            assert_int_equal(ranks_as_threads(6, calls_of_a_node, &nodes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_at_every_size),
        cmocka_unit_test(a_node_is_a_job_of_its_own),
        cmocka_unit_test(a_colour_is_a_job_of_its_own),
        cmocka_unit_test(a_failing_rank_is_seen),
    };
    return cmocka_run_group_tests_name("core_job_threads", tests, NULL, NULL);
}
