/* GPUs without access to each other, with the copy engines between them: a kernel fills slots in the memory of its own GPU; the rank's
 * thread has them copied into pinned host memory at the receiver's side and from there into slots of the receiver's GPU. Kernels
 * never read over PCIe, which is the slow half of cuda_staged.c; a copy costs microseconds, so slots are large.
 *
 * Three pairs of marks: sender's kernel and thread, thread and thread (the connection that cuda_staged would have, used by the host), thread
 * and receiver's kernel. A slot is free again when it was copied, not when it was read. */
#include "collectives/transport/cuda.h"
#include "collectives/transport/marks.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

/* Copy engines reach their rate from about 1 MiB on; a group of threads fills its slots faster than PCIe empties them. */
enum { CHANNELS = 4, SLOTS = 4, SLOT = 1 << 20 };

/* One end of a connection of this rank. */
struct end {
    bool sends;
    struct connection wire;   /* to the other rank's thread */
    struct mark *tail, *head; /* to the kernel */
    char *slots;              /* the GPU's */
    uint64_t begun, ended;    /* copies */
    void *events[CONNECTION_SLOTS];
};

struct copies {
    struct shared marks;   /* of kernels, a rank of this machine */
    void **device_marks;   /* [nranks] as kernels of this GPU see them; NULL: another GPU's */
    struct region slots;   /* GPU memory, a rank; opened by those of the same GPU */
    void *out, *in;        /* streams */
    struct end *ends;
    size_t nends;
};

static size_t end_number(const struct cuda_transport *t, int peer, bool sends, int channel)
{
    return ((size_t)peer * 2 + sends) * (size_t)t->channels + (size_t)channel;
}

static size_t ends_most(const struct cuda_transport *t)
{
    return end_number(t, t->head.job->nranks, false, 0);
}

static struct mark *marks_at(const struct cuda_transport *t, void *base, size_t end)
{
    return (struct mark *)base + end * ((size_t)t->head.slots + 1);
}

static char *slots_at(const struct cuda_transport *t, int rank, size_t end)
{
    return (char *)t->copies->slots.base[rank] + end * (size_t)t->head.slots * t->head.slot_bytes;
}

struct connection cuda_copy_connection(const struct cuda_transport *t, int rank, int peer, bool sends, int channel)
{
    const size_t end = end_number(t, peer, sends, channel);
    struct mark *marks = marks_at(t, t->copies->device_marks[rank], end);
    return (struct connection){ .tail = marks, .head = marks + t->head.slots, .grant = marks, .slots = slots_at(t, rank, end),
                                .nslots = (uint32_t)t->head.slots, .slot_bytes = t->head.slot_bytes, .peer = peer };
}

static int begin_copy(const struct cuda_transport *t, struct end *e, size_t bytes)
{
    const size_t slot = e->begun % (uint64_t)t->head.slots;
    char *gpu = e->slots + slot * t->head.slot_bytes, *host = e->wire.slots + slot * t->head.slot_bytes;
    void *stream = e->sends ? t->copies->out : t->copies->in;
    RB_TRY(gpu_api.copy_queue(stream, e->sends ? host : gpu, e->sends ? gpu : host, bytes));
    e->begun++;
    return gpu_api.event_record(e->events[slot], stream);
}

/* Marks of messages to be copied, and the mark that says how many slots on the other side are free again. */
static struct mark *source_of(const struct end *e) { return e->sends ? e->tail : e->wire.tail; }
static struct mark *target_of(const struct end *e) { return e->sends ? e->wire.tail : e->tail; }
static struct mark *room_of(const struct end *e) { return e->sends ? e->wire.head : e->head; }
static struct mark *freed_of(const struct end *e) { return e->sends ? e->head : e->wire.head; }

static int begin_all(const struct cuda_transport *t, struct end *e)
{
    const uint64_t slots = (uint64_t)t->head.slots;
    for (;;) {
        const struct mark *m = &source_of(e)[e->begun % slots];
        if (mark_load(m) != e->begun + 1 || e->begun - mark_load(room_of(e)) >= slots)
            return RB_OK;
        RB_TRY(begin_copy(t, e, m->argument));
    }
}

static int end_all(const struct cuda_transport *t, struct end *e)
{
    const uint64_t slots = (uint64_t)t->head.slots;
    while (e->ended < e->begun) {
        bool done;
        struct mark *to = &target_of(e)[e->ended % slots];
        RB_TRY(gpu_api.event_finished(e->events[e->ended % slots], &done));
        if (!done)
            return RB_OK;
        to->argument = source_of(e)[e->ended % slots].argument;
        e->ended++;
        mark_store(to, e->ended);
        mark_store(freed_of(e), e->ended);
    }
    return RB_OK;
}

static int progress(struct transport *head, bool *busy_p)
{
    const struct cuda_transport *t = (const struct cuda_transport *)head;
    *busy_p = false;
    for (size_t i = 0; i < t->copies->nends; i++) {
        struct end *e = &t->copies->ends[i];
        RB_TRY(end_all(t, e));
        RB_TRY(begin_all(t, e));
        const bool waiting = e->sends && mark_load(&e->tail[e->begun % (uint64_t)head->slots]) == e->begun + 1;
        *busy_p = *busy_p || waiting || e->begun != e->ended;
    }
    return RB_OK;
}

static int open_end(struct cuda_transport *t, const struct cuda_transport *host, int peer, bool sends, int channel)
{
    const int rank = t->head.job->rank;
    const size_t number = end_number(t, peer, sends, channel);
    struct end *e = &t->copies->ends[t->copies->nends++];
    e->sends = sends;
    e->wire = cuda_connection(&host->head, rank, peer, sends, channel, LINES_NONE);
    e->tail = marks_at(t, t->copies->marks.base[t->gang->places[rank]], number);
    e->head = e->tail + t->head.slots;
    e->slots = slots_at(t, rank, number);
    for (int i = 0; i < t->head.slots; i++)
        RB_TRY(gpu_api.event_open(&e->events[i]));
    return RB_OK;
}

/* The wire, as the host sees it. */
static int open_ends(struct cuda_transport *t)
{
    const struct job *job = t->head.job;
    struct cuda_transport host = *t;
    int rc = RB_OK;
    host.copies = NULL;
    host.segments = rb_calloc((size_t)job->nranks, sizeof *host.segments);
    for (int r = 0; r < job->nranks; r++)
        host.segments[r] = t->staged.base[t->gang->places[r]];
    t->copies->ends = rb_calloc(ends_most(t), sizeof *t->copies->ends);
    for (int r = 0; r < job->nranks && rc == RB_OK; r++)
        for (int c = 0; c < t->channels && rc == RB_OK && r != job->rank; c++) {
            rc = open_end(t, &host, r, true, c);
            if (rc == RB_OK)
                rc = open_end(t, &host, r, false, c);
        }
    free(host.segments);
    return rc;
}

static int open_marks(struct cuda_transport *t)
{
    const struct gang *g = t->gang;
    struct copies *c = t->copies;
    int rc = shared_open(&c->marks, g->node, ends_most(t) * ((size_t)t->head.slots + 1) * sizeof(struct mark));
    for (int m = 0; m < g->nmembers && rc == RB_OK; m++) {
        const int place = g->places[g->members[m]];
        rc = gpu_api.pin(c->marks.base[place], c->marks.bytes[place], &c->device_marks[g->members[m]]);
    }
    return job_agree(t->head.job, rc);
}

/* Does the host see what a kernel writes into its marks? */
static int probe(const struct cuda_transport *t)
{
    const int rank = t->head.job->rank;
    struct mark *mark = t->copies->marks.base[t->gang->places[rank]];
    RB_TRY(gpu_api.poke(t->copies->device_marks[rank], 1));
    const bool seen = mark_load(mark) == 1;
    mark_store(mark, 0);
    return seen ? RB_OK : rb_fail(RB_ECUDA, "rank %d: the host does not see what a kernel writes into pinned memory; use --transport shm", rank);
}

static int open_copies(struct cuda_transport *t)
{
    struct copies *c = t->copies = rb_calloc(1, sizeof *c);
    c->device_marks = rb_calloc((size_t)t->head.job->nranks, sizeof *c->device_marks);
    RB_TRY(cuda_allocate_shared(&t->head, ends_most(t) * (size_t)t->head.slots * t->head.slot_bytes, &c->slots, false));
    RB_TRY(open_marks(t));
    RB_TRY(cuda_staged_join(t));
    int rc = gpu_api.stream_open(&c->out);
    if (rc == RB_OK)
        rc = gpu_api.stream_open(&c->in);
    if (rc == RB_OK)
        rc = open_ends(t);
    if (rc == RB_OK)
        rc = probe(t);
    return job_agree(t->head.job, rc);
}

static void close_streams(const struct cuda_transport *t)
{
    struct copies *c = t->copies;
    for (size_t i = 0; i < c->nends; i++)
        for (int k = 0; k < t->head.slots; k++)
            if (c->ends[i].events[k] != NULL)
                gpu_api.event_close(c->ends[i].events[k]);
    if (c->out != NULL)
        gpu_api.stream_close(c->out);
    if (c->in != NULL)
        gpu_api.stream_close(c->in);
}

static void close_copy(struct transport *head)
{
    struct cuda_transport *t = (struct cuda_transport *)head;
    struct copies *c = t->copies;
    close_streams(t);
    for (int m = 0; m < t->gang->nmembers; m++)
        if (c->device_marks[t->gang->members[m]] != NULL)
            gpu_api.unpin(c->marks.base[t->gang->places[t->gang->members[m]]]);
    cuda_staged_leave(t);
    if (c->marks.base != NULL)
        shared_close(&c->marks);
    if (c->slots.base != NULL)
        cuda_release_shared(head, &c->slots);
    free(c->device_marks);
    free(c->ends);
    free(c);
    cuda_close(t);
}

static int open_copy(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_cuda_copy;
    struct transport_config mine = *config;
    struct cuda_transport *t;
    mine.channels = config->channels > 0 ? config->channels : CHANNELS;
    mine.slots = config->slots > 0 ? config->slots : SLOTS;
    mine.slot_bytes = config->slot_bytes > 0 ? config->slot_bytes : SLOT;
    RB_TRY(cuda_open(&t, &transport_cuda_copy, job, &mine));
    t->slot_bytes[LINES_LL] = t->slot_bytes[LINES_LL128] = 0;
    const int rc = open_copies(t);
    if (rc != RB_OK) {
        close_copy(&t->head);
        return rc;
    }
    *t_p = &t->head;
    return RB_OK;
}

static int allocate(struct transport *t, size_t bytes, struct region *region_p)
{
    return cuda_allocate_shared(t, bytes, region_p, false);
}

const struct transport_ops transport_cuda_copy = {
    .name = "cuda_copy", .summary = "GPUs without peer access: copy engines through pinned host memory", .moves = true, .gpu = true,
    .usable = cuda_usable, .open = open_copy, .close = close_copy, .progress = progress, .allocate = allocate, .release = cuda_release_shared,
    .describe = cuda_describe,
};
