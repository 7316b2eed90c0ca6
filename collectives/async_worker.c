/* A worker: computes while its last push and the answers to it are under way. */
#include "collectives/async_wire.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct toil_lane { /* one a server */
    struct async_shard shard;
    struct connection *push, *answer;
    uint32_t push_block;   /* of the push under way; nblocks: all is sent */
    uint32_t answer_block; /* that comes next */
    uint32_t answering;    /* push that is being answered, once its first block is there */
    uint32_t answered;     /* pushes 0 .. answered-1 have been answered, or passed over */
    bool full;             /* a whole answer lies in the back */
    uint32_t *pushes[2];   /* [nblocks][workers], beside the weights */
};

struct worker {
    const struct async_config *config;
    const struct async_work *work;
    struct async_facts *facts;
    struct toil_lane *lanes; /* [servers] */
    struct async_wait wait;
    int self;
    uint32_t pushed;   /* pushes begun */
    char *weights[2];  /* the front is computed from, answers come into the back */
    int front;
    uint32_t least;    /* pushes of anybody that the front contains at least */
    char *gradient[2]; /* one is being sent while the other is made */
    double *began_sec; /* [iterations] of each push */
    double roundtrips_sec;
};

/* --- what came --- */

static bool complain(const struct worker *w, const struct async_header *m, const char *what, int of, uint32_t limit)
{
    char bound[ASYNC_BOUND_TEXT];
    snprintf(w->facts->wrong, ASYNC_WHY, "rank %d: staleness bound %s is broken: block %u of the answer to push %u contains %u pushes of worker %d, %s %u",
             w->self, async_bound_text(bound, w->config->staleness), m->block, m->iteration, m->pushes[of], of, what, limit);
    return false;
}

/* Against the bound, against what was there before, and against what this worker knows of itself. */
static bool check_pushes(const struct worker *w, const struct async_header *m, const uint32_t *before, int workers)
{
    const uint32_t least = async_bound_answers(w->config->staleness, m->iteration), most = async_bound_most(w->config->staleness, w->pushed);
    for (int i = 0; i < workers; i++) {
        if (m->pushes[i] < least)
            return complain(w, m, "it needs", i, least);
        if (m->pushes[i] > most)
            return complain(w, m, "there can be no more than", i, most);
        if (m->pushes[i] < before[i])
            return complain(w, m, "an earlier one had", i, before[i]);
    }
    if (m->pushes[w->self] <= m->iteration)
        return complain(w, m, "its own are at least", w->self, m->iteration + 1);
    return m->pushes[w->self] <= w->pushed || complain(w, m, "its own are only", w->self, w->pushed);
}

static bool check_header(const struct worker *w, const struct toil_lane *l, const struct async_header *m)
{
    const bool begins = l->answer_block == 0;
    if (m->block == l->answer_block && m->workers == (uint32_t)l->shard.workers && m->iteration < w->pushed &&
        (begins ? m->iteration >= l->answered : m->iteration == l->answering))
        return true;
    snprintf(w->facts->wrong, ASYNC_WHY, "rank %d: server %d sent block %u of the answer to push %u where block %u is due", w->self, l->shard.server,
             m->block, m->iteration, l->answer_block);
    return false;
}

/* Only the first thing that is wrong is told. */
static void check_answer(struct worker *w, const struct toil_lane *l, const struct async_header *m, const struct async_block *b)
{
    const uint32_t *before = l->pushes[w->front] + (size_t)l->answer_block * (size_t)l->shard.workers;
    w->facts->blocks_checked++;
    if (w->facts->wrong[0] == '\0' && check_header(w, l, m) && check_pushes(w, m, before, l->shard.workers) && w->work->check != NULL)
        w->work->check(w->work->context, b, w->facts->wrong);
}

static void end_answer(struct worker *w, struct toil_lane *l)
{
    l->answer_block = 0;
    l->answered = l->answering + 1;
    l->full = true;
    w->facts->answers++;
    w->roundtrips_sec += clock_sec() - w->began_sec[l->answering];
}

/* A whole answer waits in the back until it is wanted. */
static bool take(struct worker *w, struct toil_lane *l)
{
    if (l->full || l->shard.nblocks == 0 || l->answered == w->config->iterations || !async_arrived(l->answer))
        return false;
    struct async_block b = { .workers = l->shard.workers };
    b.count = async_shard_block(&l->shard, l->answer_block, &b.first);
    const size_t header = async_header_bytes(l->shard.workers), bytes = b.count * l->shard.type_bytes, counts = (size_t)l->shard.workers;
    const struct async_header *m = async_message(l->answer, header + bytes);
    b.data = (const char *)m + header;
    b.pushes = m->pushes;
    check_answer(w, l, m, &b);
    if (l->answer_block == 0)
        l->answering = m->iteration < w->config->iterations ? m->iteration : w->config->iterations - 1;
    memcpy(w->weights[!w->front] + b.first * l->shard.type_bytes, b.data, bytes);
    memcpy(l->pushes[!w->front] + l->answer_block * counts, m->pushes, counts * sizeof(uint32_t));
    async_consume(l->answer);
    w->facts->pulled_bytes += bytes;
    if (++l->answer_block == l->shard.nblocks)
        end_answer(w, l);
    return true;
}

/* --- what goes --- */

static bool give(struct worker *w, struct toil_lane *l)
{
    if (l->push_block == l->shard.nblocks || !async_has_room(l->push))
        return false;
    uint64_t first;
    const uint32_t iteration = w->pushed - 1;
    const uint64_t count = async_shard_block(&l->shard, l->push_block, &first);
    const size_t header = async_header_bytes(0), bytes = count * l->shard.type_bytes;
    struct async_header *m = async_message(l->push, header + bytes);
    *m = (struct async_header){ .iteration = iteration, .block = l->push_block };
    memcpy((char *)m + header, w->gradient[iteration & 1] + first * l->shard.type_bytes, bytes);
    async_post(l->push, header + bytes);
    l->push_block++;
    w->facts->pushed_bytes += bytes;
    return true;
}

static bool advance(void *role)
{
    struct worker *w = role;
    bool moved = false;
    for (int s = 0; s < w->config->servers; s++) {
        moved = give(w, &w->lanes[s]) || moved;
        moved = take(w, &w->lanes[s]) || moved;
    }
    return moved;
}

static int blocked_on(const void *role)
{
    const struct worker *w = role;
    for (int s = 0; s < w->config->servers; s++) {
        const struct toil_lane *l = &w->lanes[s];
        if (l->shard.nblocks > 0 && (l->push_block < l->shard.nblocks || l->answered < w->pushed))
            return l->shard.server;
    }
    return -1;
}

/* --- iterations --- */

static uint32_t least_seen(const struct worker *w)
{
    uint32_t least = UINT32_MAX;
    for (int s = 0; s < w->config->servers; s++) {
        const struct toil_lane *l = &w->lanes[s];
        for (size_t i = 0; i < (size_t)l->shard.nblocks * (size_t)l->shard.workers; i++)
            least = l->pushes[w->front][i] < least ? l->pushes[w->front][i] : least;
    }
    return least;
}

/* Nothing more comes from this server before the next push. */
static bool is_quiet(const struct worker *w, const struct toil_lane *l)
{
    return l->shard.nblocks == 0 || (l->answer_block == 0 && l->answered == w->pushed);
}

/* A server that passed a push over has fewer answers than the others: what it gave last is what counts. */
static void keep_last(struct worker *w, const struct toil_lane *l)
{
    const size_t at = l->shard.first * l->shard.type_bytes;
    memcpy(w->weights[!w->front] + at, w->weights[w->front] + at, l->shard.count * l->shard.type_bytes);
    memcpy(l->pushes[!w->front], l->pushes[w->front], (size_t)l->shard.nblocks * (size_t)l->shard.workers * sizeof(uint32_t));
}

/* The newest whole answer of every server becomes what is computed from. */
static void turn_over(struct worker *w)
{
    bool any = false;
    for (int s = 0; s < w->config->servers; s++) {
        if (!w->lanes[s].full && !is_quiet(w, &w->lanes[s]))
            return;
        any = any || w->lanes[s].full;
    }
    if (!any)
        return;
    for (int s = 0; s < w->config->servers; s++)
        if (!w->lanes[s].full)
            keep_last(w, &w->lanes[s]);
    w->front = !w->front;
    for (int s = 0; s < w->config->servers; s++)
        w->lanes[s].full = false;
    w->least = least_seen(w);
}

static bool all_sent(const struct worker *w)
{
    for (int s = 0; s < w->config->servers; s++)
        if (w->lanes[s].push_block < w->lanes[s].shard.nblocks)
            return false;
    return true;
}

/* Weights that are wrong are computed from all the same: the peers must come to their end. */
static bool may_begin(struct worker *w, uint32_t iteration)
{
    turn_over(w);
    if (w->least >= async_bound_needs(w->config->staleness, iteration))
        return true;
    if (w->facts->wrong[0] == '\0')
        return false;
    for (int s = 0; s < w->config->servers; s++)
        if (w->lanes[s].shard.nblocks > 0 && w->lanes[s].answered < iteration)
            return false;
    return true;
}

static void note_staleness(struct worker *w, uint32_t iteration)
{
    const uint32_t behind = iteration > w->least ? iteration - w->least : 0;
    w->facts->staleness[behind < ASYNC_STALENESS_BINS ? behind : ASYNC_STALENESS_BINS - 1]++;
    w->facts->mean_staleness += (double)behind / w->config->iterations;
    w->facts->stalest = behind > w->facts->stalest ? behind : w->facts->stalest;
}

static int compute(struct worker *w, uint32_t iteration)
{
    const double start = clock_sec();
    bool busy;
    while (!w->work->compute(w->work->context, iteration, w->weights[w->front], w->gradient[iteration & 1]))
        RB_TRY(async_round(&w->wait, false, &busy));
    w->facts->compute_sec += clock_sec() - start;
    return RB_OK;
}

static void begin_push(struct worker *w, uint32_t iteration)
{
    w->pushed = iteration + 1;
    w->began_sec[iteration] = clock_sec();
    for (int s = 0; s < w->config->servers; s++)
        w->lanes[s].push_block = 0;
}

static int iterate(struct worker *w, uint32_t iteration)
{
    bool busy;
    w->wait.iteration = iteration;
    while (!may_begin(w, iteration))
        RB_TRY(async_round(&w->wait, true, &busy));
    note_staleness(w, iteration);
    RB_TRY(compute(w, iteration));
    while (!all_sent(w))
        RB_TRY(async_round(&w->wait, true, &busy));
    begin_push(w, iteration);
    return async_round(&w->wait, false, &busy);
}

static bool all_answered(struct worker *w)
{
    turn_over(w);
    for (int s = 0; s < w->config->servers; s++)
        if (w->lanes[s].shard.nblocks > 0 && w->lanes[s].answered < w->config->iterations)
            return false;
    return all_sent(w);
}

static int toil(struct worker *w)
{
    bool busy = false;
    for (uint32_t i = 0; i < w->config->iterations; i++)
        RB_TRY(iterate(w, i));
    while (!all_answered(w) || busy)
        RB_TRY(async_round(&w->wait, true, &busy));
    return RB_OK;
}

/* --- birth and death --- */

static int bind(struct worker *w, struct comm *comm)
{
    for (int s = 0; s < w->config->servers; s++) {
        struct toil_lane *l = &w->lanes[s];
        RB_TRY(async_shard_init(&l->shard, comm, w->config, s));
        l->push = comm->transport->ops->connection(comm->transport, l->shard.server, true);
        l->answer = comm->transport->ops->connection(comm->transport, l->shard.server, false);
        l->push_block = l->shard.nblocks;
        for (int i = 0; i < 2; i++)
            l->pushes[i] = rb_calloc((size_t)l->shard.nblocks * (size_t)l->shard.workers, sizeof *l->pushes[i]);
    }
    return RB_OK;
}

static void make_buffers(struct worker *w)
{
    const size_t bytes = w->config->count * type_bytes(w->config->type);
    for (int i = 0; i < 2; i++) {
        w->weights[i] = rb_malloc(bytes);
        w->gradient[i] = rb_malloc(bytes);
        memset(w->weights[i], 0, bytes); /* touched before the clock runs */
        memset(w->gradient[i], 0, bytes);
    }
    w->began_sec = rb_calloc(w->config->iterations, sizeof *w->began_sec);
    w->lanes = rb_calloc((size_t)w->config->servers, sizeof *w->lanes);
}

static void bury(struct worker *w)
{
    for (int s = 0; s < w->config->servers; s++) {
        free(w->lanes[s].pushes[0]);
        free(w->lanes[s].pushes[1]);
    }
    for (int i = 0; i < 2; i++) {
        free(w->weights[i]);
        free(w->gradient[i]);
    }
    free(w->began_sec);
    free(w->lanes);
}

int async_toil(struct comm *comm, const struct async_config *config, const struct async_work *work, struct async_facts *facts)
{
    struct worker w = { .config = config, .work = work, .facts = facts, .self = comm->job->rank };
    w.wait = (struct async_wait){ .comm = comm, .advance = advance, .blocked_on = blocked_on, .role = &w };
    make_buffers(&w);
    int rc = bind(&w, comm);
    if (rc == RB_OK)
        rc = comm_barrier(comm);
    const double start = clock_sec();
    if (rc == RB_OK)
        rc = toil(&w);
    facts->seconds = clock_sec() - start;
    facts->waiting_sec = facts->seconds - facts->compute_sec;
    facts->roundtrip_sec = facts->answers > 0 ? w.roundtrips_sec / facts->answers : 0;
    facts->iterations = config->iterations;
    bury(&w);
    return rc;
}
