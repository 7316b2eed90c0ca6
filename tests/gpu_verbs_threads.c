/* Kernels whose peers are on other hosts: ranks as threads that are dealt out over hosts that are none, on simulated GPUs, over a verbs
 * device that is a table (tests/verbs_device.h). What ThreadSanitizer sees of the way from a kernel to the proxy, to the card and back. */
#include "tests/engine_cases.c" /* compiled into each of its tests */

#include "collectives/operation.h"
#include "collectives/transport/gpu_driver.h"
#include "collectives/transport/verbs_counters.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/capture.h"
#include "tests/ranks.h"
#include "tests/verbs_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

void verbs_counters_read(const char *root, const char *device, unsigned port, struct transport_card *card)
{
    (void)root, (void)device, (void)port;
    card->counted = false;
}

static int driver_device(int *device_p, int ordinal)
{
    *device_p = ordinal;
    return 0;
}

static int driver_attribute(int *value_p, int attribute, int device)
{
    (void)device;
    *value_p = attribute == GPU_DMABUF_SUPPORTED;
    return 0;
}

/* A descriptor of nothing: the table asks for no more. */
static int driver_handle(void *handle, unsigned long long address, size_t bytes, int type, unsigned long long flags)
{
    (void)address, (void)bytes, (void)type, (void)flags;
    const int fd = memfd_create("gpu", MFD_CLOEXEC);
    memcpy(handle, &fd, sizeof fd);
    return 0;
}

static const struct gpu_driver driver = { driver_device, driver_attribute, driver_handle };
static bool has_driver;

const struct gpu_driver *gpu_driver_get(void)
{
    return has_driver ? &driver : NULL;
}

static int reset(void **state)
{
    (void)state;
    fake_reset();
    has_driver = false;
    return 0;
}

static int settle(void **state)
{
    (void)state;
    fake_settle();
    return 0;
}

/* Slots of GPUs take dma-bufs, and what the card writes there shows only after a read. */
static void use_gpu_memory(void)
{
    has_driver = true;
    fake.gpu = (char *)4096;
    fake.gpu_bytes = (size_t)1 << 47;
    fake.late = true;
}

static int play_types(struct job *job, void *context)
{
    return engine_play_types(job, context, "ring_all_reduce") + engine_play_types(job, context, "two_level_all_reduce");
}

static void play_on(int n, int nodes, const char *gpus, struct engine_setup setup, rank_function *plays)
{
    setup.nodes = nodes;
    setup.transport = "cuda+verbs";
    setup.leaf = "base";
    setup.slots_only = true;
    setup.gpu_threads = 8;
    setenv("RINGBENCH_SIMULATED_GPUS", gpus, 1);
    assert_int_equal(ranks_as_threads(n, plays, &setup), 0);
    assert_int_equal(fake.overflows, 0);
    assert_int_equal(fake.without_receive, 0);
    assert_int_equal(fake.inlined_gpu, 0);
    assert_true(fake.packets > 0);
}

/* A host's two GPUs reach each other. */
static void test_pinned(void **state)
{
    (void)state;
    play_on(4, 2, "2", (struct engine_setup){ .slot_bytes = 256, .slots = 3, .channels = 2 }, engine_play_rank);
    assert_int_equal(fake.dmabufs, 0);
}

/* They do not. */
static void test_staged_inside(void **state)
{
    (void)state;
    play_on(4, 2, "2x1", (struct engine_setup){ .slot_bytes = 256, .slots = 2, .channels = 1, .qps = 2 }, play_types);
}

static void test_gpu_memory(void **state)
{
    (void)state;
    use_gpu_memory();
    play_on(3, 3, "1", (struct engine_setup){ .slot_bytes = 256, .slots = 4, .channels = 2 }, engine_play_rank);
    assert_int_equal(fake.dmabufs, 3 * 2);
    assert_true(fake.reads > 0);
}

static void test_one_slot(void **state)
{
    (void)state;
    play_on(2, 2, "1", (struct engine_setup){ .slot_bytes = 128, .slots = 1, .channels = 1 }, engine_play_rank);
}

/* What went over the card, of the two hosts' ranks 0 1 | 2 3. */
struct ways {
    const char *algorithm, *transport;
    uint64_t packets[8], host_egress;
    char why[800], name[32];
    int result[8];
};

static int one_call(struct job *job, void *context)
{
    struct ways *w = context;
    struct comm *comm;
    struct operation *op;
    struct transport_card before, after;
    void *in, *out;
    job_local_pretend(job, job->nranks > 1 ? 2 : 1);
    const struct comm_config config = { .transport = w->transport, .slot_bytes = 1024, .slots = 4, .channels = 2, .gpu_threads = 8, .yield = true, .timeout_sec = 30 };
    const struct call call = { .algorithm = algorithm_find(w->algorithm), .group = { .nranks = job->nranks, .servers = 1, .nodes = 2 }, .count = 16384,
                               .type = TYPE_INT32, .op = OP_SUM };
    RB_TRY(comm_open(&comm, job, &config));
    RB_TRY(comm_allocate(comm, call.count * 4, &in));
    RB_TRY(comm_allocate(comm, call.count * 4, &out));
    RB_TRY(comm_prepare(comm, &call, &op));
    comm->transport->ops->card(comm->transport, &before);
    RB_TRY(operation_run(op, in, out));
    job_barrier(job);
    comm->transport->ops->card(comm->transport, &after);
    w->packets[job->rank] = after.payload - before.payload;
    if (job->rank == 0) {
        w->host_egress = operation_facts(op)->host_egress;
        snprintf(w->why, sizeof w->why, "%s", comm_transport_why(comm));
        snprintf(w->name, sizeof w->name, "%s", comm_transport(comm));
    }
    operation_free(op);
    comm_close(comm);
    return 0;
}

static void says(const struct ways *w, const char *what)
{
    if (strstr(w->why, what) == NULL)
        print_message("%s\n", w->why);
    assert_non_null(strstr(w->why, what));
}

static void test_neighbours_use_memory(void **state)
{
    (void)state;
    struct ways w = { .algorithm = "ring_all_reduce", .transport = "auto" };
    setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
    assert_int_equal(ranks_as_threads(4, one_call, &w), 0);
    assert_string_equal(w.name, "cuda+verbs");
    assert_int_equal(w.packets[0], 0);
    assert_int_equal(w.packets[2], 0);
    assert_int_equal(w.packets[1] * 1024, w.host_egress);
    assert_int_equal(w.packets[3] * 1024, w.host_egress);
    says(&w, "cuda+verbs by auto");
    says(&w, "inside a host in GPU memory, between hosts fake0:1");
    says(&w, "slots in pinned host memory: no dma-buf: the GPU's driver cannot (it takes the open kernel modules); no nvidia-peermem module");
}

static void test_two_levels_send_less(void **state)
{
    (void)state;
    struct ways flat = { .algorithm = "ring_all_reduce", .transport = "cuda+verbs" }, levels = { .algorithm = "two_level_all_reduce", .transport = "cuda+verbs" };
    setenv("RINGBENCH_SIMULATED_GPUS", "2x1", 1);
    use_gpu_memory();
    assert_int_equal(ranks_as_threads(4, one_call, &flat), 0);
    assert_int_equal(ranks_as_threads(4, one_call, &levels), 0);
    assert_int_equal((levels.packets[0] + levels.packets[1]) * 3, flat.packets[1] * 2);
    says(&flat, "inside a host in pinned host memory, between hosts fake0:1");
    says(&flat, "slots in GPU memory by dma-buf, flushed by a read");
}

static int open_refused(struct job *job, void *context)
{
    const struct comm_config *config = context;
    struct comm *comm;
    job_local_pretend(job, 2);
    return comm_open(&comm, job, config) == RB_EUSAGE ? 0 : 1;
}

static void refused(int n, const struct comm_config *config, const char *what)
{
    struct capture c;
    struct comm_config copy = *config;
    capture_begin(&c);
    const int wrong = ranks_as_threads(n, open_refused, &copy);
    const char *said = capture_end(&c);
    assert_int_equal(wrong, 0);
    if (strstr(said, what) == NULL)
        print_message("%s\n", said);
    assert_non_null(strstr(said, what));
}

static void test_refusals(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    refused(4, &(struct comm_config){ .transport = "cuda+verbs", .ranks_per_gpu = 2, .yield = true },
            "shares simulated GPU 0 (0000:01:00.0) with 1 others: to reach other hosts each rank needs a GPU of its own");
    refused(4, &(struct comm_config){ .transport = "cuda+verbs", .yield = true }, "2 ranks on one GPU");
    refused(2, &(struct comm_config){ .transport = "cuda_peer", .yield = true }, "the ranks are on several machines");
    fake.devices = 0;
    refused(2, &(struct comm_config){ .transport = "cuda+verbs", .yield = true }, "transport cuda+verbs cannot be used: there is no RDMA device");
    setenv("RINGBENCH_SIMULATED_GPUS", "0", 1);
    refused(2, &(struct comm_config){ .transport = "cuda+verbs", .yield = true }, "RINGBENCH_SIMULATED_GPUS is 0");
}

/* The queue pairs lead nowhere any more: the proxy meets it, the kernels are told, the call ends. */
static int lose_peer(struct job *job, void *context)
{
    struct ways *w = context;
    struct comm *comm;
    struct operation *op;
    void *in, *out;
    job_local_pretend(job, 2);
    const struct comm_config config = { .transport = "cuda+verbs", .channels = 1, .gpu_threads = 8, .yield = true, .timeout_sec = 20 };
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = 600, .type = TYPE_INT32 };
    RB_TRY(comm_open(&comm, job, &config));
    RB_TRY(comm_allocate(comm, 4096, &in));
    RB_TRY(comm_allocate(comm, 4096, &out));
    RB_TRY(comm_prepare(comm, &call, &op));
    RB_TRY(operation_run(op, in, out));
    job_barrier(job);
    if (job->rank == 0)
        fake_disconnect();
    job_barrier(job);
    w->result[job->rank] = operation_run(op, in, out);
    operation_free(op);
    comm_close(comm);
    return 0;
}

static void test_lost_peer(void **state)
{
    (void)state;
    struct ways w = {0};
    struct capture c;
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    capture_begin(&c);
    const int wrong = ranks_as_threads(2, lose_peer, &w);
    const char *said = capture_end(&c);
    assert_int_equal(wrong, 0);
    assert_int_equal(w.result[0], RB_ETIMEOUT);
    assert_int_equal(w.result[1], RB_ETIMEOUT);
    assert_non_null(strstr(said, "it died, or the link between the two is down"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, reset, settle)
    const struct CMUnitTest tests[] = {
        TEST(test_pinned), TEST(test_staged_inside), TEST(test_gpu_memory), TEST(test_one_slot), TEST(test_neighbours_use_memory),
        TEST(test_two_levels_send_less), TEST(test_refusals), TEST(test_lost_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
