/* The engine over a verbs device, where there is one: real hardware, or Soft-RoCE in the machine that tests/vm/boot.sh makes. */
#include "tests/engine_cases.c" /* compiled into each of its tests */

#include "core/error.h"
#include "tests/gpu_standin.h"
#include "tests/ranks.h"
#include "tests/verbs_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void all_algorithms(int n, int slots, int qps)
{
    struct engine_setup setup = { .transport = "verbs", .slot_bytes = 256, .slots = slots, .qps = qps, .slots_only = true };
    need_device();
    assert_int_equal(ranks_as_processes(n, engine_play_rank, &setup), 0);
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

static void test_thread_of_its_own(void **state)
{
    (void)state;
    struct engine_setup setup = { .transport = "verbs", .slot_bytes = 256, .slots = 3, .proxy = true, .slots_only = true };
    need_device();
    assert_int_equal(ranks_as_processes(2, engine_play_rank, &setup), 0);
}

struct way {
    const struct verbs_gpu *gpu;
    const char *name;
};

static int way_is(struct job *job, void *context)
{
    const struct way *w = context;
    struct comm *comm;
    RB_TRY(comm_open(&comm, job, &(struct comm_config){ .transport = "verbs", .yield = true, .card_gpu = w->gpu }));
    const bool right = strstr(comm_transport_why(comm), w->name) != NULL;
    if (!right)
        fprintf(stderr, "%s\n", comm_transport_why(comm));
    comm_close(comm);
    return right ? 0 : 1;
}

static void on_gpu(const struct verbs_gpu *g, const char *name, bool proxy)
{
    struct engine_setup setup = { .transport = "verbs", .qps = 2, .gpu = g, .proxy = proxy };
    struct way way = { g, name };
    need_device();
    gpu.memory = mmap(NULL, GPU_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    gpu.has_dmabuf = true;
    assert_int_equal(ranks_as_processes(2, way_is, &way), 0);
    assert_int_equal(ranks_as_processes(2, play_types, &setup), 0);
    munmap(gpu.memory, GPU_MEMORY);
}

/* No card takes the stand-in's dma-buf: the second way, with real reads that flush. */
static void test_gpu_memory(void **state)
{
    (void)state;
    on_gpu(&(struct verbs_gpu){ &fake_gpu, &fake_driver, 0, modules }, "slots in GPU memory by nvidia-peermem, flushed by a read: no dma-buf: ", true);
}

static void test_gpu_memory_pinned(void **state)
{
    (void)state;
    on_gpu(&(struct verbs_gpu){ &fake_gpu, &fake_driver, 0, "/nowhere" }, "slots in pinned host memory: no dma-buf: ", false);
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
        cmocka_unit_test(test_thread_of_its_own),
        cmocka_unit_test(test_gpu_memory),
        cmocka_unit_test(test_gpu_memory_pinned),
        cmocka_unit_test(test_split_messages),
    };
    const char *only = getenv("RINGBENCH_TEST_ONLY");
    if (only != NULL)
        cmocka_set_test_filter(only);
    return cmocka_run_group_tests(tests, make_modules, remove_modules);
}
