/* GPUs whose groups of threads are host threads: everything of the GPU path but the CUDA calls themselves runs on any machine. Linked
 * before the archives, it takes the place of gpu_cuda.cu.
 *
 * RINGBENCH_SIMULATED_GPUS   how many there are (1); "4x2": islands of 2 reach each other, the others do not
 * RINGBENCH_SIMULATED_CUT    "no": as with a driver that cannot cut a GPU into parts
 * RINGBENCH_SIMULATED_SLOW   milliseconds that a launch waits before it begins
 * RINGBENCH_SIMULATED_FAULT  "join": launches do not wait for what is queued on parts; "fork": nor this for launches
 * Memory lies in memfds that other processes open; a rank that is a thread gets the same address. */
#include "tests/gpu/hooks_host.h"
#include "tests/gpu/simulated_stream.h"

#include "collectives/device/channel.h"
#include "collectives/device/gpu.h"

extern "C" {
#include "collectives/device/pins.h"
#include "core/error.h"
}

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCKS = 512, SMS = 64 };

struct block {
    void *at;
    size_t bytes;
    int file;
    bool opened; /* another's: mapped here */
};

static struct block blocks[BLOCKS];
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;
static thread_local int selected = -1;

static void how_many(int *gpus_p, int *island_p)
{
    const char *text = getenv("RINGBENCH_SIMULATED_GPUS");
    *gpus_p = *island_p = 1;
    if (text == NULL)
        return;
    const int n = sscanf(text, "%dx%d", gpus_p, island_p);
    if (n < 2)
        *island_p = *gpus_p;
}

static int count(char *why, size_t room)
{
    int gpus, island;
    how_many(&gpus, &island);
    snprintf(why, room, "RINGBENCH_SIMULATED_GPUS is %d", gpus);
    return gpus;
}

static int facts(int device, struct gpu_facts *f)
{
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "simulated GPU %d", device);
    snprintf(f->bus, sizeof f->bus, "0000:%02x:00.0", device + 1);
    f->uuid[0] = (uint8_t)(device + 1);
    f->sms = SMS;
    f->major = 9;
    f->memory = (size_t)1 << 32;
    f->cooperative = true;
    return RB_OK;
}

static int select_gpu(int device)
{
    selected = device;
    return RB_OK;
}

static bool reaches(int from, int to)
{
    int gpus, island;
    how_many(&gpus, &island);
    return from / island == to / island;
}

static struct block *find_block(const void *at, int file)
{
    for (struct block &b : blocks)
        if (at != NULL ? b.at == at : b.at == NULL || (file >= 0 && !b.opened && b.file == file))
            return &b;
    return NULL;
}

static void *map_file(int file, size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return p == MAP_FAILED ? NULL : p;
}

static int keep(void *at, size_t bytes, int file, bool opened)
{
    pthread_mutex_lock(&blocks_lock);
    struct block *b = find_block(NULL, -1);
    if (b != NULL && at != NULL)
        *b = { at, bytes, file, opened };
    pthread_mutex_unlock(&blocks_lock);
    return b != NULL && at != NULL ? RB_OK : rb_fail(RB_ECUDA, "simulated GPU memory of %zu bytes: %s", bytes, strerror(errno));
}

static int allocate(size_t bytes, void **memory_p)
{
    const int file = (int)syscall(SYS_memfd_create, "simulated-gpu", 0);
    if (file < 0 || ftruncate(file, (off_t)bytes) != 0)
        return rb_fail(RB_ECUDA, "simulated GPU memory: %s", strerror(errno));
    *memory_p = map_file(file, bytes);
    return keep(*memory_p, bytes, file, false);
}

static void drop(void *memory)
{
    pthread_mutex_lock(&blocks_lock);
    struct block *b = find_block(memory, -1);
    if (b != NULL) {
        munmap(b->at, b->bytes);
        close(b->file);
        *b = {};
    }
    pthread_mutex_unlock(&blocks_lock);
}

static int copy(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    return RB_OK;
}

struct handle {
    int process, file;
    size_t bytes;
    void *at;
};

static int share(void *memory, struct gpu_handle *out)
{
    pthread_mutex_lock(&blocks_lock);
    const struct block *b = find_block(memory, -1);
    const struct handle h = { (int)getpid(), b != NULL ? b->file : -1, b != NULL ? b->bytes : 0, memory };
    pthread_mutex_unlock(&blocks_lock);
    memcpy(out, &h, sizeof h);
    return b != NULL ? RB_OK : rb_fail(RB_ECUDA, "not simulated GPU memory");
}

static int open_handle(const struct gpu_handle *in, void **memory_p)
{
    struct handle h;
    char path[64];
    memcpy(&h, in, sizeof h);
    if (h.process == (int)getpid()) {
        *memory_p = h.at;
        return RB_OK;
    }
    snprintf(path, sizeof path, "/proc/%d/fd/%d", h.process, h.file);
    const int file = open(path, O_RDWR);
    if (file < 0)
        return rb_fail(RB_ECUDA, "%s: %s", path, strerror(errno));
    *memory_p = map_file(file, h.bytes);
    return keep(*memory_p, h.bytes, file, true);
}

static void close_handle(void *memory)
{
    pthread_mutex_lock(&blocks_lock);
    const struct block *b = find_block(memory, -1);
    const bool opened = b != NULL && b->opened;
    pthread_mutex_unlock(&blocks_lock);
    if (opened)
        drop(memory);
}

/* Both look at the memory: it must be there. */
static int pin_once(void *host, size_t bytes)
{
    (void)*((const volatile char *)host + bytes - 1);
    return RB_OK;
}

static void unpin_once(void *host)
{
    (void)*(const volatile char *)host;
}

static int pin(void *host, size_t bytes, void **device_p)
{
    *device_p = host;
    return pins_take(host, bytes, pin_once);
}

static void unpin(void *host)
{
    pins_drop(host, unpin_once);
}

static int poke(uint64_t *at, uint64_t value)
{
    engine_store_release(at, value);
    return RB_OK;
}

static int groups(const struct gpu_launch *, int *groups_p)
{
    *groups_p = SMS;
    return RB_OK;
}

/* --- streams: a thread each that does one thing after the other --- */

struct task {
    void (*run)(void *argument);
    void *argument;
    struct task *next;
};

struct queue {
    struct simulated_stream head;
    pthread_t worker;
    pid_t process; /* forked ones have no worker */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct task *first, *last;
    bool started, ending;
};

static void *do_tasks(void *argument)
{
    struct queue *q = (struct queue *)argument;
    pthread_mutex_lock(&q->lock);
    while (q->first != NULL || !q->ending) {
        struct task *t = q->first;
        if (t == NULL) {
            pthread_cond_wait(&q->changed, &q->lock);
            continue;
        }
        pthread_mutex_unlock(&q->lock);
        t->run(t->argument);
        pthread_mutex_lock(&q->lock);
        q->first = t->next;
        free(t);
        __atomic_add_fetch(&q->head.done, 1, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static void enqueue(struct simulated_stream *stream, void (*run)(void *argument), void *argument)
{
    struct queue *q = (struct queue *)stream;
    struct task *t = (struct task *)calloc(1, sizeof *t);
    *t = { run, argument, NULL };
    pthread_mutex_lock(&q->lock);
    (q->first == NULL ? q->first : q->last->next) = t;
    q->last = t;
    q->head.queued++;
    if (!q->started && pthread_create(&q->worker, NULL, do_tasks, q) != 0)
        abort();
    q->started = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

static struct queue *queue_open()
{
    struct queue *q = (struct queue *)calloc(1, sizeof *q);
    q->head.enqueue = enqueue;
    q->process = getpid();
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    return q;
}

static void queue_close(void *queue)
{
    struct queue *q = (struct queue *)queue;
    pthread_mutex_lock(&q->lock);
    q->ending = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    if (q->started)
        pthread_join(q->worker, NULL);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
    free(q);
}

/* Until `other` has done what it had to do when this was made. */
struct until {
    struct queue *other;
    uint64_t count;
};

static void wait_until(void *argument)
{
    struct until *u = (struct until *)argument;
    pthread_mutex_lock(&u->other->lock);
    while (u->other->head.done < u->count)
        pthread_cond_wait(&u->other->changed, &u->other->lock);
    pthread_mutex_unlock(&u->other->lock);
    free(u);
}

static void enqueue_wait(struct queue *q, struct queue *other)
{
    struct until *u = (struct until *)calloc(1, sizeof *u);
    *u = { other, other->head.queued };
    enqueue(&q->head, wait_until, u);
}

/* --- launches --- */

/* Of each thread that plays a rank; ended with it. */
static struct queue *launches()
{
    static pthread_key_t key;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, [] { pthread_key_create(&key, queue_close); });
    struct queue *q = (struct queue *)pthread_getspecific(key);
    if (q == NULL || q->process != getpid())
        pthread_setspecific(key, q = queue_open());
    return q;
}

/* A launch: its threads run until all have played their part. */
struct launched {
    struct gpu_call call;
    enum rb_type type;
    enum rb_op op;
    uint32_t threads, total, shared_bytes;
    pthread_t *ids;
    struct host_group *groups;
    struct gpu_group *shared_groups;
    char **images;
    struct worker *workers;
};

struct worker {
    struct launched *launch;
    uint32_t group, thread;
};

template <int TYPE> static void play_op(const struct launched *l, uint32_t group)
{
    const int slot = (int)(group / l->call.nchannels), channel = (int)(group % l->call.nchannels);
    switch (l->op) {
    case OP_PROD: channel_play<TYPE, OP_PROD>(&l->call, slot, channel, l->images[group], &l->shared_groups[group]); break;
    case OP_MIN: channel_play<TYPE, OP_MIN>(&l->call, slot, channel, l->images[group], &l->shared_groups[group]); break;
    case OP_MAX: channel_play<TYPE, OP_MAX>(&l->call, slot, channel, l->images[group], &l->shared_groups[group]); break;
    default: channel_play<TYPE, OP_SUM>(&l->call, slot, channel, l->images[group], &l->shared_groups[group]); break;
    }
}

static void play(const struct launched *l, uint32_t group)
{
    switch (l->type) {
    case TYPE_INT8: return play_op<TYPE_INT8>(l, group);
    case TYPE_UINT8: return play_op<TYPE_UINT8>(l, group);
    case TYPE_INT32: return play_op<TYPE_INT32>(l, group);
    case TYPE_UINT32: return play_op<TYPE_UINT32>(l, group);
    case TYPE_INT64: return play_op<TYPE_INT64>(l, group);
    case TYPE_UINT64: return play_op<TYPE_UINT64>(l, group);
    case TYPE_HALF: return play_op<TYPE_HALF>(l, group);
    case TYPE_DOUBLE: return play_op<TYPE_DOUBLE>(l, group);
    case TYPE_BFLOAT16: return play_op<TYPE_BFLOAT16>(l, group);
    case TYPE_FLOAT8E4M3: return play_op<TYPE_FLOAT8E4M3>(l, group);
    case TYPE_FLOAT8E5M2: return play_op<TYPE_FLOAT8E5M2>(l, group);
    default: return play_op<TYPE_FLOAT>(l, group);
    }
}

static void *work(void *argument)
{
    const struct worker *w = (const struct worker *)argument;
    self = { &w->launch->groups[w->group], w->thread, w->launch->threads };
    play(w->launch, w->group);
    return NULL;
}

static void init_group(struct host_group *g, uint32_t threads)
{
    g->threads = threads;
    pthread_barrier_init(&g->all, NULL, threads);
    for (uint32_t w = 0; w < threads / WARP; w++)
        pthread_barrier_init(&g->warps[w], NULL, WARP);
}

static void start_threads(struct launched *l)
{
    for (uint32_t g = 0; g < l->total / l->threads; g++) {
        l->images[g] = (char *)aligned_alloc(64, (l->shared_bytes + 63) / 64 * 64);
        init_group(&l->groups[g], l->threads);
    }
    for (uint32_t i = 0; i < l->total; i++) {
        l->workers[i] = { l, i / l->threads, i % l->threads };
        if (pthread_create(&l->ids[i], NULL, work, &l->workers[i]) != 0)
            abort();
    }
}

static void take_long()
{
    const char *ms = getenv("RINGBENCH_SIMULATED_SLOW");
    if (ms != NULL)
        usleep((useconds_t)atoi(ms) * 1000);
}

static void run_launch(void *argument)
{
    struct launched *l = (struct launched *)argument;
    take_long();
    start_threads(l);
    for (uint32_t i = 0; i < l->total; i++)
        pthread_join(l->ids[i], NULL);
    for (uint32_t g = 0; g < l->total / l->threads; g++)
        free(l->images[g]);
    free(l->ids);
    free(l->groups);
    free(l->shared_groups);
    free(l->images);
    free(l->workers);
    free(l);
}

/* What a launch is made of, for as often as it is wanted. */
struct order {
    struct gpu_launch launch;
    struct gpu_call call;
};

static struct launched *prepare(const struct order *order)
{
    const struct gpu_launch *wanted = &order->launch;
    const uint32_t ngroups = order->call.nranks * order->call.nchannels;
    struct launched *l = (struct launched *)calloc(1, sizeof *l);
    l->call = order->call;
    l->type = wanted->type;
    l->op = wanted->op;
    l->threads = wanted->threads <= WARP * MOST_WARPS ? wanted->threads : (uint32_t)WARP; /* what a GPU has by the hundred, a processor has not */
    l->total = ngroups * l->threads;
    l->shared_bytes = wanted->shared_bytes;
    l->ids = (pthread_t *)calloc(l->total, sizeof *l->ids);
    l->groups = (struct host_group *)calloc(ngroups, sizeof *l->groups);
    l->shared_groups = (struct gpu_group *)calloc(ngroups, sizeof *l->shared_groups);
    l->images = (char **)calloc(ngroups, sizeof *l->images);
    l->workers = (struct worker *)calloc(l->total, sizeof *l->workers);
    return l;
}

static void run_kept(void *argument)
{
    run_launch(prepare((const struct order *)argument));
}

static int launch(const struct gpu_launch *wanted)
{
    if (wanted->threads % WARP != 0 || wanted->call->nranks * wanted->call->nchannels > SMS)
        return rb_fail(RB_ECUDA, "a simulated GPU takes at most %d groups of whole warps", SMS);
    const struct order order = { *wanted, *wanted->call };
    struct simulated_stream *stream = &launches()->head;
    if (stream->graph == NULL) {
        enqueue(stream, run_launch, prepare(&order));
        return RB_OK;
    }
    struct order *kept = (struct order *)calloc(1, sizeof *kept);
    *kept = order;
    simulated_keep(stream, run_kept, kept);
    return RB_OK;
}

static int stream_finished(void *stream, bool *done_p)
{
    struct simulated_stream *s = (struct simulated_stream *)stream;
    if (s->graph != NULL)
        return rb_fail(RB_ECUDA, "a stream that is recorded cannot be asked");
    *done_p = __atomic_load_n(&s->done, __ATOMIC_ACQUIRE) == __atomic_load_n(&s->queued, __ATOMIC_RELAXED);
    return RB_OK;
}

static int finished(bool *done_p)
{
    return stream_finished(&launches()->head, done_p);
}

static int stream_open(void **stream_p)
{
    *stream_p = queue_open();
    return RB_OK;
}

/* --- copies and events --- */

struct queued_copy {
    void *to;
    const void *from;
    size_t bytes;
};

static void run_copy(void *argument)
{
    struct queued_copy *c = (struct queued_copy *)argument;
    memcpy(c->to, c->from, c->bytes);
    free(c);
}

static int copy_queue(void *stream, void *to, const void *from, size_t bytes)
{
    struct queued_copy *c = (struct queued_copy *)calloc(1, sizeof *c);
    *c = { to, from, bytes };
    enqueue((struct simulated_stream *)stream, run_copy, c);
    return RB_OK;
}

struct event {
    const struct simulated_stream *stream;
    uint64_t count;
};

static int event_open(void **event_p)
{
    *event_p = calloc(1, sizeof(struct event));
    return RB_OK;
}

static int event_record(void *event, void *stream)
{
    const struct simulated_stream *s = (const struct simulated_stream *)stream;
    *(struct event *)event = { s, s->queued };
    return RB_OK;
}

static int event_finished(void *event, bool *done_p)
{
    const struct event *e = (const struct event *)event;
    *done_p = e->stream == NULL || __atomic_load_n(&e->stream->done, __ATOMIC_ACQUIRE) >= e->count;
    return RB_OK;
}

/* --- graphs --- */

static struct simulated_stream *stream_of(void *stream)
{
    return stream != NULL ? (struct simulated_stream *)stream : &launches()->head;
}

static int record_begin(void *stream)
{
    struct simulated_stream *s = stream_of(stream);
    s->graph = (struct simulated_graph *)calloc(1, sizeof *s->graph);
    return RB_OK;
}

static int record_end(void *stream, void **graph_p)
{
    struct simulated_stream *s = stream_of(stream);
    *graph_p = s->graph;
    s->graph = NULL;
    return RB_OK;
}

static void run_graph(void *argument)
{
    for (const struct simulated_task *t = ((struct simulated_graph *)argument)->first; t != NULL; t = t->next)
        t->run(t->argument);
}

static int replay(void *graph, void *stream)
{
    enqueue(stream_of(stream), run_graph, graph);
    return RB_OK;
}

static void graph_close(void *graph)
{
    struct simulated_graph *g = (struct simulated_graph *)graph;
    while (g->first != NULL) {
        struct simulated_task *next = g->first->next;
        free(g->first->argument);
        free(g->first);
        g->first = next;
    }
    free(g);
}

static int parts_open(int count, struct gpu_parts *parts)
{
    const char *cut = getenv("RINGBENCH_SIMULATED_CUT");
    *parts = {};
    parts->count = count;
    parts->sms = SMS / count;
    parts->cut = count > 1 && (cut == NULL || strcmp(cut, "no") != 0);
    snprintf(parts->how, sizeof parts->how, "%s of %d of the %d simulated SMs", parts->cut ? "parts" : "products asked to keep to parts", parts->sms, SMS);
    for (int i = 0; i < count; i++)
        parts->streams[i] = queue_open();
    return RB_OK;
}

static void parts_close(struct gpu_parts *parts)
{
    for (int i = 0; i < parts->count; i++)
        queue_close(parts->streams[i]);
    *parts = {};
}

static bool has_fault(const char *name)
{
    const char *fault = getenv("RINGBENCH_SIMULATED_FAULT");
    return fault != NULL && strcmp(fault, name) == 0;
}

static struct queue *work_queue(void *const *streams, int count, int i)
{
    return count > 0 ? (struct queue *)streams[i] : launches();
}

static int parts_join(struct gpu_parts *parts, void *const *streams, int count)
{
    for (int k = 0; k < (count > 0 ? count : 1); k++)
        for (int i = 0; i < parts->count && !has_fault("join"); i++)
            enqueue_wait(work_queue(streams, count, k), (struct queue *)parts->streams[i]);
    return RB_OK;
}

static int parts_fork(struct gpu_parts *parts, void *const *streams, int count)
{
    for (int k = 0; k < (count > 0 ? count : 1); k++)
        for (int i = 0; i < parts->count && !has_fault("fork"); i++)
            enqueue_wait((struct queue *)parts->streams[i], work_queue(streams, count, k));
    return RB_OK;
}

static void explain(char *text, size_t room)
{
    snprintf(text, room, "simulated GPU %d (host threads, for tests)", selected);
}

const struct gpu_api gpu_api = {
    "simulated", count, facts, select_gpu, reaches, reaches, allocate, drop, copy, share, open_handle, close_handle, pin, unpin,
    poke, groups, launch, finished, explain, stream_open, queue_close, stream_finished, copy_queue, event_open, event_record,
    event_finished, free, record_begin, record_end, replay, graph_close,
    parts_open, parts_close, parts_join, parts_fork,
};
