/* collectives/engine.h - plays a schedule over connections. One text for every back end.
 *
 * The includer defines before:
 *   ENGINE_FN                                  how a function is declared
 *   engine_load_acquire(const uint64_t *)      and
 *   engine_store_release(uint64_t *, uint64_t) for marks
 *   engine_now_ns() and
 *   engine_swap(uint64_t *, uint64_t old, uint64_t new) -> true when it was old and is new now, for paces
 *
 * It never waits: engine_begin() gives the next arithmetic of a lane or says done or blocked, engine_complete() tells the peers
 * about it. What a lane waits for is the step at lane->at; the driver computes, decides how to wait and when to give up, and
 * moves messages in between. It compiles as C11 and as C++. */

struct engine_step {
    struct connection **recv, **send;
    int nrecv, nsend, src_at;
    int after_lane, after_at; /* -1: none; position in that lane */
    unsigned flags;
    bool has_src, keeps;          /* an own operand; the result stays here */
    enum chunk_buffer src, dst;
    uint64_t src_first, dst_first; /* elements from the start of the buffer */
    uint64_t count;                /* elements of the chunk */
    int index;                     /* in the plan, for messages */
};

struct engine_lane {
    struct engine_step *steps;
    int nsteps;
    int at;
    uint32_t slice;
    uint64_t piece;
    bool paced;     /* the turn at hand has its time on the ports: due_ns, and whether it posts */
    bool paced_posts;
    uint64_t due_ns;
    bool holding; /* the slice was received and combined, but there was no room to send it */
    char *hold;   /* one slice, for steps that keep nothing */
    void **dsts;
    const void **srcs;
};

struct engine {
    struct engine_lane *lanes;
    int nlanes;
    uint64_t pieces, slice_elements;
    uint32_t slices; /* per piece */
    size_t type_bytes;
    bool stream; /* results that nobody reads soon are written past the cache */
    const struct leaf *leaf;
    const char *in;
    char *out;
    uint64_t in_token, out_token; /* where in and out lie, for peers */
    const struct region *regions;
    const struct pace *pace; /* NULL: as fast as the machine */
};

/* One slice of one step: what there is to compute, and what follows when that is done. */
struct engine_turn {
    const struct engine_step *step;
    uint64_t first, count; /* elements of the chunk */
    bool takes;            /* consumes what was received */
    bool posts;            /* there is room to send */
    bool moved;            /* something was done; the caller clears it */
    struct leaf_work work; /* ndst 0: nothing to compute */
};

enum engine_result { ENGINE_DONE, ENGINE_MOVED, ENGINE_BLOCKED, ENGINE_READY };

/* A place in a region of the rank that names it; the reader knows whose. */
enum { TOKEN_SHIFT = 48 };

ENGINE_FN char *engine_resolve(const struct engine *e, int rank, uint64_t token)
{
    return (char *)e->regions[token >> TOKEN_SHIFT].base[rank] + (token & ((UINT64_C(1) << TOKEN_SHIFT) - 1));
}

ENGINE_FN uint64_t engine_offset(const struct engine *e, enum chunk_buffer buffer, uint64_t element)
{
    return (buffer == BUFFER_IN ? e->in_token : e->out_token) + element * e->type_bytes;
}

ENGINE_FN char *engine_here(const struct engine *e, enum chunk_buffer buffer, uint64_t element)
{
    return (buffer == BUFFER_IN ? (char *)(uintptr_t)e->in : e->out) + element * e->type_bytes;
}

ENGINE_FN char *engine_slot(const struct connection *c, size_t bytes)
{
    return bytes <= c->inline_bytes ? c->tail[c->at].payload : c->slots + (size_t)c->at * c->slot_bytes;
}

ENGINE_FN bool engine_receives_ready(const struct engine *e, const struct engine_lane *l, const struct engine_step *s)
{
    if (s->after_lane >= 0) {
        const struct engine_lane *other = &e->lanes[s->after_lane];
        if (other->piece < l->piece || (other->piece == l->piece && other->at <= s->after_at))
            return false;
    }
    for (int i = 0; i < s->nrecv; i++) {
        const struct connection *c = s->recv[i];
        if (!c->in_line && engine_load_acquire(&c->tail[c->at].sequence) != c->next + 1)
            return false;
    }
    return true;
}

ENGINE_FN bool engine_sends_ready(const struct engine_step *s)
{
    for (int i = 0; i < s->nsend; i++) {
        struct connection *c = s->send[i];
        if (c->next - c->freed >= c->nslots) {
            c->freed = engine_load_acquire(&c->head->sequence);
            if (c->next - c->freed >= c->nslots)
                return false;
        }
        if ((s->flags & STEP_PUSH_SEND) && engine_load_acquire(&c->grant[c->grant_at].sequence) != c->grants + 1)
            return false;
    }
    return true;
}

ENGINE_FN void engine_grant(const struct engine *e, const struct engine_step *s, uint64_t first)
{
    for (int i = 0; i < s->nrecv; i++) {
        struct connection *c = s->recv[i];
        struct mark *m = &c->grant[c->grant_at];
        m->argument = engine_offset(e, s->dst, s->dst_first + first);
        engine_store_release(&m->sequence, ++c->grants);
        c->grant_at = c->grant_at + 1 == c->nslots ? 0 : c->grant_at + 1;
    }
}

ENGINE_FN int engine_sources(const struct engine *e, const struct engine_lane *l, const struct engine_step *s, uint64_t first, size_t bytes)
{
    int n = 0;
    for (int i = 0; i <= s->nrecv; i++) {
        if (s->has_src && i == s->src_at)
            l->srcs[n++] = engine_here(e, s->src, s->src_first + first);
        if (i < s->nrecv) {
            const struct connection *c = s->recv[i];
            l->srcs[n++] = s->flags & STEP_PULL_RECV ? engine_resolve(e, c->peer, c->tail[c->at].argument) : engine_slot(c, bytes);
        }
    }
    return n;
}

/* Where the value is sent from here: slots, or the receivers' own memory. */
ENGINE_FN int engine_send_places(const struct engine *e, const struct engine_step *s, size_t bytes, void **dsts)
{
    if (s->flags & STEP_PULL_SEND)
        return 0;
    for (int i = 0; i < s->nsend; i++) {
        const struct connection *c = s->send[i];
        dsts[i] = s->flags & STEP_PUSH_SEND ? engine_resolve(e, c->peer, c->grant[c->grant_at].argument) : engine_slot(c, bytes);
    }
    return s->nsend;
}

ENGINE_FN bool engine_may_stream(const struct engine *e, const struct engine_step *s)
{
    const bool read_soon = s->nsend > 0 && !(s->flags & STEP_PUSH_SEND);
    return e->stream && !read_soon;
}

/* Without room to send, a value that is kept nowhere goes to the lane's hold. */
ENGINE_FN void engine_combine(const struct engine *e, const struct engine_lane *l, struct engine_turn *t)
{
    const struct engine_step *s = t->step;
    const size_t bytes = t->count * e->type_bytes;
    struct leaf_work *w = &t->work;
    w->finish = (s->flags & STEP_FINISH) != 0;
    w->stream = engine_may_stream(e, s);
    w->nsrc = engine_sources(e, l, s, t->first, bytes);
    if (s->keeps)
        l->dsts[w->ndst++] = engine_here(e, s->dst, s->dst_first + t->first);
    if (t->posts)
        w->ndst += engine_send_places(e, s, bytes, l->dsts + w->ndst);
    else if (!s->keeps)
        l->dsts[w->ndst++] = l->hold;
}

ENGINE_FN void engine_send_held(const struct engine *e, const struct engine_lane *l, struct engine_turn *t)
{
    const struct engine_step *s = t->step;
    l->srcs[0] = s->keeps ? engine_here(e, s->dst, s->dst_first + t->first) : l->hold;
    t->work.nsrc = 1;
    t->work.ndst = engine_send_places(e, s, t->count * e->type_bytes, l->dsts);
}

ENGINE_FN void engine_release_receives(const struct engine_step *s)
{
    for (int i = 0; i < s->nrecv; i++) {
        struct connection *c = s->recv[i];
        engine_store_release(&c->head->sequence, ++c->next);
        c->at = c->at + 1 == c->nslots ? 0 : c->at + 1;
    }
}

ENGINE_FN void engine_post_sends(const struct engine *e, const struct engine_step *s, uint64_t first, uint64_t count)
{
    for (int i = 0; i < s->nsend; i++) {
        struct connection *c = s->send[i];
        struct mark *m = &c->tail[c->at];
        const bool from_dst = s->nrecv > 0;
        c->next++;
        if (!c->in_line) {
            m->argument = !(s->flags & STEP_PULL_SEND) ? count * e->type_bytes
                          : from_dst                   ? engine_offset(e, s->dst, s->dst_first + first)
                                                       : engine_offset(e, s->src, s->src_first + first);
            engine_store_release(&m->sequence, c->next);
        }
        c->at = c->at + 1 == c->nslots ? 0 : c->at + 1;
        if (s->flags & STEP_PUSH_SEND) {
            c->grants++;
            c->grant_at = c->grant_at + 1 == c->nslots ? 0 : c->grant_at + 1;
        }
    }
}

ENGINE_FN uint64_t engine_take_port(struct pace_clock *clock, const struct pace *p, uint64_t now, uint64_t cost)
{
    for (;;) {
        const uint64_t taken = engine_load_acquire(&clock->taken_ns), idle = now > p->burst_ns ? now - p->burst_ns : 0;
        const uint64_t until = (taken > idle ? taken : idle) + cost;
        if (engine_swap(&clock->taken_ns, taken, until))
            return until;
    }
}

ENGINE_FN uint64_t engine_take_ports(const struct pace *p, int from, int to, uint64_t now, size_t bytes)
{
    const uint64_t cost = (uint64_t)((double)bytes * p->ns_per_byte);
    const uint64_t out = engine_take_port(p->egress[from], p, now, cost), in = engine_take_port(p->ingress[to], p, now, cost);
    return (out > in ? out : in) + p->latency_ns;
}

/* Has the time of this turn come? Slots and pushes are paid by the sender, pulls by the reader. */
ENGINE_FN bool engine_is_due(const struct engine *e, struct engine_lane *l, const struct engine_turn *t)
{
    const struct engine_step *s = t->step;
    const uint64_t now = engine_now_ns();
    const size_t bytes = t->count * e->type_bytes;
    if (!l->paced) {
        l->due_ns = 0;
        for (int i = 0; t->takes && (s->flags & STEP_PULL_RECV) && i < s->nrecv; i++) {
            const uint64_t due = engine_take_ports(e->pace, s->recv[i]->peer, e->pace->rank, now, bytes);
            l->due_ns = due > l->due_ns ? due : l->due_ns;
        }
        for (int i = 0; t->posts && !(s->flags & STEP_PULL_SEND) && i < s->nsend; i++) {
            const uint64_t due = engine_take_ports(e->pace, e->pace->rank, s->send[i]->peer, now, bytes);
            l->due_ns = due > l->due_ns ? due : l->due_ns;
        }
        l->paced = true;
        l->paced_posts = t->posts;
    }
    return now >= l->due_ns;
}

/* What can be done now with the slice at hand; false: nothing. */
ENGINE_FN bool engine_take(const struct engine *e, struct engine_lane *l, struct engine_turn *t)
{
    const struct engine_step *s = t->step;
    t->takes = !l->holding;
    if (t->takes && !engine_receives_ready(e, l, s))
        return false;
    t->posts = engine_sends_ready(s) && (!l->paced || l->paced_posts);
    if (!t->posts && (!t->takes || s->nrecv == 0))
        return false;
    if (e->pace != 0 && !engine_is_due(e, l, t))
        return false;
    if (!t->takes)
        engine_send_held(e, l, t);
    else if (!(s->flags & STEP_PUSH_RECV))
        engine_combine(e, l, t);
    return true;
}

ENGINE_FN void engine_next(const struct engine *e, struct engine_lane *l)
{
    if (++l->slice < e->slices)
        return;
    l->slice = 0;
    if (++l->at < l->nsteps)
        return;
    l->at = 0;
    l->piece++;
}

/* The next arithmetic of the lane: ENGINE_READY when t->work is to be done now, and engine_complete() called after it. */
ENGINE_FN enum engine_result engine_begin(const struct engine *e, struct engine_lane *l, struct engine_turn *t)
{
    if (l->nsteps == 0)
        l->piece = e->pieces;
    for (; l->piece < e->pieces; engine_next(e, l)) {
        const struct engine_step *s = t->step = &l->steps[l->at];
        t->first = (l->piece * e->slices + l->slice) * e->slice_elements;
        const uint64_t left = t->first < s->count ? s->count - t->first : 0;
        t->count = left < e->slice_elements ? left : e->slice_elements;
        if (t->count == 0)
            continue;
        if (!(s->flags & STEP_GRANT)) {
            t->work.dsts = l->dsts;
            t->work.srcs = l->srcs;
            t->work.nsrc = t->work.ndst = 0;
            t->work.count = t->count;
            t->work.finish = t->work.stream = false;
            return engine_take(e, l, t) ? ENGINE_READY : ENGINE_BLOCKED;
        }
        engine_grant(e, s, t->first);
        t->moved = true;
    }
    return ENGINE_DONE;
}

/* Tells the peers what has been done; all of its reads and writes come before. */
ENGINE_FN void engine_complete(const struct engine *e, struct engine_lane *l, struct engine_turn *t)
{
    t->moved = true;
    l->paced = false;
    if (t->takes)
        engine_release_receives(t->step);
    l->holding = !t->posts;
    if (l->holding)
        return;
    engine_post_sends(e, t->step, t->first, t->count);
    engine_next(e, l);
}
