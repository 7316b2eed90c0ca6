/* Kernels whose peers are on other hosts, over a verbs device where there is one: real hardware, or Soft-RoCE in the machine that
 * tests/vm/boot.sh makes. GPUs are simulated, their memory is the host's; hosts are those that the ranks pretend to be on. */
#include "tests/engine_cases.c" /* compiled into each of its tests */

#include "collectives/card.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/ranks.h"
#include "tests/verbs_guest.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char modules[] = "/sys/module";

struct guest_setup {
    struct engine_setup engine;
    const char *way; /* what the header must say of the slots */
};

static int says(struct job *job, const struct guest_setup *s)
{
    struct comm *comm;
    RB_TRY(comm_open(&comm, job, &(struct comm_config){ .transport = "cuda+verbs", .yield = true, .gpu_threads = 8 }));
    const bool right = strstr(comm_transport_why(comm), s->way) != NULL;
    if (!right || job->rank == 0)
        fprintf(stderr, "%s\n", comm_transport_why(comm));
    comm_close(comm);
    return right ? 0 : 1;
}

/* Every algorithm at a few sizes, types and operators in turn: what there is time for in an emulated machine. Of several ranks a host, those
 * that differ by it. */
static int play_each(struct job *job, void *context)
{
    static const uint64_t counts[] = { 300, 2049 };
    const struct guest_setup *s = context;
    struct player p;
    job_local_pretend(job, s->engine.nodes);
    const int wrong = says(job, s);
    if (wrong != 0 || open_player(&p, job, &s->engine) != RB_OK)
        return 1;
    for (size_t i = 0; i < algorithm_count; i++)
        for (size_t k = 0; k < RB_LEN(counts) && (job->nnodes == job->nranks || algorithms[i]->uses_nodes) && job->nranks >= algorithms[i]->min_ranks; k++) {
            const struct call c = { .algorithm = algorithms[i], .group = { .nranks = job->nranks, .servers = 1, .nodes = algorithms[i]->uses_nodes ? s->engine.nodes : 0 },
                                    .count = counts[k], .type = (enum rb_type)(p.turn % TYPE_COUNT), .op = (enum rb_op)(p.turn / 3 % OP_COUNT) };
            p.turn++;
            play(&p, &c);
        }
    close_player(&p);
    return p.failures;
}

static void play_on(int n, int nodes, struct engine_setup setup, rank_function *plays, const char *way)
{
    struct guest_setup s = { setup, way };
    s.engine.nodes = nodes;
    s.engine.transport = "cuda+verbs";
    s.engine.slots_only = true;
    s.engine.gpu_threads = 8;
    char gpus[16];
    snprintf(gpus, sizeof gpus, "%d", n / nodes);
    setenv("RINGBENCH_SIMULATED_GPUS", gpus, 1);
    assert_int_equal(ranks_as_processes(n, plays, &s), 0);
}

/* Soft-RoCE takes no dma-buf, and says so by its number. */
static const char *refusal(void)
{
    return in_guest() ? "slots in pinned host memory: no dma-buf: rxe0:1 or its library cannot (Operation not supported); no nvidia-peermem module"
                                                : "slots in ";
}

static void test_every_algorithm(void **state)
{
    (void)state;
    need_device();
    play_on(2, 2, (struct engine_setup){ .slot_bytes = 1024, .slots = 3, .channels = 1 }, play_each, refusal());
}

static void test_inside_and_outside(void **state)
{
    (void)state;
    need_device();
    play_on(4, 2, (struct engine_setup){ .slot_bytes = 1024, .slots = 1, .channels = 1, .qps = 2 }, play_each, refusal());
}

/* As it is where nvidia-peermem is loaded: the simulated GPU's memory is registered as it lies, and reads flush it. */
static void test_peermem(void **state)
{
    (void)state;
    need_guest();
    char *command = rb_format("mount -t tmpfs modules %s && mkdir %s/nvidia_peermem && echo 1 >%s/nvidia_peermem/version", modules, modules, modules);
    assert_int_equal(system(command), 0);
    free(command);
    play_on(2, 2, (struct engine_setup){ .slot_bytes = 4096, .slots = 4, .channels = 2 }, play_each,
            "slots in GPU memory by nvidia-peermem, flushed by a read: no dma-buf: rxe0:1 or its library cannot (Operation not supported)");
    assert_int_equal(system("umount /sys/module"), 0);
}

/* Of a call's bytes, what the port has counted. */
static int count_packets(struct job *job, void *context)
{
    struct comm *comm;
    struct operation *op;
    struct transport_card then;
    struct card_packets packets;
    void *in, *out;
    (void)context;
    job_local_pretend(job, 2);
    const struct comm_config config = { .transport = "auto", .channels = 1, .gpu_threads = 8, .yield = true, .timeout_sec = 60 };
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = 1 << 16, .type = TYPE_FLOAT };
    RB_TRY(comm_open(&comm, job, &config));
    RB_TRY(comm_allocate(comm, call.count * 4, &in));
    RB_TRY(comm_allocate(comm, call.count * 4, &out));
    RB_TRY(comm_prepare(comm, &call, &op));
    RB_TRY(card_begin(comm, &then));
    for (int i = 0; i < 3; i++)
        RB_TRY(operation_run(op, in, out));
    RB_TRY(card_end(comm, &then, "a ring", &packets));
    const uint64_t least = 3 * operation_facts(op)->host_egress * 2 / 4096; /* of both hosts, in the largest packets */
    if (job->rank == 0)
        fprintf(stderr, "%s: %llu packets sent, %llu needed, %llu at least\n", packets.port, (unsigned long long)packets.sent,
                (unsigned long long)packets.payload, (unsigned long long)least);
    operation_free(op);
    comm_close(comm);
    return packets.payload >= least && packets.sent >= packets.payload && packets.payload < 2 * least ? 0 : 1;
}

static void test_packets_are_counted(void **state)
{
    (void)state;
    need_guest();
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    assert_int_equal(ranks_as_processes(2, count_packets, NULL), 0);
}

/* Rank 1 is killed between two calls; rank 0 says whom it lost, and ends with the code of a time-out. */
static int lose_one(struct job *job, void *path)
{
    struct comm *comm;
    struct operation *op;
    void *in, *out;
    job_local_pretend(job, 2);
    const struct comm_config config = { .transport = "cuda+verbs", .gpu_threads = 8, .yield = true, .timeout_sec = 40 };
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = 5000, .type = TYPE_FLOAT };
    if (job->rank == 0 && freopen(path, "we", stderr) == NULL)
        return 50;
    RB_TRY(comm_open(&comm, job, &config));
    RB_TRY(comm_allocate(comm, call.count * 4, &in));
    RB_TRY(comm_allocate(comm, call.count * 4, &out));
    RB_TRY(comm_prepare(comm, &call, &op));
    for (int i = 0; i < 5; i++)
        RB_TRY(operation_run(op, in, out));
    if (job->rank == 1)
        raise(SIGKILL);
    const int rc = operation_run(op, in, out);
    fflush(stderr);
    _exit(rc == RB_ETIMEOUT ? 0 : 60);
}

static void test_killed_peer(void **state)
{
    (void)state;
    char path[] = "/tmp/rb-gpu-killed";
    struct text said = {0};
    need_device();
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    assert_int_equal(ranks_as_processes(2, lose_one, path), 101); /* rank 0's is 0, rank 1 did not end by itself */
    assert_int_equal(text_read_file(&said, path, 1 << 20), RB_OK);
    print_message("%s\n", said.chars);
    assert_non_null(strstr(said.chars, "to rank 1 ("));
    assert_non_null(strstr(said.chars, "it died, or the link"));
    text_free(&said);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm), cmocka_unit_test(test_inside_and_outside), cmocka_unit_test(test_peermem),
        cmocka_unit_test(test_packets_are_counted), cmocka_unit_test(test_killed_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
