/* A stand-in for libnccl.so.2 that moves memory of the simulated GPU, between ranks that are threads or processes. It is as strict as NCCL
 * with what its callers must not do: duplicate GPUs without the switch, calls outside of a group that has two communicators.
 *
 * Version: that in the name of its file (libnccl-2.28.9.so), else 2.30.7.
 * FAKE_NCCL_FAULT   init, call: refused; async: fails later; hang: never done; wrong: a bit of each sum
 * FAKE_NCCL_SLOW    milliseconds that each call takes longer */
#include "collectives/baseline/nccl_api.h"
#include "tests/gpu/simulated_stream.h"
#include "tests/nccl/arithmetic.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { RANKS = 16, ROOM = 32 << 20, OPS = 64 };

/* Mapped by all ranks: what each gives, and where the part for a peer begins. */
struct meeting {
    _Atomic int joined, arrived, generation, aborted;
    uint64_t offset[RANKS][RANKS];
    char data[RANKS][ROOM];
};

struct place {
    int pid, file;
};

enum kind { ALL_REDUCE, REDUCE_SCATTER, ALL_GATHER, BROADCAST, REDUCE, SEND, RECV };

struct op {
    enum kind kind;
    const char *in;
    char *out;
    size_t count;
    int type, op, peer; /* peer: or root */
};

struct nccl_comm {
    struct meeting *meeting;
    int rank, nranks;
    bool joined;
    struct op ops[OPS];
    int nops;
    struct simulated_stream *stream;
    _Atomic int async;
};

static _Thread_local struct {
    int depth, ncomms;
    struct nccl_comm *comms[RANKS];
} group;

static _Thread_local char last_error[160];

static bool has_fault(const char *name)
{
    const char *fault = getenv("FAKE_NCCL_FAULT");
    return fault != NULL && strcmp(fault, name) == 0;
}

static int refuse(int code, const char *why)
{
    snprintf(last_error, sizeof last_error, "%s", why);
    return code;
}

static int version(void)
{
    Dl_info about;
    int major = 2, minor = 30, patch = 7;
    if (dladdr((void *)(uintptr_t)&version, &about) != 0 && strstr(about.dli_fname, "libnccl-") != NULL)
        sscanf(strstr(about.dli_fname, "libnccl-"), "libnccl-%d.%d.%d", &major, &minor, &patch);
    return major * 10000 + minor * 100 + patch;
}

EXPORT int ncclGetVersion(int *v)
{
    *v = version();
    return NCCL_SUCCESS;
}

EXPORT const char *ncclGetErrorString(int result)
{
    static const char *const texts[] = { "no error", "unhandled cuda error", "unhandled system error", "internal error", "invalid argument",
                                         "invalid usage", "remote process exited or there was a network error", "in progress" };
    return result >= 0 && result < 8 ? texts[result] : "unknown result code";
}

EXPORT const char *ncclGetLastError(struct nccl_comm *comm)
{
    (void)comm;
    return last_error;
}

EXPORT int ncclGetUniqueId(struct nccl_id *id)
{
    const struct place here = { (int)getpid(), memfd_create("fake-nccl", 0) };
    if (here.file < 0 || ftruncate(here.file, sizeof(struct meeting)) != 0)
        return refuse(NCCL_SYSTEM_ERROR, "no memory to meet in");
    memcpy(id->bytes, &here, sizeof here);
    return NCCL_SUCCESS;
}

static struct meeting *meet(const struct nccl_id *id)
{
    struct place p;
    char path[64];
    memcpy(&p, id->bytes, sizeof p);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", p.pid, p.file);
    const int file = open(path, O_RDWR);
    void *at = file >= 0 ? mmap(NULL, sizeof(struct meeting), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    if (file >= 0)
        close(file);
    return at == MAP_FAILED ? NULL : at;
}

static int add_comm(struct nccl_comm *c)
{
    for (int i = 0; i < group.ncomms; i++)
        if (group.comms[i] == c)
            return NCCL_SUCCESS;
    if (group.ncomms == RANKS)
        return refuse(NCCL_INTERNAL_ERROR, "too many communicators");
    group.comms[group.ncomms++] = c;
    return NCCL_SUCCESS;
}

static int start(void)
{
    group.depth++;
    return NCCL_SUCCESS;
}

static void pass(struct nccl_comm *c)
{
    struct meeting *m = c->meeting;
    const int generation = atomic_load(&m->generation);
    if (atomic_fetch_add(&m->arrived, 1) == c->nranks - 1) {
        atomic_store(&m->arrived, 0);
        atomic_fetch_add(&m->generation, 1);
        return;
    }
    while (atomic_load(&m->generation) == generation && atomic_load(&m->aborted) == 0)
        sched_yield();
}

/* What a rank has queued in a group. */
struct kept {
    struct nccl_comm *comm;
    int nops;
    struct op ops[OPS];
};

static void give(const struct kept *k)
{
    const struct nccl_comm *c = k->comm;
    uint64_t at = 0;
    for (int i = 0; i < k->nops; i++) {
        const struct op *o = &k->ops[i];
        const size_t blocks = o->kind == REDUCE_SCATTER ? (size_t)c->nranks : 1, bytes = o->count * blocks * arithmetic_bytes(o->type);
        if (o->kind == RECV || o->in == NULL || (o->kind == BROADCAST && c->rank != o->peer))
            continue;
        if (o->kind == SEND)
            c->meeting->offset[c->rank][o->peer] = at;
        memcpy(c->meeting->data[c->rank] + at, o->in, bytes);
        at += bytes;
    }
}

static void take(struct nccl_comm *c, const struct op *o)
{
    const size_t bytes = o->count * arithmetic_bytes(o->type);
    const struct meeting *m = c->meeting;
    const char *all[RANKS];
    for (int r = 0; r < c->nranks; r++)
        all[r] = m->data[r] + (o->kind == REDUCE_SCATTER ? (size_t)c->rank * bytes : 0);
    if (o->kind == RECV)
        memcpy(o->out, m->data[o->peer] + m->offset[o->peer][c->rank], bytes);
    else if (o->kind == BROADCAST)
        memcpy(o->out, all[o->peer], bytes);
    else if (o->kind == ALL_REDUCE || o->kind == REDUCE_SCATTER || (o->kind == REDUCE && c->rank == o->peer))
        arithmetic_reduce(o->out, all, c->nranks, o->count, o->type, o->op);
    if (o->kind == ALL_REDUCE && has_fault("wrong"))
        *o->out ^= 1;
    for (int r = 0; r < c->nranks && o->kind == ALL_GATHER; r++)
        memcpy(o->out + (size_t)r * bytes, all[r], bytes);
}

static void take_long(void)
{
    const char *ms = getenv("FAKE_NCCL_SLOW");
    if (ms != NULL)
        usleep((useconds_t)atoi(ms) * 1000);
}

static void play(const struct kept *k)
{
    struct nccl_comm *c = k->comm;
    take_long();
    give(k);
    pass(c);
    for (int i = 0; i < k->nops && atomic_load(&c->meeting->aborted) == 0; i++)
        take(c, &k->ops[i]);
    pass(c);
}

static void play_kept(void *argument)
{
    play(argument);
}

static void play_once(void *argument)
{
    play(argument);
    free(argument);
}

static struct kept *keep(struct nccl_comm *c)
{
    struct kept *k = calloc(1, sizeof *k);
    k->comm = c;
    k->nops = c->nops;
    memcpy(k->ops, c->ops, sizeof k->ops);
    c->nops = 0;
    return k;
}

static int log_level = -1; /* -1: not read yet; 3: NCCL_DEBUG=INFO */
static FILE *log_file;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* as NCCL has one: of the threads of a process */

EXPORT void ncclResetDebugInit(void)
{
    pthread_mutex_lock(&log_lock);
    log_level = -1;
    pthread_mutex_unlock(&log_lock);
}

/* As NCCL does it: rank 0 writes a line when a collective is queued. */
static void log_choice(const struct nccl_comm *c)
{
    static const char *const names[] = { "AllReduce", "ReduceScatter", "AllGather", "Broadcast", "Reduce" };
    pthread_mutex_lock(&log_lock);
    if (log_level < 0) {
        const char *level = getenv("NCCL_DEBUG"), *file = getenv("NCCL_DEBUG_FILE");
        if (log_file != NULL)
            fclose(log_file);
        log_level = level != NULL && strcmp(level, "INFO") == 0 ? 3 : 0;
        log_file = log_level == 3 && file != NULL ? fopen(file, "w") : NULL;
        if (log_file != NULL)
            setlinebuf(log_file);
    }
    for (int i = 0; log_file != NULL && c->rank == 0 && i < c->nops; i++)
        if (c->ops[i].kind <= REDUCE) {
            const size_t bytes = c->ops[i].count * arithmetic_bytes(c->ops[i].type);
            fprintf(log_file, "host:1:1 [0] NCCL INFO %s: %zu Bytes -> Algo RING proto %s channel{Lo..Hi}={0..%d}\n", names[c->ops[i].kind], bytes,
                    bytes > 4096 ? "SIMPLE" : "LL", bytes > 4096 ? 1 : 0);
        }
    pthread_mutex_unlock(&log_lock);
}

static int launch(struct nccl_comm *c)
{
    if (c->stream == NULL)
        return NCCL_SUCCESS; /* only joined */
    log_choice(c);
    if (c->stream->graph != NULL) {
        simulated_keep(c->stream, play_kept, keep(c));
        return NCCL_SUCCESS;
    }
    if (has_fault("async")) {
        refuse(NCCL_REMOTE_ERROR, "a peer has gone");
        atomic_store(&c->async, NCCL_REMOTE_ERROR);
    }
    if (has_fault("async") || has_fault("hang")) {
        c->stream->queued++;
        c->nops = 0;
        return NCCL_SUCCESS;
    }
    c->stream->enqueue(c->stream, play_once, keep(c));
    return NCCL_SUCCESS;
}

static int end(void)
{
    int rc = NCCL_SUCCESS;
    if (--group.depth > 0)
        return NCCL_SUCCESS;
    for (int i = 0; i < group.ncomms; i++)
        if (!group.comms[i]->joined)
            atomic_fetch_add(&group.comms[i]->meeting->joined, 1);
    for (int i = 0; i < group.ncomms; i++) {
        struct nccl_comm *c = group.comms[i];
        while (!c->joined && atomic_load(&c->meeting->joined) < c->nranks)
            sched_yield();
        c->joined = true;
        rc = rc == NCCL_SUCCESS ? launch(c) : rc;
    }
    group.ncomms = 0;
    return rc;
}

EXPORT int ncclGroupStart(void)
{
    return start();
}

EXPORT int ncclGroupEnd(void)
{
    return end();
}

static int check_duplicates(void)
{
    const char *allowed = getenv("NCCL_MULTI_RANK_GPU_ENABLE");
    if (group.ncomms == 0 || (version() >= NCCL_FIRST_SHARED_GPU && allowed != NULL && strcmp(allowed, "1") == 0))
        return NCCL_SUCCESS;
    return refuse(NCCL_INVALID_USAGE, "Duplicate GPU detected");
}

EXPORT int ncclCommInitRank(struct nccl_comm **comm, int nranks, struct nccl_id id, int rank)
{
    if (has_fault("init"))
        return refuse(NCCL_INTERNAL_ERROR, "no way from here to there");
    struct nccl_comm *c = calloc(1, sizeof *c);
    c->meeting = nranks <= RANKS ? meet(&id) : NULL;
    c->rank = rank;
    c->nranks = nranks;
    start();
    int rc = c->meeting != NULL ? check_duplicates() : refuse(NCCL_SYSTEM_ERROR, "no memory to meet in");
    if (rc == NCCL_SUCCESS)
        rc = add_comm(c);
    if (rc != NCCL_SUCCESS) {
        free(c);
        group.depth--;
        return rc;
    }
    *comm = c;
    return end();
}

EXPORT int ncclCommDestroy(struct nccl_comm *c)
{
    munmap(c->meeting, sizeof *c->meeting);
    free(c);
    return NCCL_SUCCESS;
}

EXPORT int ncclCommAbort(struct nccl_comm *c)
{
    atomic_store(&c->meeting->aborted, 1);
    return NCCL_SUCCESS;
}

EXPORT int ncclCommGetAsyncError(struct nccl_comm *c, int *result)
{
    *result = atomic_load(&c->async);
    return NCCL_SUCCESS;
}

static int add(struct nccl_comm *c, void *stream, struct op op)
{
    if (has_fault("call"))
        return refuse(NCCL_INTERNAL_ERROR, "a proxy thread has ended");
    if (c == NULL || c->nops == OPS || op.count * arithmetic_bytes(op.type) * (size_t)c->nranks > ROOM)
        return refuse(NCCL_INVALID_ARGUMENT, "more than the stand-in can hold");
    if (op.type >= NCCL_FLOAT8E4M3 && version() < NCCL_FIRST_FP8)
        return refuse(NCCL_INVALID_ARGUMENT, "no such type");
    start();
    c->stream = stream;
    c->ops[c->nops++] = op;
    const int rc = add_comm(c);
    return rc != NCCL_SUCCESS ? rc : end();
}

EXPORT int ncclAllReduce(const void *in, void *out, size_t count, int type, int op, struct nccl_comm *comm, void *stream)
{
    return add(comm, stream, (struct op){ ALL_REDUCE, in, out, count, type, op, 0 });
}

EXPORT int ncclReduceScatter(const void *in, void *out, size_t count, int type, int op, struct nccl_comm *comm, void *stream)
{
    return add(comm, stream, (struct op){ REDUCE_SCATTER, in, out, count, type, op, 0 });
}

EXPORT int ncclAllGather(const void *in, void *out, size_t count, int type, struct nccl_comm *comm, void *stream)
{
    return add(comm, stream, (struct op){ ALL_GATHER, in, out, count, type, 0, 0 });
}

EXPORT int ncclBroadcast(const void *in, void *out, size_t count, int type, int root, struct nccl_comm *comm, void *stream)
{
    return add(comm, stream, (struct op){ BROADCAST, in, out, count, type, 0, root });
}

EXPORT int ncclReduce(const void *in, void *out, size_t count, int type, int op, int root, struct nccl_comm *comm, void *stream)
{
    return add(comm, stream, (struct op){ REDUCE, in, out, count, type, op, root });
}

EXPORT int ncclSend(const void *in, size_t count, int type, int peer, struct nccl_comm *comm, void *stream)
{
    return add(comm, stream, (struct op){ SEND, in, NULL, count, type, 0, peer });
}

EXPORT int ncclRecv(void *out, size_t count, int type, int peer, struct nccl_comm *comm, void *stream)
{
    return add(comm, stream, (struct op){ RECV, NULL, out, count, type, 0, peer });
}
