/* Calls that are recorded and replayed: ours and those of the stand-in for NCCL, ranks alone on a simulated GPU and in gangs, between plain calls. */
#include "collectives/baseline/baseline.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 1001, CALLS = 3, ROOM = CALLS * 4096 };

static char folder[4096];

struct want {
    const char *transport;
    int ranks_per_gpu;
    enum comm_protocol protocol;
    bool nccl, late; /* late: rank 1 leaves before the replay */
};

struct world {
    struct job *job;
    struct comm *comm;
    struct operation *op;
    struct baseline *library;
    struct baseline_operation *theirs;
    char *in, *out;
};

static int open_world(struct world *w, struct job *job, const struct want *want)
{
    const struct comm_config config = { .transport = want->transport, .ranks_per_gpu = want->ranks_per_gpu, .channels = 2, .slots = 2, .slot_bytes = 512,
                                        .gpu_threads = 8, .yield = true, .timeout_sec = want->late ? 2 : 60 };
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = COUNT,
                               .type = TYPE_FLOAT, .protocol = want->protocol };
    const struct baseline_call same = { .collective = COLLECTIVE_ALL_REDUCE, .group = { .nranks = job->nranks }, .count = COUNT, .type = TYPE_FLOAT };
    void *in, *out;
    char why[240];
    *w = (struct world){ .job = job };
    RB_TRY(comm_open(&w->comm, job, &config));
    RB_TRY(comm_allocate(w->comm, ROOM, &in));
    RB_TRY(comm_allocate(w->comm, ROOM, &out));
    w->in = in;
    w->out = out;
    RB_TRY(comm_prepare(w->comm, &call, &w->op));
    if (!want->nccl)
        return RB_OK;
    char *file = rb_format("%s/libnccl-2.30.7.so", folder);
    int rc = baseline_find("nccl")->open(&w->library, &(struct baseline_setup){ .job = job, .comm = w->comm, .library = file }, why, sizeof why);
    free(file);
    if (rc == RB_OK && w->library == NULL)
        rc = rb_fail(RB_ENCCL, "%s", why);
    return rc == RB_OK ? w->library->ops->prepare(w->library, &w->theirs, &same) : rc;
}

static void close_world(struct world *w)
{
    if (w->theirs != NULL)
        w->theirs->ops->release(w->theirs);
    if (w->library != NULL)
        w->library->ops->close(w->library);
    operation_free(w->op);
    comm_close(w->comm);
}

/* Call c of rank r: all elements are r + 1 + 10 c + turn. */
static int fill(const struct world *w, int turn)
{
    float values[ROOM / sizeof(float)];
    for (int c = 0; c < CALLS; c++)
        for (size_t i = 0; i < 1024; i++)
            values[(size_t)c * 1024 + i] = (float)(w->job->rank + 1 + 10 * c + turn);
    RB_TRY(comm_copy(w->comm, w->in, values, sizeof values));
    memset(values, 0, sizeof values);
    RB_TRY(comm_copy(w->comm, w->out, values, sizeof values));
    return job_barrier(w->job);
}

static int count_wrong(const struct world *w, int turn, int calls)
{
    float values[ROOM / sizeof(float)];
    int wrong = 0;
    if (job_barrier(w->job) != RB_OK || comm_copy(w->comm, values, w->out, sizeof values) != RB_OK)
        return -1;
    for (int c = 0; c < calls; c++)
        for (size_t i = 0; i < 1024; i++) {
            const int n = w->job->nranks;
            const float want = i < COUNT ? (float)(n * (n + 1) / 2 + n * (10 * c + turn)) : 0;
            wrong += values[(size_t)c * 1024 + i] != want;
        }
    return wrong;
}

static int record(struct world *w, struct recording **r_p)
{
    struct call_place calls[CALLS];
    for (int c = 0; c < CALLS; c++)
        calls[c] = (struct call_place){ w->in + c * 4096, w->out + c * 4096 };
    return w->theirs != NULL ? w->theirs->ops->record(w->theirs, calls, CALLS, r_p) : operation_record(w->op, calls, CALLS, r_p);
}

static int replay(struct recording *r, uint64_t times)
{
    RB_TRY(recording_queue(r, times));
    return recording_wait(r);
}

/* A plain call in two parts. */
static int call_once(struct world *w)
{
    if (w->theirs == NULL) {
        RB_TRY(operation_launch(w->op, w->in, w->out));
        return operation_wait(w->op);
    }
    RB_TRY(w->theirs->ops->queue(w->theirs, w->in, w->out));
    return w->theirs->ops->wait(w->theirs);
}

static int play(struct job *job, void *context)
{
    struct world w;
    struct recording *r = NULL;
    if (open_world(&w, job, context) != RB_OK || fill(&w, 0) != RB_OK || call_once(&w) != RB_OK)
        return 50;
    int wrong = count_wrong(&w, 0, 1);
    if (fill(&w, 1) != RB_OK || record(&w, &r) != RB_OK)
        return 51;
    wrong += count_wrong(&w, 1, 1) == 0; /* recorded, not done */
    if (replay(r, 1) != RB_OK)
        return 52;
    wrong += count_wrong(&w, 1, CALLS);
    for (int turn = 2; turn < 5; turn++) { /* graph and plain calls in turn: the messages' numbers go on */
        if (fill(&w, turn) != RB_OK || replay(r, 3) != RB_OK)
            return 53;
        wrong += count_wrong(&w, turn, CALLS);
        if (fill(&w, turn) != RB_OK || call_once(&w) != RB_OK)
            return 54;
        wrong += count_wrong(&w, turn, 1);
    }
    recording_free(r);
    close_world(&w);
    return wrong != 0;
}

static void test_ours(void **state)
{
    (void)state;
    static const enum comm_protocol protocols[] = { PROTOCOL_SLOTS, PROTOCOL_LL, PROTOCOL_DIRECT };
    for (size_t i = 0; i < RB_LEN(protocols); i++) {
        setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
        assert_int_equal(ranks_as_processes(2, play, &(struct want){ .transport = "cuda_peer", .ranks_per_gpu = 2, .protocol = protocols[i] }), 0);
        setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
        assert_int_equal(ranks_as_processes(2, play, &(struct want){ .transport = "cuda_peer", .ranks_per_gpu = 1, .protocol = protocols[i] }), 0);
    }
    assert_int_equal(ranks_as_processes(2, play, &(struct want){ .transport = "cuda_copy", .ranks_per_gpu = 1, .protocol = PROTOCOL_SLOTS }), 0);
    assert_int_equal(ranks_as_processes(3, play, &(struct want){ .transport = "cuda_copy", .ranks_per_gpu = 2, .protocol = PROTOCOL_SLOTS }), 0);
    assert_int_equal(ranks_as_processes(3, play, &(struct want){ .transport = "cuda_staged", .ranks_per_gpu = 2, .protocol = PROTOCOL_SLOTS }), 0);
}

static void test_nccl(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
    assert_int_equal(ranks_as_processes(2, play, &(struct want){ .transport = "cuda_peer", .ranks_per_gpu = 1, .nccl = true }), 0);
    assert_int_equal(ranks_as_processes(3, play, &(struct want){ .transport = "cuda_peer", .ranks_per_gpu = 2, .nccl = true }), 0);
}

static int lose_one(struct job *job, void *context)
{
    struct world w;
    struct recording *r;
    if (open_world(&w, job, context) != RB_OK || fill(&w, 0) != RB_OK || record(&w, &r) != RB_OK)
        return 50;
    if (job->rank == 1)
        _exit(0);
    _exit(replay(r, 2) == RB_ETIMEOUT ? 0 : 60);
}

static void test_lost_rank(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
    assert_int_equal(ranks_as_processes(2, lose_one, &(struct want){ .transport = "cuda_peer", .ranks_per_gpu = 1, .late = true }), 0);
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    assert_int_equal(ranks_as_processes(2, lose_one, &(struct want){ .transport = "cuda_peer", .ranks_per_gpu = 2, .late = true }), 0);
}

static int on_host(struct job *job, void *context)
{
    struct comm *comm;
    struct operation *op;
    struct recording *r;
    float in = 1, out = 0;
    (void)context;
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = 1, .type = TYPE_FLOAT };
    if (comm_open(&comm, job, &(struct comm_config){ .transport = "shm", .yield = true }) != RB_OK || comm_prepare(comm, &call, &op) != RB_OK)
        return 50;
    const int rc = operation_record(op, &(struct call_place){ &in, &out }, 1, &r);
    operation_free(op);
    comm_close(comm);
    return rc != RB_ENOTIMPL;
}

static void test_host(void **state)
{
    (void)state;
    assert_int_equal(ranks_as_processes(2, on_host, NULL), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    snprintf(folder, sizeof folder, "%s", argv[0]);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    unsetenv("NCCL_MAX_CTAS");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ours), cmocka_unit_test(test_nccl), cmocka_unit_test(test_lost_rank), cmocka_unit_test(test_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
