#include "collectives/prove.h"

#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value: one contributor's chunk, or two values combined. */
struct expression {
    int left, right; /* -1: a leaf */
    int rank, chunk; /* leaf: contributor and its IN chunk */
    bool finished;
};

struct message {
    int value, size_chunk;
    bool pull, push;
    long location; /* of a pulled source, or of the pushed destination */
    int hops;
    int *clock;
    struct message *next;
};

struct grant {
    long location;
    int *clock;
    struct grant *next;
};

/* One connection (from, to). */
struct fifo {
    struct message *first, *last;
    int held;
    struct grant *grants, *last_grant;
    int from_lane, to_lane; /* -1: not used yet */
};

/* A chunk of memory of one rank, for one piece. */
struct place {
    int value;
    int write_lane, write_tick; /* -1: never written */
    int *reads;                 /* [lanes of the job] tick of the last read, 0: none; NULL: never read */
};

struct lane_state {
    int rank, lane;
    int *steps, nsteps; /* indices into the rank's plan */
    int at, piece;
    bool holding; /* the step at `at` has received; its value waits for room to be sent */
    int value;
    int *clock;
    int hops;
};

struct machine {
    const struct algorithm *a;
    const struct collective *c;
    const struct group *g;
    const struct plan *plans;
    const struct proof_options *o;
    struct proof *proof;
    int cuts, nlanes;
    struct lane_state *lanes;
    int *lane_base; /* [nranks] first lane of a rank */
    struct fifo *fifos; /* [nranks * nranks] */
    struct place *places;
    int chunks; /* places per rank and piece: IN and OUT side by side, or one when in place */
    int in_chunks;
    int pool, capacity;
    bool failed;
};

static void fail(struct machine *m, const struct lane_state *l, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void fail(struct machine *m, const struct lane_state *l, const char *format, ...)
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

static int add_value(struct machine *m, struct expression e)
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
    return add_value(m, (struct expression){ .left = left, .right = right, .rank = -1, .chunk = -1 });
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

static long locate(const struct machine *m, int rank, int piece, struct chunk c)
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

static void join(const struct machine *m, int *clock, const int *other)
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

static bool write_is_known(const struct place *p, const int *clock)
{
    return p->write_lane < 0 || clock[p->write_lane] >= p->write_tick;
}

static int read_place(struct machine *m, struct lane_state *l, long location)
{
    struct place *p = &m->places[location];
    if (p->value < 0)
        fail(m, l, "reads memory that holds nothing");
    else if (!write_is_known(p, l->clock))
        fail(m, l, "reads a chunk that another may still be writing");
    if (p->reads == NULL)
        p->reads = rb_calloc((size_t)m->nlanes, sizeof *p->reads);
    p->reads[lane_id(m, l)] = l->clock[lane_id(m, l)];
    return p->value;
}

static void write_place(struct machine *m, struct lane_state *l, long location, int value)
{
    struct place *p = &m->places[location];
    if (!write_is_known(p, l->clock))
        fail(m, l, "writes a chunk that another may still be writing");
    for (int i = 0; p->reads != NULL && i < m->nlanes; i++)
        if (p->reads[i] > l->clock[i])
            fail(m, l, "writes a chunk that rank %d may still be reading", m->lanes[i].rank);
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
    fail(m, l, "names rank %d as its peer", peer);
    return false;
}

/* A connection has one lane at each end. */
static void claim(struct machine *m, struct lane_state *l, int *end)
{
    if (*end >= 0 && *end != l->lane)
        fail(m, l, "lanes %d and %d share an end of one connection", *end, l->lane);
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
        *g = (struct grant){ locate(m, l->rank, l->piece, s->dst), copy_clock(m, l->clock), NULL };
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
    join(m, l->clock, msg->clock);
    l->hops = msg->hops > l->hops ? msg->hops : l->hops;
    if (msg->size_chunk != size_chunk(m, s))
        fail(m, l, "expects chunk %d from rank %d, which sent chunk %d", size_chunk(m, s), from, msg->size_chunk);
    if (msg->pull != ((s->flags & STEP_PULL_RECV) != 0) || msg->push != ((s->flags & STEP_PUSH_RECV) != 0))
        fail(m, l, "and rank %d disagree on how their message travels", from);
    *value_p = msg->pull ? read_place(m, l, msg->location) : msg->value;
    if (msg->push && msg->location != locate(m, l->rank, l->piece, s->dst))
        fail(m, l, "rank %d wrote somewhere else than the step says", from);
    free(msg->clock);
    free(msg);
}

static int step_value(struct machine *m, struct lane_state *l, const struct step *s)
{
    int value = -1;
    const bool has_src = s->src.buffer == BUFFER_IN || s->src.buffer == BUFFER_OUT;
    for (int i = 0; i <= s->nrecv; i++) {
        if (has_src && i == s->src_at)
            value = combine(m, value, read_place(m, l, locate(m, l->rank, l->piece, s->src)));
        if (i == s->nrecv)
            break;
        int arrived = -1;
        take_message(m, l, s, s->recv_from[i], &arrived);
        value = combine(m, value, arrived);
    }
    if (value >= 0 && (s->flags & STEP_FINISH)) {
        struct expression e = m->proof->expressions[value];
        if (e.finished)
            fail(m, l, "finishes a chunk twice");
        e.finished = true;
        value = add_value(m, e);
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
            fail(m, l, "publishes a value that lies nowhere");
        else
            msg->location = locate(m, l->rank, l->piece, published);
    } else if (msg->push) {
        struct grant *g = f->grants;
        f->grants = g->next;
        join(m, l->clock, g->clock);
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
        join(m, l->clock, m->lanes[m->lane_base[l->rank] + m->plans[l->rank].steps[s->after].lane].clock);
    if (!in_range(m, l->rank, s->src) || !in_range(m, l->rank, s->dst)) {
        fail(m, l, "names a chunk that the rank does not have");
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
    const long here = locate(m, l->rank, l->piece, s->dst);
    const bool copies = s->nrecv == 0 && !(s->flags & STEP_FINISH);
    if (!copies || locate(m, l->rank, l->piece, s->src) != here) /* a copy onto itself writes nothing */
        write_place(m, l, here, l->value);
}

/* A step that receives lets go of what it received before it waits for room, or a ring of one-slot connections would
 * stop. */
static bool advance(struct machine *m, struct lane_state *l)
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

static void run(struct machine *m)
{
    for (bool moved = true; moved && !m->failed;) {
        moved = false;
        for (int i = 0; i < m->nlanes && !m->failed; i++)
            while (!m->failed && advance(m, &m->lanes[i]))
                moved = true;
    }
    for (int i = 0; i < m->nlanes && !m->failed; i++) {
        const struct lane_state *l = &m->lanes[i];
        if (l->piece < m->o->pieces) {
            const struct step *s = &m->plans[l->rank].steps[l->steps[l->at]];
            fail(m, l, "waits for ever to %s", l->holding || s->nrecv == 0 ? "send" : "receive");
        }
    }
    for (long i = 0; i < (long)m->g->nranks * m->g->nranks && !m->failed; i++)
        if (m->fifos[i].first != NULL || m->fifos[i].grants != NULL)
            fail(m, NULL, "rank %ld sends to rank %ld what nobody receives, or is granted what it never writes",
                 i / m->g->nranks, i % m->g->nranks);
}

static int count_leaves(const struct machine *m, int value, int *seen, int chunk)
{
    const struct expression *e = &m->proof->expressions[value];
    if (e->left < 0) {
        if (e->chunk != chunk)
            return -1000000;
        seen[e->rank]++;
        return 1;
    }
    return count_leaves(m, e->left, seen, chunk) + count_leaves(m, e->right, seen, chunk);
}

static void check_chunk(struct machine *m, int rank, int piece, int index)
{
    const struct place *p = &m->places[locate(m, rank, piece, chunk_out(index))];
    const int n = m->g->nranks;
    int *sources = rb_malloc((size_t)n * sizeof *sources), *seen = rb_calloc((size_t)n, sizeof *seen), block = 0;
    const int want = m->c->sources(m->g, rank, index / m->cuts, sources, &block);
    const int got = p->value < 0 ? 0 : count_leaves(m, p->value, seen, block * m->cuts + index % m->cuts);
    bool once = got == want;
    for (int i = 0; i < want; i++)
        once = once && seen[sources[i]] == 1;
    if (!once)
        fail(m, NULL, "rank %d chunk %d does not end with every contributor's own chunk exactly once", rank, index);
    else if (m->c->reduces && !m->proof->expressions[p->value].finished)
        fail(m, NULL, "rank %d chunk %d is never finished", rank, index);
    free(seen);
    free(sources);
}

static void check_result(struct machine *m)
{
    int *end = rb_malloc((size_t)m->nlanes * sizeof *end);
    for (int r = 0; r < m->g->nranks && !m->failed; r++) {
        memset(end, 0, (size_t)m->nlanes * sizeof *end);
        for (int i = 0; i < m->nlanes; i++)
            if (m->lanes[i].rank == r)
                join(m, end, m->lanes[i].clock);
        const int chunks = m->c->out_blocks(m->g, r) * m->cuts;
        for (int piece = 0; piece < m->o->pieces && !m->failed; piece++)
            for (int c = 0; c < chunks && !m->failed; c++) {
                check_chunk(m, r, piece, c);
                if (!write_is_known(&m->places[locate(m, r, piece, chunk_out(c))], end))
                    fail(m, NULL, "rank %d returns while chunk %d may still be written", r, c);
            }
    }
    free(end);
}

static void start_lanes(struct machine *m)
{
    const int n = m->g->nranks;
    m->lane_base = rb_malloc((size_t)n * sizeof *m->lane_base);
    for (int r = 0; r < n; r++) {
        m->lane_base[r] = m->nlanes;
        m->nlanes += m->plans[r].nlanes;
    }
    m->lanes = rb_calloc((size_t)m->nlanes, sizeof *m->lanes);
    for (int r = 0; r < n; r++)
        for (int lane = 0; lane < m->plans[r].nlanes; lane++) {
            struct lane_state *l = &m->lanes[m->lane_base[r] + lane];
            const struct plan *p = &m->plans[r];
            *l = (struct lane_state){ .rank = r, .lane = lane };
            l->clock = rb_calloc((size_t)m->nlanes, sizeof *l->clock);
            l->steps = rb_malloc((size_t)(p->nsteps + 1) * sizeof *l->steps);
            for (int i = 0; i < p->nsteps; i++)
                if (p->steps[i].lane == lane)
                    l->steps[l->nsteps++] = i;
        }
}

static void start_memory(struct machine *m)
{
    const int n = m->g->nranks;
    int in = 0, out = 0;
    for (int r = 0; r < n; r++) {
        in = m->c->in_blocks(m->g, r) * m->cuts > in ? m->c->in_blocks(m->g, r) * m->cuts : in;
        out = m->c->out_blocks(m->g, r) * m->cuts > out ? m->c->out_blocks(m->g, r) * m->cuts : out;
    }
    m->in_chunks = in;
    m->chunks = in + out;
    m->proof->out_chunks = out;
    m->places = rb_malloc((size_t)n * (size_t)m->o->pieces * (size_t)m->chunks * sizeof *m->places);
    for (long i = 0; i < (long)n * m->o->pieces * m->chunks; i++)
        m->places[i] = (struct place){ .value = -1, .write_lane = -1 };
    for (int r = 0; r < n; r++)
        for (int c = 0; c < m->c->in_blocks(m->g, r) * m->cuts; c++) {
            const int leaf = add_value(m, (struct expression){ .left = -1, .right = -1, .rank = r, .chunk = c });
            for (int piece = 0; piece < m->o->pieces; piece++)
                m->places[locate(m, r, piece, chunk_in(c))].value = leaf;
        }
    m->fifos = rb_calloc((size_t)n * (size_t)n, sizeof *m->fifos);
    for (long i = 0; i < (long)n * n; i++)
        m->fifos[i].from_lane = m->fifos[i].to_lane = -1;
}

static void keep_results(struct machine *m)
{
    const int n = m->g->nranks, chunks = m->proof->out_chunks;
    m->proof->nranks = n;
    m->proof->out = rb_malloc((size_t)n * (size_t)chunks * sizeof *m->proof->out);
    for (int r = 0; r < n; r++)
        for (int c = 0; c < chunks; c++)
            m->proof->out[r * chunks + c] =
                c < m->c->out_blocks(m->g, r) * m->cuts ? m->places[locate(m, r, 0, chunk_out(c))].value : -1;
}

static void release(struct machine *m)
{
    const int n = m->g->nranks;
    for (long i = 0; i < (long)n * n; i++) {
        for (struct message *msg = m->fifos[i].first, *next; msg != NULL; msg = next) {
            next = msg->next;
            free(msg->clock);
            free(msg);
        }
        for (struct grant *g = m->fifos[i].grants, *next; g != NULL; g = next) {
            next = g->next;
            free(g->clock);
            free(g);
        }
    }
    for (long i = 0; i < (long)n * m->o->pieces * m->chunks; i++)
        free(m->places[i].reads);
    for (int i = 0; i < m->nlanes; i++) {
        free(m->lanes[i].clock);
        free(m->lanes[i].steps);
    }
    free(m->places);
    free(m->fifos);
    free(m->lanes);
    free(m->lane_base);
}

void prove_plans(const struct algorithm *a, const struct group *g, const struct plan *plans, const struct proof_options *o,
                 struct proof *proof_p)
{
    *proof_p = (struct proof){0};
    struct machine m = { .a = a, .c = algorithm_means(a), .g = g, .plans = plans, .o = o, .proof = proof_p, .cuts = a->cuts(g) };
    start_lanes(&m);
    start_memory(&m);
    run(&m);
    if (!m.failed)
        check_result(&m);
    keep_results(&m);
    proof_p->holds = !m.failed;
    release(&m);
}

int prove(const struct algorithm *a, const struct group *g, const struct proof_options *o, struct proof *proof_p)
{
    struct plan *plans;
    RB_TRY(plans_build(&plans, a, g, o->direct));
    prove_plans(a, g, plans, o, proof_p);
    plans_free(plans, g->nranks);
    return RB_OK;
}

void proof_free(struct proof *proof)
{
    free(proof->expressions);
    free(proof->out);
    *proof = (struct proof){0};
}

static void print_value(const struct proof *proof, int value, struct text *t)
{
    const struct expression *e = &proof->expressions[value];
    if (e->left < 0) {
        text_add(t, "%d.%d", e->rank, e->chunk);
        return;
    }
    text_add(t, "(");
    print_value(proof, e->left, t);
    text_add(t, "+");
    print_value(proof, e->right, t);
    text_add(t, ")");
}

void proof_expression(const struct proof *proof, int rank, int chunk, struct text *t)
{
    const int value = proof->out[rank * proof->out_chunks + chunk];
    if (value >= 0)
        print_value(proof, value, t);
}
