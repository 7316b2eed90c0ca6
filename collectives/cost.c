#include "collectives/cost.h"

#include "collectives/prove.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One direction between two ranks: messages queue for the wire, and those that arrived for the receiver. */
struct connection {
    uint64_t key;
    int from, to;
    int arrived;  /* not yet taken */
    int waiter;   /* walker that waits for one; -1 */
    bool moving;  /* the wire is busy */
    uint64_t *queue;
    int first, last, room;
};

/* A lane of a rank. */
struct walker {
    int rank, lane;
    int at; /* its step in the plan; nsteps: through */
    int got; /* messages of this step taken */
    uint64_t piece;
    bool worked;
};

struct costing {
    const struct cost_setup *s;
    struct plan *built;
    const struct plan *plans;
    struct flows *flows;
    struct walker *walkers;
    int *walker_of; /* [rank * lanes + lane] */
    int nwalkers, nplayed, lanes, cuts, period;
    uint64_t pieces, piece_elements;
    struct connection *connections;
    int nconnections, room;
    int *table; /* open addressing, connection or -1 */
    size_t table_mask;
    struct cost_result result;
};

enum { TAG_SENT, TAG_ARRIVED, TAG_WORKED, TAGS };

/* --- connections --- */

static size_t slot_of(const struct costing *c, uint64_t key)
{
    size_t at = (size_t)((key * 0x9E3779B97F4A7C15u) >> 20) & c->table_mask;
    while (c->table[at] >= 0 && c->connections[c->table[at]].key != key)
        at = (at + 1) & c->table_mask;
    return at;
}

static void grow_table(struct costing *c)
{
    c->table_mask = 2 * c->table_mask + 1;
    c->table = rb_realloc(c->table, (c->table_mask + 1) * sizeof *c->table);
    memset(c->table, 0xff, (c->table_mask + 1) * sizeof *c->table);
    for (int i = 0; i < c->nconnections; i++)
        c->table[slot_of(c, c->connections[i].key)] = i;
}

static int connection_of(struct costing *c, int from, int to)
{
    const uint64_t key = (uint64_t)(uint32_t)from << 32 | (uint32_t)to;
    size_t at = slot_of(c, key);
    if (c->table[at] >= 0)
        return c->table[at];
    if (c->nconnections == c->room) {
        c->room = 2 * c->room + 256;
        c->connections = rb_realloc(c->connections, (size_t)c->room * sizeof *c->connections);
    }
    c->connections[c->nconnections] = (struct connection){ .key = key, .from = from, .to = to, .waiter = -1 };
    c->table[at] = c->nconnections++;
    if ((size_t)c->nconnections * 2 > c->table_mask) {
        grow_table(c);
    }
    return c->nconnections - 1;
}

static void start_wire(struct costing *c, int index)
{
    struct connection *k = &c->connections[index];
    struct flow_path path;
    c->s->network->route(c->s->network->context, k->from, k->to, &path);
    k->moving = true;
    flows_start(c->flows, &path, (double)k->queue[k->first], (int64_t)index * TAGS + TAG_SENT);
}

static void enqueue(struct connection *k, uint64_t bytes)
{
    if (k->first == k->last)
        k->first = k->last = 0;
    if (k->last == k->room) {
        k->room = 2 * k->room + 1;
        k->queue = rb_realloc(k->queue, (size_t)k->room * sizeof *k->queue);
    }
    k->queue[k->last++] = bytes;
}

/* In a folded run a message to another period arrives here as one from as far on the other side. */
static void send(struct costing *c, int rank, int to, uint64_t bytes)
{
    const int n = c->s->group->nranks, back = to - to % c->period;
    const int index = connection_of(c, ((rank - back) % n + n) % n, to - back);
    enqueue(&c->connections[index], bytes);
    c->result.sent += (double)bytes;
    c->result.messages++;
    if (!c->connections[index].moving)
        start_wire(c, index);
}

/* --- walking --- */

static const struct step *step_of(const struct costing *c, const struct walker *w)
{
    return &c->plans[w->rank].steps[w->at];
}

static int next_step(const struct plan *p, int lane, int from)
{
    while (from < p->nsteps && p->steps[from].lane != lane)
        from++;
    return from;
}

static uint64_t bytes_now(const struct costing *c, const struct walker *w)
{
    const uint64_t elements = step_elements(step_of(c, w), c->s->count, c->s->type_bytes, c->cuts), first = w->piece * c->piece_elements;
    const uint64_t left = first < elements ? elements - first : 0;
    return (left < c->piece_elements ? left : c->piece_elements) * c->s->type_bytes;
}

/* Takes what has arrived; false: has to wait. */
static bool take(struct costing *c, int walker, uint64_t bytes)
{
    struct walker *w = &c->walkers[walker];
    const struct step *s = step_of(c, w);
    for (; w->got < s->nrecv; w->got++) {
        const int index = connection_of(c, s->recv_from[w->got], w->rank); /* may move the connections */
        struct connection *k = &c->connections[index];
        if (k->arrived == 0) {
            k->waiter = walker;
            return false;
        }
        k->arrived--;
        c->result.received += (double)bytes;
    }
    return true;
}

static bool done_before(const struct costing *c, const struct walker *w, int index)
{
    if (index < 0)
        return true;
    const struct walker *other = &c->walkers[c->walker_of[w->rank * c->lanes + c->plans[w->rank].steps[index].lane]];
    return other->piece > w->piece || (other->piece == w->piece && other->at > index);
}

/* Starts the arithmetic of a step; false: there is none. */
static bool work(struct costing *c, int walker, uint64_t bytes)
{
    struct walker *w = &c->walkers[walker];
    const struct step *s = step_of(c, w);
    const int operands = s->nrecv + (s->src.buffer == BUFFER_IN || s->src.buffer == BUFFER_OUT);
    const bool any = s->nrecv > 0 || s->dst.buffer != BUFFER_NONE;
    if (w->worked || !any || c->s->network->work == NULL)
        return false;
    struct flow_path path;
    c->s->network->work(c->s->network->context, w->rank, &path);
    flows_start(c->flows, &path, (double)bytes * (operands > 1 ? operands - 1 : 1), (int64_t)walker * TAGS + TAG_WORKED);
    return true;
}

static void pass(struct costing *c, struct walker *w)
{
    const struct plan *p = &c->plans[w->rank];
    w->got = 0;
    w->worked = false;
    w->at = next_step(p, w->lane, w->at + 1);
    if (w->at == p->nsteps && ++w->piece < c->pieces)
        w->at = next_step(p, w->lane, 0);
    c->nplayed += w->at == p->nsteps;
}

/* Plays steps until the lane has to wait. True if it got on at all. */
static bool walk(struct costing *c, int walker)
{
    struct walker *w = &c->walkers[walker];
    bool moved = false;
    while (w->at < c->plans[w->rank].nsteps) {
        const struct step *s = step_of(c, w);
        const uint64_t bytes = s->flags & STEP_GRANT ? 0 : bytes_now(c, w);
        if (bytes > 0) {
            if (!take(c, walker, bytes) || !done_before(c, w, s->after) || work(c, walker, bytes))
                return moved;
            for (int i = 0; i < s->nsend; i++)
                send(c, w->rank, s->send_to[i], bytes);
            c->result.steps++;
            if (c->s->visit != NULL)
                c->s->visit(c->s->visitor, w->rank, s, bytes);
        }
        moved = true;
        pass(c, w);
    }
    return moved;
}

/* A lane that got on may be what others of its rank wait for. */
static void walk_rank(struct costing *c, int walker)
{
    const int rank = c->walkers[walker].rank;
    if (!walk(c, walker) || c->plans[rank].nlanes < 2)
        return;
    for (bool moved = true; moved;) {
        moved = false;
        for (int lane = 0; lane < c->plans[rank].nlanes; lane++) {
            const struct walker *w = &c->walkers[c->walker_of[rank * c->lanes + lane]];
            const struct plan *p = &c->plans[rank];
            if (w->at < p->nsteps && p->steps[w->at].after >= 0 && w->got == p->steps[w->at].nrecv && !w->worked)
                moved = walk(c, c->walker_of[rank * c->lanes + lane]) || moved;
        }
    }
}

static void sent(struct costing *c, int index)
{
    struct connection *k = &c->connections[index];
    struct flow_path path;
    c->s->network->route(c->s->network->context, k->from, k->to, &path);
    k->moving = false;
    if (++k->first < k->last)
        start_wire(c, index);
    flows_timer(c->flows, path.latency, (int64_t)index * TAGS + TAG_ARRIVED);
}

static void arrived(struct costing *c, int index)
{
    const int waiter = c->connections[index].waiter;
    c->connections[index].arrived++;
    c->connections[index].waiter = -1;
    if (waiter >= 0)
        walk_rank(c, waiter);
}

static void worked(struct costing *c, int walker)
{
    c->walkers[walker].worked = true;
    walk_rank(c, walker);
}

/* --- set up --- */

static int build_plans(struct costing *c)
{
    if (c->s->plans != NULL) {
        c->plans = c->s->plans;
        return RB_OK;
    }
    c->built = rb_calloc((size_t)c->period, sizeof *c->built);
    c->plans = c->built;
    for (int r = 0; r < c->period; r++) {
        RB_TRY(plan_build(&c->built[r], c->s->algorithm, c->s->group, r));
        schedule_slots(&c->built[r]);
    }
    return RB_OK;
}

static void cut_pieces(struct costing *c)
{
    uint64_t first, largest;
    c->cuts = c->s->algorithm->cuts(c->s->group);
    chunk_range(c->s->count, c->s->type_bytes, c->cuts, 0, &first, &largest);
    c->piece_elements = c->s->piece_bytes / c->s->type_bytes;
    if (c->piece_elements == 0 || c->piece_elements > largest)
        c->piece_elements = largest > 0 ? largest : 1;
    c->pieces = (largest + c->piece_elements - 1) / c->piece_elements;
}

static void place_walkers(struct costing *c)
{
    for (int r = 0; r < c->period; r++) {
        c->nwalkers += c->plans[r].nlanes;
        c->lanes = c->plans[r].nlanes > c->lanes ? c->plans[r].nlanes : c->lanes;
    }
    c->walkers = rb_calloc((size_t)c->nwalkers + 1, sizeof *c->walkers);
    c->walker_of = rb_calloc((size_t)c->period * (size_t)c->lanes + 1, sizeof *c->walker_of);
    int k = 0;
    for (int r = 0; r < c->period; r++)
        for (int lane = 0; lane < c->plans[r].nlanes; lane++) {
            const int at = c->pieces > 0 ? next_step(&c->plans[r], lane, 0) : c->plans[r].nsteps;
            c->nplayed += at == c->plans[r].nsteps;
            c->walkers[k] = (struct walker){ .rank = r, .lane = lane, .at = at };
            c->walker_of[r * c->lanes + lane] = k++;
        }
}

static void play(struct costing *c)
{
    static void (*const react[TAGS])(struct costing *, int) = { [TAG_SENT] = sent, [TAG_ARRIVED] = arrived, [TAG_WORKED] = worked };
    for (int i = 0; i < c->nwalkers; i++)
        walk_rank(c, i);
    for (int64_t tag; flows_next(c->flows, &tag);)
        react[tag % TAGS](c, (int)(tag / TAGS));
}

static void sum_up(struct costing *c)
{
    double most = 0;
    c->result.seconds = flows_now(c->flows);
    c->result.busiest = -1;
    for (int i = 0; i < c->s->network->nlinks; i++) {
        const double bytes = flows_link_bytes(c->flows, i), seconds = bytes / c->s->network->rates[i];
        c->result.peak = fmax(c->result.peak, flows_link_peak(c->flows, i));
        if (seconds > most) {
            most = seconds;
            c->result.busiest = i;
            c->result.busiest_bytes = bytes;
        }
    }
}

static void costing_free(struct costing *c)
{
    for (int i = 0; i < c->nconnections; i++)
        free(c->connections[i].queue);
    if (c->built != NULL)
        plans_free(c->built, c->period);
    if (c->flows != NULL)
        flows_free(c->flows);
    free(c->connections);
    free(c->table);
    free(c->walkers);
    free(c->walker_of);
}

int cost_run(const struct cost_setup *setup, struct cost_result *result_p)
{
    struct costing c = { .s = setup, .period = setup->period > 0 ? setup->period : setup->group->nranks, .table_mask = 1023 };
    int rc = build_plans(&c);
    if (rc == RB_OK) {
        cut_pieces(&c);
        place_walkers(&c);
        grow_table(&c);
        c.flows = flows_new(setup->network->nlinks, setup->network->rates);
        play(&c);
        sum_up(&c);
        if (c.nplayed < c.nwalkers)
            rc = rb_fail(RB_EINTERNAL, "%s over %d ranks cannot go on: %d of %d lanes are stuck", setup->algorithm->name,
                         setup->group->nranks, c.nwalkers - c.nplayed, c.nwalkers);
    }
    if (rc == RB_OK)
        *result_p = c.result;
    costing_free(&c);
    return rc;
}
