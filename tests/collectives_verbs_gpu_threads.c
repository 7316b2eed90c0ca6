/* The verbs transport with a thread of its own, and with slots in the memory of a GPU that is none: host memory behind a stand-in for the
 * driver, over a card that is a table (tests/verbs_device.h) and may report messages before they can be seen. */
#include "tests/engine_cases.c" /* compiled into each of its tests */

#include "collectives/operation.h"
#include "collectives/transport/verbs.h"
#include "collectives/transport/verbs_counters.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/capture.h"
#include "tests/gpu_standin.h"
#include "tests/ranks.h"
#include "tests/verbs_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

void verbs_counters_read(const char *root, const char *device, unsigned port, struct transport_card *card)
{
    (void)root, (void)device, (void)port;
    card->counted = false;
}

static const struct gpu_driver old_driver = { driver_device, driver_attribute, NULL };

static int reset(void **state)
{
    (void)state;
    fake_reset();
    fake.gpu = gpu.memory = mmap(NULL, GPU_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fake.gpu_bytes = GPU_MEMORY;
    fake.late = true;
    gpu.used = 0;
    gpu.pinned = gpu.handles = gpu.unaligned = 0;
    gpu.has_dmabuf = true;
    gpu.refuses_handle = gpu.ordered = gpu.moves_pinned = gpu.no_pin = false;
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    fake_settle();
    munmap(fake.gpu, GPU_MEMORY);
    return gpu.pinned;
}

static void all_algorithms(int n, struct engine_setup setup)
{
    setup.transport = "verbs";
    setup.leaf = "base";
    setup.slots_only = true;
    assert_int_equal(ranks_as_threads(n, engine_play_rank, &setup), 0);
    assert_int_equal(fake.overflows, 0);
    assert_int_equal(fake.without_receive, 0);
    assert_int_equal(fake.inlined_gpu, 0);
}

static void test_proxy(void **state)
{
    (void)state;
    all_algorithms(2, (struct engine_setup){ .slot_bytes = 256, .slots = 4, .proxy = true });
    all_algorithms(3, (struct engine_setup){ .slot_bytes = 256, .slots = 3, .qps = 2, .proxy = true, .delay_seed = 9 });
}

static void test_proxy_one_slot(void **state)
{
    (void)state;
    all_algorithms(3, (struct engine_setup){ .slot_bytes = 128, .slots = 1, .proxy = true });
}

static const struct verbs_gpu usual = { &fake_gpu, &fake_driver, 0, "/nowhere" };

static void test_dmabuf(void **state)
{
    (void)state;
    all_algorithms(3, (struct engine_setup){ .slot_bytes = 256, .slots = 4, .qps = 3, .gpu = &usual });
    assert_int_equal(fake.dmabufs, 3);
    assert_int_equal(gpu.unaligned, 0);
    assert_true(fake.reads > 0);
}

static void test_dmabuf_with_proxy(void **state)
{
    (void)state;
    all_algorithms(3, (struct engine_setup){ .slot_bytes = 256, .slots = 2, .gpu = &usual, .proxy = true });
    assert_true(fake.reads > 0);
}

/* The driver promises order: nothing is read back. */
static void test_ordered_writes(void **state)
{
    (void)state;
    gpu.ordered = true;
    fake.late = false;
    all_algorithms(2, (struct engine_setup){ .slot_bytes = 256, .slots = 4, .gpu = &usual });
    assert_int_equal(fake.dmabufs, 2);
    assert_int_equal(fake.reads, 0);
}

static void test_peermem(void **state)
{
    (void)state;
    const struct verbs_gpu with_module = { &fake_gpu, &fake_driver, 0, modules };
    fake.no_dmabuf = true;
    all_algorithms(2, (struct engine_setup){ .slot_bytes = 256, .slots = 4, .gpu = &with_module });
    assert_int_equal(gpu.handles, 0);
    assert_true(fake.reads > 0);
}

static void test_pinned(void **state)
{
    (void)state;
    fake.no_dmabuf = true;
    all_algorithms(2, (struct engine_setup){ .slot_bytes = 256, .slots = 4, .gpu = &usual });
    assert_int_equal(fake.reads, 0);
}

struct opening {
    const struct verbs_gpu *gpu;
    char why[480];
    int result[4];
};

static int open_only(struct job *job, void *context)
{
    struct opening *o = context;
    struct comm *comm;
    o->result[job->rank] = comm_open(&comm, job, &(struct comm_config){ .transport = "verbs", .yield = true, .slot_bytes = 256, .card_gpu = o->gpu,
                                                                        .proxy = job->nranks > 2 });
    if (o->result[job->rank] != RB_OK)
        return 0;
    if (job->rank == 0)
        snprintf(o->why, sizeof o->why, "%s", comm_transport_why(comm));
    comm_close(comm);
    return 0;
}

static void says(const struct verbs_gpu *g, const char *what)
{
    struct opening o = { .gpu = g };
    assert_int_equal(ranks_as_threads(2, open_only, &o), 0);
    assert_int_equal(o.result[0], RB_OK);
    if (strstr(o.why, what) == NULL)
        print_message("%s\n", o.why);
    assert_non_null(strstr(o.why, what));
}

static void test_way_is_told(void **state)
{
    (void)state;
    const struct verbs_gpu with_module = { &fake_gpu, &fake_driver, 0, modules }, no_driver = { &fake_gpu, NULL, 0, modules },
                           old = { &fake_gpu, &old_driver, 0, "/nowhere" };
    says(&usual, "slots in GPU memory by dma-buf, flushed by a read");
    gpu.ordered = true;
    says(&usual, "slots in GPU memory by dma-buf");
    gpu.refuses_handle = true;
    says(&with_module, "slots in GPU memory by nvidia-peermem: no dma-buf: the GPU's driver refuses a descriptor");
    gpu.refuses_handle = false;
    says(&old, "slots in pinned host memory: no dma-buf: the GPU's driver cannot (it takes the open kernel modules); no nvidia-peermem module");
    says(&no_driver, "slots in GPU memory by nvidia-peermem, flushed by a read: no dma-buf: the GPU's driver cannot");
    fake.no_dmabuf = true;
    says(&usual, "slots in pinned host memory: no dma-buf: fake0:1 or its library cannot (Operation not supported); no nvidia-peermem module");
}

static void refused(const char *what)
{
    struct opening o = { .gpu = &usual };
    struct capture c;
    capture_begin(&c);
    assert_int_equal(ranks_as_threads(2, open_only, &o), 0);
    assert_int_equal(o.result[0], RB_ECUDA);
    assert_int_equal(o.result[1], RB_ECUDA);
    assert_non_null(strstr(capture_end(&c), what));
}

static void test_pinning_fails(void **state)
{
    (void)state;
    gpu.moves_pinned = true;
    refused("the GPU sees host memory at other addresses");
    gpu.moves_pinned = false;
    gpu.no_pin = true;
    refused("no memory can be pinned");
}

static void test_thread_is_told(void **state)
{
    (void)state;
    struct opening o = {0};
    assert_int_equal(ranks_as_threads(3, open_only, &o), 0);
    assert_non_null(strstr(o.why, "a thread of its own"));
}

static int lose_peer(struct job *job, void *context)
{
    int *results = context;
    struct comm *comm;
    struct operation *op;
    int32_t in[600] = {0}, out[600];
    RB_TRY(comm_open(&comm, job, &(struct comm_config){ .transport = "verbs", .yield = true, .timeout_sec = 20, .proxy = true }));
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = RB_LEN(in),
                               .type = TYPE_INT32, .op = OP_SUM };
    RB_TRY(comm_prepare(comm, &call, &op));
    RB_TRY(operation_run(op, in, out));
    job_barrier(job);
    if (job->rank == 0)
        fake_disconnect();
    job_barrier(job);
    results[job->rank] = operation_run(op, in, out);
    operation_free(op);
    comm_close(comm);
    return 0;
}

/* What the thread meets ends the call. */
static void test_fault_in_the_thread(void **state)
{
    (void)state;
    int results[2] = { 0, 0 };
    struct capture c;
    capture_begin(&c);
    assert_int_equal(ranks_as_threads(2, lose_peer, results), 0);
    const char *said = capture_end(&c);
    assert_int_equal(results[0], RB_ETIMEOUT);
    assert_int_equal(results[1], RB_ETIMEOUT);
    assert_non_null(strstr(said, "it died, or the link between the two is down"));
}

static void write_list(const char *root, const char *list)
{
    char *path = rb_format("%s/card0/device/local_cpulist", root);
    FILE *f = fopen(path, "w");
    fputs(list, f);
    fclose(f);
    free(path);
}

static void test_near_processors(void **state)
{
    (void)state;
    char *folder = rb_format("%s/card0", modules), *device = rb_format("%s/card0/device", modules);
    mkdir(folder, 0700);
    mkdir(device, 0700);
    cpu_set_t before, first, cpus;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    size_t own = 0;
    while (!CPU_ISSET(own, &before))
        own++;
    CPU_ZERO(&first);
    CPU_SET(own, &first);
    assert_int_equal(sched_setaffinity(0, sizeof first, &first), 0);
    char *list = rb_format("%zu,700-702,900\n", own);
    write_list(modules, list);
    assert_true(proxy_cpus(modules, "card0", &cpus));
    assert_int_equal(CPU_COUNT(&cpus), 4);
    assert_false(CPU_ISSET(own, &cpus)); /* that one computes */
    assert_true(CPU_ISSET(701, &cpus) && CPU_ISSET(900, &cpus));
    free(list);
    list = rb_format("%zu\n", own);
    write_list(modules, list);
    assert_true(proxy_cpus(modules, "card0", &cpus));
    assert_true(CPU_ISSET(own, &cpus));
    write_list(modules, "");
    assert_false(proxy_cpus(modules, "card0", &cpus));
    assert_false(proxy_cpus(modules, "card1", &cpus));
    sched_setaffinity(0, sizeof before, &before);
    free(list);
    free(folder);
    free(device);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, reset, tidy)
    const struct CMUnitTest tests[] = {
        TEST(test_proxy),   TEST(test_proxy_one_slot), TEST(test_dmabuf),        TEST(test_dmabuf_with_proxy),   TEST(test_ordered_writes),  TEST(test_peermem),
        TEST(test_pinned),  TEST(test_way_is_told),    TEST(test_pinning_fails), TEST(test_thread_is_told),      TEST(test_fault_in_the_thread), TEST(test_near_processors),
    };
    return cmocka_run_group_tests(tests, make_modules, remove_modules);
}
