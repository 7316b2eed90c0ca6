#include "collectives/async_wire.h"

#include "core/error.h"

#include <sched.h>

int async_shard_init(struct async_shard *s, const struct comm *comm, const struct async_config *config, int index)
{
    const int workers = async_workers(comm->job, config);
    *s = (struct async_shard){ .server = workers + index, .type_bytes = type_bytes(config->type), .workers = workers };
    chunk_range(config->count, s->type_bytes, config->servers, index, &s->first, &s->count);
    const size_t header = async_header_bytes(workers), slot = comm->transport->slot_bytes;
    if (slot < header + 16)
        return rb_fail(RB_EUSAGE, "slots of %zu bytes have no room for the push counts of %d workers; %zu are needed", slot, workers, header + 16);
    s->block_elements = (slot - header) / 16 * 16 / s->type_bytes;
    s->nblocks = (uint32_t)((s->count + s->block_elements - 1) / s->block_elements);
    return RB_OK;
}

uint64_t async_shard_block(const struct async_shard *s, uint32_t block, uint64_t *first_p)
{
    const uint64_t from = (uint64_t)block * s->block_elements, left = s->count - from;
    *first_p = s->first + from;
    return left < s->block_elements ? left : s->block_elements;
}

size_t async_header_bytes(int counts)
{
    return (sizeof(struct async_header) + (size_t)counts * sizeof(uint32_t) + 15) / 16 * 16;
}

struct async_header *async_message(const struct connection *c, size_t bytes)
{
    return (struct async_header *)(void *)engine_slot(c, bytes);
}

bool async_arrived(const struct connection *c)
{
    return engine_load_acquire(&c->tail[c->at].sequence) == c->next + 1;
}

static void step(struct connection *c)
{
    c->at = c->at + 1 == c->nslots ? 0 : c->at + 1;
}

void async_consume(struct connection *c)
{
    engine_store_release(&c->head->sequence, ++c->next);
    step(c);
}

bool async_has_room(struct connection *c)
{
    if (c->next - c->freed >= c->nslots)
        c->freed = engine_load_acquire(&c->head->sequence);
    return c->next - c->freed < c->nslots;
}

void async_post(struct connection *c, size_t bytes)
{
    struct mark *m = &c->tail[c->at];
    m->argument = bytes;
    engine_store_release(&m->sequence, ++c->next);
    step(c);
}

static int give_up(const struct async_wait *w, const char *why)
{
    const int peer = w->blocked_on(w->role), rank = w->comm->job->rank;
    if (peer < 0)
        return rb_fail(RB_ETIMEOUT, "rank %d: %s in the asynchronous parameter server, iteration %u, its last messages are not taken", rank, why, w->iteration);
    return rb_fail(RB_ETIMEOUT, "rank %d: %s in the asynchronous parameter server, iteration %u, waiting for rank %d", rank, why, w->iteration, peer);
}

static void show_wait(const struct async_wait *w)
{
    struct heartbeat *h = w->comm->heartbeat;
    atomic_store_explicit(&h->step, (int32_t)w->iteration, memory_order_relaxed);
    atomic_store_explicit(&h->lane, 0, memory_order_relaxed);
    atomic_store_explicit(&h->waits_for, w->blocked_on(w->role), memory_order_relaxed);
}

static void moved_on(struct async_wait *w)
{
    if (w->patience.since_ns != 0)
        atomic_store_explicit(&w->comm->heartbeat->waits_for, -1, memory_order_relaxed);
    w->patience = (struct patience){0};
    heartbeat_beat(w->comm->heartbeat);
}

int async_round(struct async_wait *w, bool wait, bool *busy_p)
{
    struct transport *t = w->comm->transport;
    *busy_p = false;
    patience_random_delay(w->comm);
    const bool moved = w->advance(w->role);
    if (t->ops->progress != NULL)
        RB_TRY(t->ops->progress(t, busy_p));
    if (moved)
        moved_on(w);
    if (!moved && !wait && w->comm->config.yield) /* who computes elsewhere does not hold a core that others need */
        sched_yield();
    if (moved || !wait)
        return RB_OK;
    switch (patience_wait(w->comm, &w->patience)) {
    case PATIENCE_ABORTED: return give_up(w, "aborted");
    case PATIENCE_OVER: return give_up(w, "no progress");
    case PATIENCE_SHOW: show_wait(w); break;
    case PATIENCE_GO_ON: break;
    }
    return RB_OK;
}
