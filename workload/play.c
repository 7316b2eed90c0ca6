#include "workload/play.h"

#include "collectives/patience.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "workload/buffers.h"
#include "workload/hand_over.h"
#include "workload/model.h"

#include <stdlib.h>
#include <string.h>

/* A call that several places of the programs share: prepared once by all ranks of its group. */
struct prepared {
    struct program_call call;
    struct operation *full, *token;
    int queue;
};

/* Calls of a queue are played one after the other. */
struct queue {
    int *calls;
    size_t first, count;
    bool running;
};

struct player {
    const struct program *program;
    struct groups *groups;
    struct compute *compute;
    struct prepared *prepared;
    size_t nprepared;
    size_t *which;      /* prepared, of each call */
    struct call_buffers *buffers; /* of each call */
    void *arenas[AXIS_COUNT];
    uint64_t bytes;
    bool *done;
    struct queue *queues;
    int nqueues;
    enum play_mode mode;
};

/* --- preparing --- */

static bool same_call(const struct program_call *a, const struct program_call *b)
{
    return a->axis == b->axis && a->algorithm == b->algorithm && a->count == b->count && a->root == b->root;
}

static size_t find_prepared(const struct player *p, const struct program_call *c)
{
    size_t i = 0;
    while (i < p->nprepared && !same_call(&p->prepared[i].call, c))
        i++;
    return i;
}

/* Hand-overs keep order with those of the same pair and direction, other calls with all of their axis. */
static int queue_of(const struct player *p, const struct program_call *c)
{
    if (!is_hand_over(c->algorithm)) /* axes of all ranks share one communicator */
        return p->groups->comms[c->axis] == p->groups->all ? (int)AXIS_ALL : (int)c->axis;
    int highest = AXIS_COUNT - 1;
    for (size_t i = 0; i < p->nprepared; i++) {
        const struct program_call *k = &p->prepared[i].call;
        if (k->axis == c->axis && k->algorithm == c->algorithm && k->root == c->root)
            return p->prepared[i].queue;
        highest = p->prepared[i].queue > highest ? p->prepared[i].queue : highest;
    }
    return highest + 1;
}

/* The calls of all ranks, in an order that all ranks agree on: preparing is collective. */
static void collect(struct player *p, const struct program *programs, int nranks)
{
    size_t room = 0;
    for (int r = 0; r < nranks; r++)
        for (size_t i = 0; i < programs[r].ncalls; i++) {
            const struct program_call *c = &programs[r].calls[i];
            if (find_prepared(p, c) < p->nprepared)
                continue;
            if (p->nprepared == room)
                p->prepared = rb_realloc(p->prepared, (room = 2 * room + 16) * sizeof *p->prepared);
            p->prepared[p->nprepared] = (struct prepared){ .call = *c, .queue = queue_of(p, c) };
            p->nprepared++;
        }
}

static int prepare_one(struct player *p, const struct program_call *c, uint64_t count, struct operation **op_p)
{
    const struct call call = { .algorithm = c->algorithm, .count = count, .type = TYPE_FLOAT, .op = OP_SUM,
                               .group = { .nranks = p->groups->grid.size[c->axis], .root = c->root, .servers = 1 } };
    return comm_prepare(p->groups->comms[c->axis], &call, op_p);
}

static int prepare_all(struct player *p)
{
    for (size_t i = 0; i < p->nprepared; i++) {
        struct prepared *k = &p->prepared[i];
        RB_TRY(prepare_one(p, &k->call, k->call.count, &k->full));
        RB_TRY(prepare_one(p, &k->call, 1, &k->token));
    }
    return RB_OK;
}

static int place_buffers(struct player *p)
{
    size_t bytes[AXIS_COUNT] = {0};
    for (size_t i = 0; i < p->program->ncalls; i++) {
        const struct operation_facts *f = operation_facts(p->prepared[p->which[i]].full);
        buffers_place(&p->buffers[i], f, &bytes[p->program->calls[i].axis]);
    }
    for (int axis = 0; axis < AXIS_COUNT; axis++) {
        if (p->groups->comms[axis] == NULL)
            continue;
        RB_TRY(comm_allocate(p->groups->comms[axis], bytes[axis] + BUFFERS_ALIGN, &p->arenas[axis]));
        memset(p->arenas[axis], 0, bytes[axis]); /* touched before the clock runs */
        p->bytes += bytes[axis];
    }
    for (size_t i = 0; i < p->program->ncalls; i++)
        buffers_bind(&p->buffers[i], p->arenas[p->program->calls[i].axis]);
    return RB_OK;
}

static void make_queues(struct player *p)
{
    p->nqueues = AXIS_COUNT;
    for (size_t i = 0; i < p->nprepared; i++)
        p->nqueues = p->prepared[i].queue >= p->nqueues ? p->prepared[i].queue + 1 : p->nqueues;
    p->queues = rb_calloc((size_t)p->nqueues, sizeof *p->queues);
    for (int q = 0; q < p->nqueues; q++)
        p->queues[q].calls = rb_calloc(p->program->ncalls + 1, sizeof *p->queues[q].calls);
}

int player_open(struct player **player_p, const struct program *programs, struct groups *groups, struct compute *compute)
{
    struct player *p = rb_calloc(1, sizeof *p);
    p->program = &programs[groups->world->rank];
    p->groups = groups;
    p->compute = compute;
    collect(p, programs, groups->world->nranks);
    const size_t n = p->program->ncalls;
    p->which = rb_calloc(n + 1, sizeof *p->which);
    p->buffers = rb_calloc(n + 1, sizeof *p->buffers);
    p->done = rb_calloc(n + 1, sizeof *p->done);
    for (size_t i = 0; i < n; i++)
        p->which[i] = find_prepared(p, &p->program->calls[i]);
    make_queues(p);
    int rc = prepare_all(p);
    if (rc == RB_OK)
        rc = place_buffers(p);
    if (rc != RB_OK) {
        player_close(p);
        return rc;
    }
    *player_p = p;
    return RB_OK;
}

void player_close(struct player *p)
{
    if (p == NULL)
        return;
    for (int axis = 0; axis < AXIS_COUNT; axis++)
        if (p->arenas[axis] != NULL)
            comm_release(p->groups->comms[axis], p->arenas[axis]);
    for (size_t i = 0; i < p->nprepared; i++) {
        operation_free(p->prepared[i].full);
        operation_free(p->prepared[i].token);
    }
    for (int q = 0; q < p->nqueues; q++)
        free(p->queues[q].calls);
    free(p->queues);
    free(p->prepared);
    free(p->which);
    free(p->buffers);
    free(p->done);
    free(p);
}

uint64_t player_bytes(const struct player *p)
{
    return p->bytes;
}

/* --- playing --- */

static struct operation *operation_of(const struct player *p, int call)
{
    const struct prepared *k = &p->prepared[p->which[call]];
    return p->mode == PLAY_TOKENS ? k->token : k->full;
}

/* As far as it goes without waiting. */
static int move_queue(struct player *p, struct queue *q, bool *moved_p)
{
    while (q->first < q->count) {
        const int call = q->calls[q->first];
        struct operation *op = operation_of(p, call);
        bool moved = true, done = false;
        if (!q->running)
            RB_TRY(operation_start(op, p->buffers[call].in, p->buffers[call].out));
        q->running = true;
        while (moved && !done) {
            RB_TRY(operation_advance(op, &moved, &done));
            *moved_p = *moved_p || moved || done;
        }
        if (!done)
            break;
        q->running = false;
        q->first++;
        p->done[call] = true;
    }
    return RB_OK;
}

static int move(struct player *p, bool *moved_p)
{
    *moved_p = false;
    for (int i = 0; i < p->nqueues; i++)
        RB_TRY(move_queue(p, &p->queues[i], moved_p));
    return RB_OK;
}

static int between_slices(void *player)
{
    bool moved;
    return move(player, &moved);
}

static int give_up(const struct player *p, int call, const char *why)
{
    const struct program_call *c = &p->program->calls[call];
    return rb_fail(RB_ETIMEOUT, "rank %d: %s in call %d of the step, %s along the axis %s", p->program->rank, why, call, c->algorithm->name,
                   axis_names[c->axis]);
}

static int wait_for(struct player *p, int call)
{
    struct patience patience = {0};
    struct comm *comm = p->groups->comms[p->program->calls[call].axis];
    while (!p->done[call]) {
        bool moved;
        patience_random_delay(comm);
        RB_TRY(move(p, &moved));
        if (moved) {
            patience = (struct patience){0};
            continue;
        }
        const enum patience_result r = patience_wait(comm, &patience);
        if (r == PATIENCE_ABORTED || r == PATIENCE_OVER)
            return give_up(p, call, r == PATIENCE_ABORTED ? "aborted" : "no progress");
    }
    return RB_OK;
}

static int start_call(struct player *p, int call)
{
    struct queue *q = &p->queues[p->prepared[p->which[call]].queue];
    bool moved;
    q->calls[q->count++] = call;
    return move(p, &moved);
}

static int play_action(struct player *p, const struct action *a)
{
    const bool computes = p->mode != PLAY_CALLS, calls = p->mode != PLAY_COMPUTE;
    compute_step *step = calls ? between_slices : NULL;
    switch (a->kind) {
    case ACTION_GEMM:
        return computes ? compute_gemm(p->compute, &a->gemm, step, p) : RB_OK;
    case ACTION_UPDATE:
        return computes ? compute_update(p->compute, a->amount, step, p) : RB_OK;
    case ACTION_COPY:
        return computes ? compute_copy(p->compute, a->amount, step, p) : RB_OK;
    case ACTION_START:
        return calls ? start_call(p, a->call) : RB_OK;
    case ACTION_WAIT:
        return calls ? wait_for(p, a->call) : RB_OK;
    }
    return RB_OK;
}

static void rewind_queues(struct player *p)
{
    for (int q = 0; q < p->nqueues; q++)
        p->queues[q].first = p->queues[q].count = 0;
    memset(p->done, 0, (p->program->ncalls + 1) * sizeof *p->done);
}

int player_step(struct player *p, enum play_mode mode, double *sec_p)
{
    p->mode = mode;
    rewind_queues(p);
    p->compute->turn = 0;
    RB_TRY(comm_barrier(p->groups->all));
    const double start = clock_sec();
    for (size_t i = 0; i < p->program->nactions; i++)
        RB_TRY(play_action(p, &p->program->actions[i]));
    for (size_t i = 0; i < p->program->ncalls && mode != PLAY_COMPUTE; i++) /* what nobody waited for */
        RB_TRY(wait_for(p, (int)i));
    *sec_p = clock_sec() - start;
    return RB_OK;
}

/* --- checking --- */

/* Position of this rank in the group of a call, and how its numbers are told from those of its neighbours' groups. */
static struct buffers_call describe(const struct player *p, size_t call)
{
    const struct program_call *c = &p->program->calls[call];
    const struct grid *g = &p->groups->grid;
    return (struct buffers_call){ .algorithm = c->algorithm, .count = c->count, .rank = grid_position(g, c->axis, p->program->rank),
                                  .group = { .nranks = g->size[c->axis], .root = c->root, .servers = 1 },
                                  .salt = (unsigned)grid_group(g, c->axis, p->program->rank) };
}

int player_check(struct player *p, uint64_t *wrong_p)
{
    double sec;
    uint64_t wrong = 0;
    for (size_t i = 0; i < p->program->ncalls; i++) {
        const struct buffers_call c = describe(p, i);
        buffers_fill(&p->buffers[i], &c);
    }
    RB_TRY(comm_barrier(p->groups->all));
    RB_TRY(player_step(p, PLAY_ALL, &sec));
    RB_TRY(comm_barrier(p->groups->all));
    for (size_t i = 0; i < p->program->ncalls; i++) {
        const struct buffers_call c = describe(p, i);
        wrong += buffers_wrong(&p->buffers[i], &c);
    }
    *wrong_p = wrong;
    return RB_OK;
}
