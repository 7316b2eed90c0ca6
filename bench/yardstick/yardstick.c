/* bench/yardstick/yardstick.c - what the engine reaches against the machine itself: two pinned processes, every figure
 * beside a memcpy of the same minute. `make bench` runs it; it is no part of ringbench. With the name of a results.jsonl it
 * prints the goals against MPI instead.
 *
 * Each row is a ratio of medians of interleaved runs, with the 95 % interval of the paired ratio (order statistics). */
#include "bench/yardstick/against_mpi.h"
#include "collectives/comm.h"
#include "collectives/prove.h"
#include "collectives/transport/transport.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 64 << 20, MIDDLE = 4 << 20, ROUNDS = 41, HOPS = 20000, HOP_BATCH = 100 };

struct bench {
    struct job *job;
    struct comm *comm;
    char *in, *out; /* LARGE each, reachable by the peer */
    char *mine, *copy; /* LARGE each, private */
};

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_row(const char *what, const double *ratio, int n, double target, bool at_least)
{
    double sorted[ROUNDS];
    memcpy(sorted, ratio, (size_t)n * sizeof *ratio);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    const int reach = (int)ceil(0.98 * sqrt(n)); /* 1.96 sqrt(n) / 2 */
    const double low = sorted[n / 2 - reach > 0 ? n / 2 - reach : 0], high = sorted[n / 2 + reach < n ? n / 2 + reach : n - 1];
    const double median = sorted[n / 2];
    printf("%-58s %8.3f  [%.3f, %.3f]  %s %.3g  %s\n", what, median, low, high, at_least ? ">=" : "<=", target,
           (at_least ? median >= target : median <= target) ? "reached" : "MISSED");
}

static void pin(int rank)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return;
    int seen = 0;
    for (size_t c = 0; c < CPU_SETSIZE; c++)
        if (CPU_ISSET(c, &all) && seen++ == rank)
            CPU_SET(c, &one);
    if (CPU_COUNT(&one) == 1)
        sched_setaffinity(0, sizeof one, &one);
}

/* One-way time of a mark with 8 bytes in it: half of a round trip, in microseconds. */
static double hop_us(const struct bench *b)
{
    struct transport *t = NULL;
    transport_find("shm")->open(&t, b->job, &(struct transport_config){ 0 });
    const int peer = 1 - b->job->rank;
    struct mark *to = t->ops->connection(t, peer, true)->tail, *from = t->ops->connection(t, peer, false)->tail;
    double *samples = rb_malloc(HOPS / HOP_BATCH * sizeof *samples);
    uint64_t value = 0;
    for (uint64_t i = 1; i <= HOPS;) {
        const uint64_t start = clock_ns();
        for (int k = 0; k < HOP_BATCH; k++, i++) {
            if (b->job->rank == 0) {
                memcpy(to->payload, &i, sizeof i);
                __atomic_store_n(&to->sequence, i, __ATOMIC_RELEASE);
            }
            while (__atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE) != i)
                cpu_pause();
            memcpy(&value, from->payload, sizeof value);
            if (b->job->rank == 1) {
                memcpy(to->payload, &value, sizeof value);
                __atomic_store_n(&to->sequence, value, __ATOMIC_RELEASE);
            }
        }
        samples[i / HOP_BATCH - 1] = (double)(clock_ns() - start) * 1e-3 / HOP_BATCH / 2;
    }
    qsort(samples, HOPS / HOP_BATCH, sizeof *samples, by_value);
    const double median = samples[HOPS / HOP_BATCH / 2];
    free(samples);
    job_barrier(b->job);
    t->ops->close(t);
    return median;
}

static double slowest(struct bench *b, double seconds)
{
    job_reduce(b->job, &seconds, 1, JOB_MAX);
    return seconds;
}

/* Both cores copy at once. */
static double time_memcpy(struct bench *b, size_t bytes)
{
    comm_barrier(b->comm);
    const double start = clock_sec();
    memcpy(b->copy, b->mine, bytes);
    __asm__ volatile("" ::"r"(b->copy) : "memory");
    return slowest(b, clock_sec() - start);
}

static double time_operation(struct bench *b, struct operation *op, void *in, void *out)
{
    comm_barrier(b->comm);
    const double start = clock_sec();
    if (operation_run(op, in, out) != RB_OK)
        exit(1);
    return slowest(b, clock_sec() - start);
}

struct contest {
    const char *what, *algorithm;
    size_t bytes;
    enum comm_protocol protocol;
    bool in_place;
    double target;
};

/* Time of memcpy over time of the operation: bytes per second of one over the other. */
static void contest(struct bench *b, const struct contest *c)
{
    const struct call call = { .algorithm = algorithm_find(c->algorithm), .group = { .nranks = 2, .servers = 1 }, .count = c->bytes / sizeof(float),
                               .type = TYPE_FLOAT, .op = OP_SUM, .protocol = c->protocol, .in_place = c->in_place };
    struct operation *op;
    if (comm_prepare(b->comm, &call, &op) != RB_OK)
        exit(1);
    double ratio[ROUNDS];
    for (int i = -2; i < ROUNDS; i++) {
        const double copy = time_memcpy(b, c->bytes);
        const double ours = time_operation(b, op, c->in_place ? b->out : b->in, b->out);
        if (i >= 0)
            ratio[i] = copy / ours;
    }
    operation_free(op);
    if (b->job->rank == 0)
        print_row(c->what, ratio, ROUNDS, c->target, true);
}

static double pss_mib(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    double kib = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Pss: %lf", &kib) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return kib / 1024;
}

static void contests(struct bench *b)
{
    static const struct contest all[] = {
        { "pipe through slots, 4 MiB / memcpy on both cores", "ring_broadcast", MIDDLE, PROTOCOL_SLOTS, true, 0.85 },
        { "all-reduce 64 MiB, direct two-shot / memcpy", "direct_two_shot_all_reduce", LARGE, PROTOCOL_DIRECT, false, 0.5 },
        { "all-reduce 64 MiB, ring through slots / memcpy", "ring_all_reduce", LARGE, PROTOCOL_SLOTS, false, 0.33 },
    };
    for (size_t i = 0; i < RB_LEN(all); i++)
        contest(b, &all[i]);
}

static void measure_memory(struct bench *b, double before)
{
    /* Pss splits shared pages among those who map them, so the sum over the ranks counts each page once. */
    double own = pss_mib() - before - 2 * (double)LARGE / (1 << 20) - 2 * (double)LARGE / (1 << 20);
    job_reduce(b->job, &own, 1, JOB_SUM);
    own /= 2;
    if (b->job->rank == 0)
        print_row("own memory beyond the buffers, MiB a rank", &own, 1, 16, false);
}

static void *pages(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        exit(1);
    memset(p, 1, bytes);
    return p;
}

static void measure_proof(void)
{
    const double start = clock_sec();
    for (size_t i = 0; i < algorithm_count; i++)
        for (int n = algorithms[i]->min_ranks; n <= 33; n++)
            for (int servers = 1; servers <= (algorithms[i]->uses_servers ? algorithms[i]->max_servers(n) : 1); servers++) {
                const struct group g = { .nranks = n, .servers = servers };
                struct proof p;
                if (prove(algorithms[i], &g, &(struct proof_options){ .slots = 1, .pieces = 2, .direct = true }, &p) != RB_OK || !p.holds)
                    exit(1);
                proof_free(&p);
            }
    const double seconds = clock_sec() - start;
    print_row("proof of every algorithm, n = 1..33, every k, seconds", &seconds, 1, 5, false);
}

static int run(void *shared, int rank)
{
    struct bench b = {0};
    pin(rank);
    RB_TRY(job_open_local(&b.job, shared, rank, 2));
    const double before = pss_mib();
    RB_TRY(comm_open(&b.comm, b.job, &(struct comm_config){ .transport = "shm", .timeout_sec = 60 }));
    RB_TRY(comm_allocate(b.comm, LARGE, (void **)&b.in));
    RB_TRY(comm_allocate(b.comm, LARGE, (void **)&b.out));
    memset(b.in, 1, LARGE);
    memset(b.out, 1, LARGE);
    b.mine = pages(LARGE);
    b.copy = pages(LARGE);
    const double hop = hop_us(&b);
    if (rank == 0)
        print_row("flag hop with 8 bytes, us", &hop, 1, 0.2, false);
    contests(&b);
    measure_memory(&b, before);
    if (rank == 0)
        measure_proof();
    comm_close(b.comm);
    job_close(b.job);
    return RB_OK;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return rb_exit_code(against_mpi(argv[1]));
    void *shared = mmap(NULL, job_local_bytes(2), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    printf("%-58s %8s  %-16s  %s\n", "two pinned processes", "median", "95 %", "goal");
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0)
        _exit(rb_exit_code(run(shared, 1)));
    const int rc = run(shared, 0);
    int status = 0;
    waitpid(child, &status, 0);
    return rc != RB_OK ? rb_exit_code(rc) : WEXITSTATUS(status);
}
