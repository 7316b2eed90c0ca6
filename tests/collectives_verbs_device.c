/* The engine over a verbs device, where there is one: real hardware, or Soft-RoCE in the machine that tests/vm/boot.sh makes. */
#include "tests/engine_cases.c" /* compiled into each of its tests */

#include "collectives/transport/verbs_port.h"
#include "core/error.h"
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void need_device(void)
{
    const char *why;
    if (verbs_port_any(&why))
        return;
    print_message("%s\n", why);
    skip();
}

static int play_all(struct job *job, void *context)
{
    return engine_play_all(job, context);
}

static void all_algorithms(int n, int slots, int qps)
{
    struct engine_setup setup = { .transport = "verbs", .slot_bytes = 256, .slots = slots, .qps = qps, .slots_only = true };
    need_device();
    assert_int_equal(ranks_as_processes(n, play_all, &setup), 0);
}

static void test_two_ranks(void **state)
{
    (void)state;
    all_algorithms(2, 4, 1);
}

static void test_three_ranks_one_slot(void **state)
{
    (void)state;
    all_algorithms(3, 1, 1);
}

static void test_four_ranks_three_queue_pairs(void **state)
{
    (void)state;
    all_algorithms(4, 5, 3);
}

static void test_eight_ranks_two_queue_pairs(void **state)
{
    (void)state;
    all_algorithms(8, 2, 2);
}

static int play_types(struct job *job, void *context)
{
    return engine_play_types(job, context, "ring_all_reduce") + engine_play_types(job, context, "parameter_server_colocated");
}

static void test_types_and_operators(void **state)
{
    (void)state;
    struct engine_setup setup = { .transport = "verbs", .qps = 2 };
    need_device();
    assert_int_equal(ranks_as_processes(3, play_types, &setup), 0);
}

/* Slots that are larger than what the device takes at once: 8 MiB for Soft-RoCE. */
static int play_large(struct job *job, void *context)
{
    const uint64_t count = (24 << 20) / 4 + 5;
    struct comm *comm;
    struct operation *op;
    void *in, *out;
    int wrong = 0;
    (void)context;
    RB_TRY(comm_open(&comm, job, &(struct comm_config){ .transport = "verbs", .slot_bytes = 12 << 20, .slots = 1, .yield = true, .timeout_sec = 60 }));
    RB_TRY(comm_allocate(comm, count * 4, &in));
    RB_TRY(comm_allocate(comm, count * 4, &out));
    RB_TRY(comm_prepare(comm, &(struct call){ .algorithm = algorithm_find("direct_one_shot_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 },
                                              .count = count, .type = TYPE_INT32, .op = OP_SUM }, &op));
    for (uint64_t i = 0; i < count; i++)
        ((int32_t *)in)[i] = (int32_t)i * (job->rank + 1);
    RB_TRY(operation_run(op, in, out));
    for (uint64_t i = 0; i < count; i++)
        wrong += ((int32_t *)out)[i] != (int32_t)(i * 3);
    operation_free(op);
    comm_close(comm);
    return wrong > 0;
}

static void test_split_messages(void **state)
{
    (void)state;
    need_device();
    assert_int_equal(ranks_as_processes(2, play_large, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_ranks),
        cmocka_unit_test(test_three_ranks_one_slot),
        cmocka_unit_test(test_four_ranks_three_queue_pairs),
        cmocka_unit_test(test_eight_ranks_two_queue_pairs),
        cmocka_unit_test(test_types_and_operators),
        cmocka_unit_test(test_split_messages),
    };
    const char *only = getenv("RINGBENCH_TEST_ONLY");
    if (only != NULL)
        cmocka_set_test_filter(only);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
