/* Shared memory: each rank owns an inbox with a FIFO from every peer, mapped by all; buffers are mapped by all as well, so
 * direct access is possible. Pages come into being when a FIFO is first used. */
#include "collectives/transport/transport.h"

#include "core/error.h"
#include "core/shared.h"
#include "core/text.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct shm {
    struct transport head;
    struct shared inbox;
    struct connection *send, *recv; /* [nranks] */
};

static bool usable(const struct job *job, const char **why_p)
{
    *why_p = "the ranks are on several machines";
    return job->nnodes == 1;
}

static size_t fifo_bytes(const struct transport *t)
{
    const size_t marks = (2 * (size_t)t->slots + 1) * sizeof(struct mark);
    return (marks + (size_t)t->slots * t->slot_bytes + 4095) / 4096 * 4096;
}

/* The FIFO of messages from `from` in the inbox of `to`; the first line of an inbox is its abort flag. */
static struct connection fifo(const struct shm *s, int from, int to, int peer)
{
    const size_t slots = (size_t)s->head.slots;
    char *at = (char *)s->inbox.base[to] + 4096 + (size_t)from * fifo_bytes(&s->head);
    struct mark *marks = (struct mark *)(void *)at;
    return (struct connection){
        .tail = marks, .grant = marks + slots, .head = marks + 2 * slots, .slots = at + (2 * slots + 1) * sizeof(struct mark),
        .nslots = (uint32_t)slots, .slot_bytes = s->head.slot_bytes, .inline_bytes = MARK_INLINE, .peer = peer,
    };
}

static void close_shm(struct transport *t)
{
    struct shm *s = (struct shm *)t;
    shared_close(&s->inbox);
    free(s->send);
    free(s->recv);
    free(s);
}

static int open_shm(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_shm;
    struct shm *s = rb_calloc(1, sizeof *s);
    const size_t n = (size_t)job->nranks;
    const int slots = config->slots > 0 ? config->slots : 8;
    s->head = (struct transport){ .ops = &transport_shm, .job = job, .slots = slots,
                                  .slot_bytes = transport_slot_bytes(config, job->nranks, slots) };
    const int rc = shared_open(&s->inbox, job, 4096 + n * fifo_bytes(&s->head));
    if (rc != RB_OK) {
        free(s);
        return rc;
    }
    s->head.abort = s->inbox.base[0];
    s->send = rb_calloc(n, sizeof *s->send);
    s->recv = rb_calloc(n, sizeof *s->recv);
    for (int r = 0; r < job->nranks; r++) {
        s->send[r] = fifo(s, job->rank, r, r);
        s->recv[r] = fifo(s, r, job->rank, r);
    }
    *t_p = &s->head;
    return RB_OK;
}

static struct connection *connection(struct transport *t, int peer, bool sends)
{
    struct shm *s = (struct shm *)t;
    return sends ? &s->send[peer] : &s->recv[peer];
}

/* Pages exist and are in this process's tables before anything is timed; false: the memory is not to be had. */
static bool populate(void *memory, size_t bytes)
{
    if (madvise(memory, bytes, MADV_POPULATE_WRITE) == 0)
        return true;
    if (errno != EINVAL)
        return false;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE); /* a kernel before 5.14 */
    for (size_t at = 0; at < bytes; at += page)
        (void)*((volatile char *)memory + at);
    return true;
}

/* Everybody's own pages first: who touches a page first decides on which NUMA node it lies. */
static int populate_all(const struct shared *s, struct job *job)
{
    const bool own = populate(s->base[job->rank], s->bytes[job->rank]);
    const int rc = own ? RB_OK : rb_fail(RB_EINTERNAL, "rank %d: no memory for a shared buffer of %zu bytes", job->rank, s->bytes[job->rank]);
    RB_TRY(job_agree(job, rc));
    for (int r = 0; r < s->nranks; r++)
        if (r != job->rank && !s->borrowed[r])
            populate(s->base[r], s->bytes[r]);
    return job_barrier(job);
}

static int allocate(struct transport *t, size_t bytes, struct region *region_p)
{
    struct shared *s = rb_calloc(1, sizeof *s);
    int rc = shared_open(s, t->job, bytes);
    if (rc == RB_OK) {
        rc = populate_all(s, t->job);
        if (rc != RB_OK)
            shared_close(s);
    }
    if (rc != RB_OK) {
        free(s);
        return rc;
    }
    *region_p = (struct region){ s->base, s->bytes[t->job->rank], s };
    return RB_OK;
}

static void release(struct transport *t, struct region *region)
{
    (void)t;
    shared_close(region->owner);
    free(region->owner);
}

const struct transport_ops transport_shm = {
    .name = "shm", .summary = "shared memory: slots, and direct access to shared buffers", .direct = true, .moves = true,
    .usable = usable, .open = open_shm, .close = close_shm, .connection = connection, .allocate = allocate, .release = release,
};
