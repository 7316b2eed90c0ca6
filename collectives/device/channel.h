/* collectives/device/channel.h - one group of threads plays one rank's share of a collective: its first thread takes the turns of
 * engine.h, all of them do the arithmetic.
 *
 * The same text runs as a CTA on a GPU and, in the tests, as a few host threads. Besides what engine.h, packs.h and lines.h want, the
 * back end defines before
 *   gpu_sync()              barrier of the group: what its threads wrote before, all of them see after
 *   gpu_now_ns()            a clock
 *   gpu_look(address)       an abort flag as it is now
 *   gpu_relax()             a moment's rest in a wait
 *   GPU_WAIT_SPINS          how often a thread looks for what it waits for before it looks whether it should go on */
#ifndef RB_COLLECTIVES_CHANNEL_H
#define RB_COLLECTIVES_CHANNEL_H

#include "collectives/device/image.h"

struct gpu_wait {
    uint32_t *abort;
    uint64_t timeout_ns, since_ns; /* since_ns 0: not waited long enough to ask the clock */
    uint32_t spins;
    bool expired, over;
};

GPU_FN bool gpu_wait_over(struct gpu_wait *w)
{
    if (w->over || ++w->spins % GPU_WAIT_SPINS != 0)
        return w->over;
    gpu_relax();
    const uint64_t now = gpu_now_ns();
    if (w->since_ns == 0)
        w->since_ns = now;
    w->expired = w->timeout_ns > 0 && now - w->since_ns > w->timeout_ns;
    w->over = w->expired || gpu_look(w->abort) != 0;
    return w->over;
}

GPU_FN void gpu_wait_begin(struct gpu_wait *w)
{
    w->since_ns = 0;
    w->spins = 0;
}

#define ENGINE_FN GPU_FN
#include "collectives/engine.h"
#include "collectives/device/image_head.h"
#include "collectives/device/lines.h"

/* What the threads of a group share besides the image. */
struct gpu_group {
    struct engine_turn turn;
    int lane;          /* of the turn */
    bool has_turn;
    int32_t stop;   /* enum gpu_stop */
    int32_t failed; /* the same, from a thread whose wait inside the arithmetic ended */
};

template <class T> GPU_FN void image_move(T *&pointer, char *base)
{
    pointer = (T *)(base + (uintptr_t)pointer);
}

/* One thread: small images, and it happens once a launch. */
GPU_FN void image_relocate(struct gpu_image *m, char *base)
{
    image_move(m->engine.lanes, base);
    image_move(m->connections, base);
    image_move(m->homes, base);
    image_move(m->pulled, base);
    image_move(m->peers, base);
    image_move(m->steps, base);
    for (int i = 0; i < m->engine.nlanes; i++) {
        image_move(m->engine.lanes[i].steps, base);
        image_move(m->engine.lanes[i].dsts, base);
        image_move(m->engine.lanes[i].srcs, base);
    }
    for (uint32_t i = 0; i < m->nsteps; i++) {
        image_move(m->steps[i].recv, base);
        image_move(m->steps[i].send, base);
    }
    for (uint32_t i = 0; i < m->npeers; i++)
        image_move(m->peers[i], base);
    for (uint32_t i = 0; i < m->npulled; i++)
        image_move(m->pulled[i], base);
}

GPU_FN void image_load(char *shared, const char *image, uint32_t bytes)
{
    for (uint64_t at = (uint64_t)gpu_thread() * sizeof(uint64_t); at < bytes; at += (uint64_t)gpu_threads() * sizeof(uint64_t))
        *(uint64_t *)(shared + at) = *(const uint64_t *)(image + at);
}

/* Peers may still be reading what this rank published. */
GPU_FN bool channel_acknowledged(const struct gpu_image *m)
{
    for (uint32_t i = 0; i < m->npulled; i++) {
        struct connection *c = m->pulled[i];
        if (c->freed != c->next)
            c->freed = engine_load_acquire(&c->head->sequence);
        if (c->freed != c->next)
            return false;
    }
    return true;
}

/* Goes through the lanes until one has arithmetic for all threads; false: none has now. */
GPU_FN bool channel_turn(const struct gpu_image *m, struct gpu_group *g, bool *done_p)
{
    const struct engine *e = &m->engine;
    *done_p = true;
    g->turn.moved = false;
    for (int i = 0; i < e->nlanes; i++) {
        enum engine_result r;
        while ((r = engine_begin(e, &e->lanes[i], &g->turn)) == ENGINE_READY) {
            g->lane = i;
            if (g->turn.work.ndst > 0)
                return g->has_turn = true;
            engine_complete(e, &e->lanes[i], &g->turn);
        }
        *done_p = *done_p && r == ENGINE_DONE;
    }
    return false;
}

/* First thread: ends the turn before, and finds the next one. */
GPU_FN void channel_next(const struct gpu_image *m, struct gpu_group *g, struct gpu_wait *wait)
{
    g->stop = gpu_load_bits<int32_t>(&g->failed);
    if (g->stop != GPU_STOP_NONE)
        return;
    if (g->has_turn)
        engine_complete(&m->engine, &m->engine.lanes[g->lane], &g->turn);
    g->has_turn = false;
    gpu_wait_begin(wait);
    bool done = false;
    while (!channel_turn(m, g, &done)) {
        if (done && channel_acknowledged(m)) {
            g->stop = GPU_STOP_DONE;
            return;
        }
        if (g->turn.moved)
            gpu_wait_begin(wait);
        else if (gpu_wait_over(wait)) {
            g->stop = wait->expired ? GPU_STOP_TIMEOUT : GPU_STOP_ABORTED;
            return;
        }
    }
}

/* Where the first unfinished lane stands. */
GPU_FN void channel_report(const struct gpu_image *m, const struct gpu_group *g, int rank, struct gpu_report *r)
{
    r->rank = rank;
    r->channel = m->channel;
    r->lane = r->step = r->peer = -1;
    for (int i = 0; i < m->engine.nlanes && r->lane < 0; i++) {
        const struct engine_lane *l = &m->engine.lanes[i];
        if (l->piece >= m->engine.pieces)
            continue;
        const struct engine_step *s = &l->steps[l->at];
        r->lane = i;
        r->step = s->index;
        for (int k = 0; k < s->nrecv && r->peer < 0 && !l->holding; k++) {
            const struct connection *c = s->recv[k];
            r->wanted = c->next + 1;
            r->seen = c->in_line ? 0 : engine_load_acquire(&c->tail[c->at].sequence);
            if (r->seen != r->wanted)
                r->peer = c->peer;
        }
        if (r->peer < 0 && s->nsend > 0) {
            r->peer = s->send[0]->peer;
            r->wanted = s->send[0]->next + 1 - s->send[0]->nslots;
            r->seen = engine_load_acquire(&s->send[0]->head->sequence);
        }
    }
    r->stop = g->stop;
}

template <int TYPE, int OP> GPU_FN void channel_compute(const struct gpu_call *call, const struct gpu_group *g, int slot, struct gpu_wait *wait)
{
    if (call->protocol == LINES_LL)
        ll_run<TYPE, OP>(&g->turn, call->divisor[slot], wait);
    else if (call->protocol == LINES_LL128)
        ll128_run<TYPE, OP>(&g->turn, call->divisor[slot], wait);
    else
        packs_run<TYPE, OP>(&g->turn.work, call->divisor[slot]);
}

GPU_FN void channel_begin(const struct gpu_call *call, int slot, char *shared, struct gpu_group *g)
{
    struct gpu_image *m = (struct gpu_image *)shared;
    image_relocate(m, shared);
    for (uint32_t i = 0; i < m->nconnections; i++)
        m->connections[i] = *m->homes[i];
    m->engine.in = (const char *)call->in[slot];
    m->engine.out = (char *)call->out[slot];
    m->engine.in_token = call->in_token[slot];
    m->engine.out_token = call->out_token[slot];
    g->has_turn = false;
    g->stop = g->failed = GPU_STOP_NONE;
}

/* All threads of the group of rank call->rank[slot] on `channel`. shared: room for the image, 16-byte aligned. */
template <int TYPE, int OP> GPU_FN void channel_play(const struct gpu_call *call, int slot, int channel, char *shared, struct gpu_group *g)
{
    const char *image = call->images[slot] + (uint64_t)channel * call->stride;
    struct gpu_image *m = (struct gpu_image *)shared;
    struct gpu_wait wait = { call->abort, call->timeout_ns, 0, 0, false, false };
    image_load(shared, image, ((const struct gpu_image *)image)->bytes);
    gpu_sync();
    if (gpu_thread() == 0)
        channel_begin(call, slot, shared, g);
    for (;;) {
        if (gpu_thread() == 0)
            channel_next(m, g, &wait);
        gpu_sync();
        if (g->stop != GPU_STOP_NONE)
            break;
        gpu_wait_begin(&wait);
        channel_compute<TYPE, OP>(call, g, slot, &wait);
        if (wait.over)
            gpu_store_bits<int32_t>(&g->failed, wait.expired ? GPU_STOP_TIMEOUT : GPU_STOP_ABORTED);
        gpu_sync();
    }
    if (gpu_thread() != 0)
        return;
    for (uint32_t i = 0; i < m->nconnections; i++)
        *m->homes[i] = m->connections[i];
    if (g->stop == GPU_STOP_DONE)
        return;
    channel_report(m, g, call->rank[slot], &call->reports[(uint64_t)slot * call->nchannels + (uint64_t)channel]);
    if (g->stop == GPU_STOP_TIMEOUT)
        gpu_store_bits<uint32_t>(call->abort, 1);
}

#endif
