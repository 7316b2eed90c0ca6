#include "collectives/prove_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void machine_fail(struct machine *m, const struct lane_state *l, const char *format, ...)
{
    if (m->failed)
        return;
    m->failed = true;
    int n = l == NULL ? 0
                      : snprintf(m->proof->why, sizeof m->proof->why, "rank %d step %d: ", l->rank,
                                 l->at < l->nsteps ? l->steps[l->at] : -1);
    va_list args;
    va_start(args, format);
    vsnprintf(m->proof->why + n, sizeof m->proof->why - (size_t)n, format, args);
    va_end(args);
}

int machine_value(struct machine *m, struct expression e)
{
    if (m->pool == m->capacity) {
        m->capacity = 2 * m->capacity + 256;
        m->proof->expressions = rb_realloc(m->proof->expressions, (size_t)m->capacity * sizeof e);
    }
    m->proof->expressions[m->pool] = e;
    return m->pool++;
}

static int combine(struct machine *m, int left, int right)
{
    if (left < 0)
        return right;
    return machine_value(m, (struct expression){ .left = left, .right = right, .rank = -1, .chunk = -1 });
}

/* In place, the smaller buffer lies inside the larger one. */
static int slot_of(const struct machine *m, int rank, struct chunk c)
{
    if (!m->o->in_place)
        return c.buffer == BUFFER_IN ? c.index : m->in_chunks + c.index;
    const int in = m->c->in_blocks(m->g, rank), out = m->c->out_blocks(m->g, rank);
    const int shift = m->c->in_place_block(m->g, rank) * m->cuts;
    if (c.buffer == BUFFER_IN)
        return c.index + (in < out ? shift : 0);
    return c.index + (out < in ? shift : 0);
}

long machine_locate(const struct machine *m, int rank, int piece, struct chunk c)
{
    return ((long)rank * m->o->pieces + piece) * m->chunks + slot_of(m, rank, c);
}

static bool in_range(const struct machine *m, int rank, struct chunk c)
{
    if (c.buffer == BUFFER_NONE)
        return true;
    if (c.buffer == BUFFER_THROUGH)
        return c.index >= 0;
    const int blocks = c.buffer == BUFFER_IN ? m->c->in_blocks(m->g, rank) : m->c->out_blocks(m->g, rank);
    return c.index >= 0 && c.index < blocks * m->cuts;
}

static int lane_id(const struct machine *m, const struct lane_state *l)
{
    return (int)(l - m->lanes);
}

void machine_join(const struct machine *m, int *clock, const int *other)
{
    for (int i = 0; i < m->nlanes; i++)
        if (other[i] > clock[i])
            clock[i] = other[i];
}

static int *copy_clock(const struct machine *m, const int *clock)
{
    int *c = rb_malloc((size_t)m->nlanes * sizeof *c);
    memcpy(c, clock, (size_t)m->nlanes * sizeof *c);
    return c;
}

bool machine_written_before(const struct place *p, const int *clock)
{
    return p->write_lane < 0 || clock[p->write_lane] >= p->write_tick;
}

static int read_place(struct machine *m, struct lane_state *l, long location)
{
    struct place *p = &m->places[location];
    if (p->value < 0)
        machine_fail(m, l, "reads memory that holds nothing");
    else if (!machine_written_before(p, l->clock))
        machine_fail(m, l, "reads a chunk that another may still be writing");
    if (p->reads == NULL)
        p->reads = rb_calloc((size_t)m->nlanes, sizeof *p->reads);
    p->reads[lane_id(m, l)] = l->clock[lane_id(m, l)];
    return p->value;
}

static void write_place(struct machine *m, struct lane_state *l, long location, int value)
{
    struct place *p = &m->places[location];
    if (!machine_written_before(p, l->clock))
        machine_fail(m, l, "writes a chunk that another may still be writing");
    for (int i = 0; p->reads != NULL && i < m->nlanes; i++)
        if (p->reads[i] > l->clock[i])
            machine_fail(m, l, "writes a chunk that rank %d may still be reading", m->lanes[i].rank);
    p->value = value;
    p->write_lane = lane_id(m, l);
    p->write_tick = l->clock[p->write_lane];
}

static struct fifo *fifo_of(const struct machine *m, int from, int to)
{
    return &m->fifos[(long)from * m->g->nranks + to];
}

static bool peer_is_legal(struct machine *m, struct lane_state *l, int peer)
{
    if (peer >= 0 && peer < m->g->nranks && peer != l->rank)
        return true;
    machine_fail(m, l, "names rank %d as its peer", peer);
    return false;
}

/* A connection has one lane at each end. */
static void claim(struct machine *m, struct lane_state *l, int *end)
{
    if (*end >= 0 && *end != l->lane)
        machine_fail(m, l, "lanes %d and %d share an end of one connection", *end, l->lane);
    *end = l->lane;
}

static bool lane_reached(const struct machine *m, const struct lane_state *l, const struct step *s)
{
    if (s->after < 0)
        return true;
    const struct step *before = &m->plans[l->rank].steps[s->after];
    const struct lane_state *other = &m->lanes[m->lane_base[l->rank] + before->lane];
    if (other->piece != l->piece)
        return other->piece > l->piece;
    return other->at >= other->nsteps || other->steps[other->at] > s->after;
}

static bool receives_ready(struct machine *m, struct lane_state *l, const struct step *s)
{
    if (!lane_reached(m, l, s))
        return false;
    for (int i = 0; i < s->nrecv && !(s->flags & STEP_GRANT); i++)
        if (!peer_is_legal(m, l, s->recv_from[i]) || fifo_of(m, s->recv_from[i], l->rank)->first == NULL)
            return false;
    return true;
}

static bool sends_ready(struct machine *m, struct lane_state *l, const struct step *s)
{
    for (int i = 0; i < s->nsend; i++) {
        if (!peer_is_legal(m, l, s->send_to[i]))
            return false;
        const struct fifo *f = fifo_of(m, l->rank, s->send_to[i]);
        if (f->held >= m->o->slots || ((s->flags & STEP_PUSH_SEND) && f->grants == NULL))
            return false;
    }
    return true;
}

static int size_chunk(const struct machine *m, const struct step *s)
{
    const struct chunk c = s->src.buffer != BUFFER_NONE ? s->src : s->dst;
    return c.index % m->cuts;
}

static void play_grant(struct machine *m, struct lane_state *l, const struct step *s)
{
    for (int i = 0; i < s->nrecv; i++) {
        if (!peer_is_legal(m, l, s->recv_from[i]))
            return;
        struct fifo *f = fifo_of(m, s->recv_from[i], l->rank);
        struct grant *g = rb_malloc(sizeof *g);
        *g = (struct grant){ machine_locate(m, l->rank, l->piece, s->dst), copy_clock(m, l->clock), NULL };
        if (f->grants == NULL)
            f->grants = g;
        else
            f->last_grant->next = g;
        f->last_grant = g;
    }
}

static void take_message(struct machine *m, struct lane_state *l, const struct step *s, int from, int *value_p)
{
    struct fifo *f = fifo_of(m, from, l->rank);
    struct message *msg = f->first;
    claim(m, l, &f->to_lane);
    f->first = msg->next;
    f->held--;
    machine_join(m, l->clock, msg->clock);
    l->hops = msg->hops > l->hops ? msg->hops : l->hops;
    if (msg->size_chunk != size_chunk(m, s))
        machine_fail(m, l, "expects chunk %d from rank %d, which sent chunk %d", size_chunk(m, s), from, msg->size_chunk);
    if (msg->pull != ((s->flags & STEP_PULL_RECV) != 0) || msg->push != ((s->flags & STEP_PUSH_RECV) != 0))
        machine_fail(m, l, "and rank %d disagree on how their message travels", from);
    *value_p = msg->pull ? read_place(m, l, msg->location) : msg->value;
    if (msg->push && msg->location != machine_locate(m, l->rank, l->piece, s->dst))
        machine_fail(m, l, "rank %d wrote somewhere else than the step says", from);
    free(msg->clock);
    free(msg);
}

static int step_value(struct machine *m, struct lane_state *l, const struct step *s)
{
    int value = -1;
    const bool has_src = s->src.buffer == BUFFER_IN || s->src.buffer == BUFFER_OUT;
    for (int i = 0; i <= s->nrecv; i++) {
        if (has_src && i == s->src_at)
            value = combine(m, value, read_place(m, l, machine_locate(m, l->rank, l->piece, s->src)));
        if (i == s->nrecv)
            break;
        int arrived = -1;
        take_message(m, l, s, s->recv_from[i], &arrived);
        value = combine(m, value, arrived);
    }
    if (value >= 0 && (s->flags & STEP_FINISH)) {
        struct expression e = m->proof->expressions[value];
        if (e.finished)
            machine_fail(m, l, "finishes a chunk twice");
        e.finished = true;
        value = machine_value(m, e);
    }
    return value;
}

static void send_message(struct machine *m, struct lane_state *l, const struct step *s, int to, int value)
{
    struct fifo *f = fifo_of(m, l->rank, to);
    claim(m, l, &f->from_lane);
    struct message *msg = rb_calloc(1, sizeof *msg);
    msg->value = value;
    msg->size_chunk = size_chunk(m, s);
    msg->pull = s->flags & STEP_PULL_SEND;
    msg->push = s->flags & STEP_PUSH_SEND;
    msg->hops = l->hops + 1;
    if (msg->pull) {
        const struct chunk published = s->nrecv > 0 ? s->dst : s->src;
        if (published.buffer != BUFFER_IN && published.buffer != BUFFER_OUT)
            machine_fail(m, l, "publishes a value that lies nowhere");
        else
            msg->location = machine_locate(m, l->rank, l->piece, published);
    } else if (msg->push) {
        struct grant *g = f->grants;
        f->grants = g->next;
        machine_join(m, l->clock, g->clock);
        msg->location = g->location;
        free(g->clock);
        free(g);
    }
    if (f->first == NULL)
        f->first = msg;
    else
        f->last->next = msg;
    f->last = msg;
    f->held++;
}

static void play_sends(struct machine *m, struct lane_state *l, const struct step *s, int value)
{
    for (int i = 0; i < s->nsend; i++)
        send_message(m, l, s, s->send_to[i], value);
    for (int i = 0; i < s->nsend; i++) { /* a push is a write of this step, known to the receiver by the message */
        struct message *msg = fifo_of(m, l->rank, s->send_to[i])->last;
        if (msg->push)
            write_place(m, l, msg->location, value);
        msg->clock = copy_clock(m, l->clock);
    }
}

/* Everything of a step but its sends. */
static void play_receives(struct machine *m, struct lane_state *l, const struct step *s)
{
    l->clock[lane_id(m, l)]++;
    if (s->after >= 0)
        machine_join(m, l->clock, m->lanes[m->lane_base[l->rank] + m->plans[l->rank].steps[s->after].lane].clock);
    if (!in_range(m, l->rank, s->src) || !in_range(m, l->rank, s->dst)) {
        machine_fail(m, l, "names a chunk that the rank does not have");
        return;
    }
    if (s->flags & STEP_GRANT) {
        play_grant(m, l, s);
        return;
    }
    l->value = step_value(m, l, s);
    const bool keeps = s->dst.buffer == BUFFER_IN || s->dst.buffer == BUFFER_OUT;
    if (m->failed || !keeps || (s->flags & STEP_PUSH_RECV))
        return;
    const long here = machine_locate(m, l->rank, l->piece, s->dst);
    const bool copies = s->nrecv == 0 && !(s->flags & STEP_FINISH);
    if (!copies || machine_locate(m, l->rank, l->piece, s->src) != here) /* a copy onto itself writes nothing */
        write_place(m, l, here, l->value);
}

/* A step that receives lets go of what it received before it waits for room, or a ring of one-slot connections would
 * stop. */
bool machine_advance(struct machine *m, struct lane_state *l)
{
    if (l->piece >= m->o->pieces)
        return false;
    if (l->at >= l->nsteps) {
        l->at = 0;
        l->piece++;
        m->proof->hops = l->hops > m->proof->hops ? l->hops : m->proof->hops;
        l->hops = 0; /* the chain of one piece */
        return true;
    }
    const struct step *s = &m->plans[l->rank].steps[l->steps[l->at]];
    const bool began = !l->holding;
    if (began) {
        if (!receives_ready(m, l, s) || (s->nrecv == 0 && !sends_ready(m, l, s)))
            return false;
        play_receives(m, l, s);
        l->holding = true;
    }
    if (m->failed || !sends_ready(m, l, s))
        return began;
    play_sends(m, l, s, l->value);
    l->holding = false;
    l->at++;
    return true;
}
