/* Every algorithm, type, operator, protocol and ragged count on the GPU of this machine: ranks are forked processes that share it, so memory
 * goes from process to process. Wants no mpirun, and prints TAP. `make check-gpu` runs it.
 *
 * play            all of it
 * play small      two ranks, one algorithm: under compute-sanitizer */
#include "tests/engine_cases.c" /* compiled into each of its tests */
#include "tests/ranks.h"

#include "collectives/device/gpu.h"

#include <time.h>

enum { SLOT = 4096, SLOTS = 3, CHANNELS = 2, LIMIT_SEC = 4 };

static int play_all(struct job *job, void *context)
{
    return engine_play_all(job, context);
}

static int play_types(struct job *job, void *context)
{
    return engine_play_types(job, context, "ring_all_reduce") + engine_play_types(job, context, "direct_two_shot_all_reduce");
}

static int play_ring(struct job *job, void *context)
{
    return engine_play_types(job, context, "ring_all_reduce");
}

static int open_one(const struct engine_setup *setup, struct job *job, struct comm **comm_p, void **in_p, void **out_p)
{
    const struct comm_config config = { .transport = setup->transport, .ranks_per_gpu = setup->ranks_per_gpu, .channels = setup->channels,
                                        .slots = SLOTS, .slot_bytes = SLOT, .yield = true, .timeout_sec = LIMIT_SEC };
    RB_TRY(comm_open(comm_p, job, &config));
    RB_TRY(comm_allocate(*comm_p, 1 << 20, in_p));
    return comm_allocate(*comm_p, 1 << 20, out_p);
}

/* The last rank leaves before the call: the others end with the right code, in time. */
static int lose_one(struct job *job, void *context)
{
    struct comm *comm;
    struct operation *op;
    void *in, *out;
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = 1 << 18,
                               .type = TYPE_FLOAT };
    if (open_one(context, job, &comm, &in, &out) != RB_OK || comm_prepare(comm, &call, &op) != RB_OK)
        return 50;
    if (job->rank == job->nranks - 1)
        _exit(0);
    const time_t start = time(NULL);
    const int rc = operation_run(op, in, out);
    _exit(rc != RB_ETIMEOUT ? 60 : time(NULL) - start > 2 * LIMIT_SEC ? 61 : 0);
}

static void *abort_soon(void *comm)
{
    const struct timespec wait = { .tv_nsec = 300000000 };
    nanosleep(&wait, NULL);
    comm_abort(comm);
    return NULL;
}

/* The last rank never calls, and another thread of rank 0 ends the wait of all. */
static int abort_all(struct job *job, void *context)
{
    struct comm *comm;
    struct operation *op;
    void *in, *out;
    pthread_t thread;
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = 1 << 18,
                               .type = TYPE_FLOAT };
    if (open_one(context, job, &comm, &in, &out) != RB_OK || comm_prepare(comm, &call, &op) != RB_OK)
        return 50;
    if (job->rank == job->nranks - 1) {
        sleep(2 * LIMIT_SEC);
        _exit(0);
    }
    if (job->rank == 0 && pthread_create(&thread, NULL, abort_soon, comm) != 0)
        return 51;
    const time_t start = time(NULL);
    const int rc = operation_run(op, in, out);
    _exit(rc != RB_ETIMEOUT ? 60 : time(NULL) - start >= LIMIT_SEC ? 61 : 0);
}

/* CUDA does not survive a fork: the parent never touches it. */
static int count_gpus(struct job *job, void *context)
{
    char why[160];
    (void)context;
    const int n = gpu_api.count(why, sizeof why);
    if (n == 0)
        rb_note("rank %d: no GPU: %s", job->rank, why);
    return n < 100 ? n : 99;
}

struct trial {
    const char *name, *transport;
    rank_function *function;
    int ranks;
};

static const struct trial trials[] = {
    { "every algorithm", "cuda_peer", play_all, 1 },      { "every algorithm", "cuda_peer", play_all, 2 },
    { "every algorithm", "cuda_peer", play_all, 3 },      { "every algorithm", "cuda_peer", play_all, 4 },
    { "every algorithm", "cuda_peer", play_all, 5 },      { "every algorithm", "cuda_peer", play_all, 8 },
    { "every algorithm", "cuda_peer", play_all, 11 },     { "every algorithm", "cuda_peer", play_all, 16 },
    { "every type and operator", "cuda_peer", play_types, 2 }, { "every type and operator", "cuda_peer", play_types, 4 },
    { "every type and operator", "cuda_peer", play_types, 8 },
    { "every algorithm", "cuda_staged", play_all, 2 },    { "every algorithm", "cuda_staged", play_all, 4 },
    { "every algorithm", "cuda_copy", play_all, 2 },      { "every algorithm", "cuda_copy", play_all, 4 },
    { "a rank that is lost", "cuda_peer", lose_one, 3 },  { "an abort", "cuda_peer", abort_all, 3 },
};

static const struct trial small = { "every type and operator of a ring", "cuda_peer", play_ring, 2 };

static int try(const struct trial *t, int number)
{
    const bool copies = strcmp(t->transport, "cuda_copy") == 0;
    struct engine_setup setup = { .transport = t->transport, .slot_bytes = SLOT, .slots = SLOTS, .lines = !copies, .slots_only = copies, .ranks_per_gpu = t->ranks, .channels = CHANNELS };
    const int wrong = ranks_as_processes(t->ranks, t->function, &setup);
    printf("%sok %d - %s, %d rank%s, %s\n", wrong == 0 ? "" : "not ", number, t->name, t->ranks, t->ranks == 1 ? "" : "s", t->transport);
    fflush(stdout);
    return wrong != 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (ranks_as_processes(1, count_gpus, NULL) == 0) {
        printf("1..0 # SKIP no GPU here\n");
        return 5;
    }
    if (argc > 1 && strcmp(argv[1], "small") == 0) {
        printf("1..1\n");
        return try(&small, 1);
    }
    printf("1..%d\n", (int)RB_LEN(trials));
    fflush(stdout);
    for (size_t i = 0; i < RB_LEN(trials); i++)
        failed += try(&trials[i], (int)i + 1);
    return failed > 0;
}
