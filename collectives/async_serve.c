/* A server: one lane a worker takes its pushes, another answers them. */
#include "collectives/async_wire.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

struct serve_lane {
    struct connection *push, *answer;
    uint32_t push_iteration, push_block;     /* what comes next */
    uint32_t answered;                       /* pushes 0 .. answered-1 have been answered, or passed over */
    uint32_t answer_iteration, answer_block; /* under way when answering */
    bool answering;
};

struct server {
    const struct async_config *config;
    struct async_shard shard;
    struct serve_lane *lanes; /* [workers] */
    char *weights;            /* of the shard */
    uint32_t *pushes;         /* [nblocks][workers] */
    struct leaf leaf;
    struct async_facts *facts;
};

static uint32_t *pushes_of(const struct server *s, uint32_t block)
{
    return s->pushes + (size_t)block * (size_t)s->shard.workers;
}

static char *place_of(const struct server *s, uint64_t first)
{
    return s->weights + (first - s->shard.first) * s->shard.type_bytes;
}

/* Bound 0 adds in the order of the ranks: nobody overtakes the worker before. */
static bool is_turn(const struct server *s, int worker)
{
    const uint32_t *pushes = pushes_of(s, s->lanes[worker].push_block);
    return s->config->staleness > 0 || worker == 0 || pushes[worker - 1] > s->lanes[worker].push_iteration;
}

static void add(struct server *s, int worker, uint64_t first, uint64_t count, const void *gradient)
{
    const struct serve_lane *l = &s->lanes[worker];
    void *at = place_of(s, first);
    if (s->config->fault == ASYNC_LOSES && worker == 0 && l->push_iteration == 1)
        return;
    leaf_run(&s->leaf, &(struct leaf_work){ .dsts = &at, .ndst = 1, .srcs = (const void *[]){ at, gradient }, .nsrc = 2, .count = count });
}

static bool take(struct server *s, int worker)
{
    struct serve_lane *l = &s->lanes[worker];
    if (l->push_iteration == s->config->iterations || !is_turn(s, worker) || !async_arrived(l->push))
        return false;
    uint64_t first;
    const uint64_t count = async_shard_block(&s->shard, l->push_block, &first);
    const size_t header = async_header_bytes(0), bytes = count * s->shard.type_bytes;
    add(s, worker, first, count, (const char *)async_message(l->push, header + bytes) + header);
    async_consume(l->push);
    pushes_of(s, l->push_block)[worker]++;
    s->facts->pushed_bytes += bytes;
    if (++l->push_block == s->shard.nblocks) {
        l->push_block = 0;
        l->push_iteration++;
    }
    return true;
}

/* The newest push that has begun to arrive. */
static bool begin_answer(struct server *s, int worker)
{
    struct serve_lane *l = &s->lanes[worker];
    const uint32_t begun = pushes_of(s, 0)[worker];
    if (!l->answering && begun > l->answered) {
        l->answering = true;
        l->answer_iteration = begun - 1;
        l->answer_block = 0;
    }
    return l->answering;
}

static bool may_answer(const struct server *s, int worker)
{
    const struct serve_lane *l = &s->lanes[worker];
    const uint32_t *pushes = pushes_of(s, l->answer_block);
    int who;
    if (pushes[worker] <= l->answer_iteration)
        return false;
    return s->config->fault == ASYNC_EARLY ||
           async_bound_least(pushes, s->shard.workers, &who) >= async_bound_answers(s->config->staleness, l->answer_iteration);
}

static bool answer(struct server *s, int worker)
{
    struct serve_lane *l = &s->lanes[worker];
    if (!begin_answer(s, worker) || !may_answer(s, worker) || !async_has_room(l->answer))
        return false;
    uint64_t first;
    const uint64_t count = async_shard_block(&s->shard, l->answer_block, &first);
    const size_t header = async_header_bytes(s->shard.workers), bytes = count * s->shard.type_bytes;
    struct async_header *m = async_message(l->answer, header + bytes);
    *m = (struct async_header){ .iteration = l->answer_iteration, .block = l->answer_block, .workers = (uint32_t)s->shard.workers };
    memcpy(m->pushes, pushes_of(s, l->answer_block), (size_t)s->shard.workers * sizeof(uint32_t));
    memcpy((char *)m + header, place_of(s, first), bytes);
    async_post(l->answer, header + bytes);
    s->facts->pulled_bytes += bytes;
    if (++l->answer_block == s->shard.nblocks) {
        l->answering = false;
        l->answered = l->answer_iteration + 1;
        s->facts->answers++;
    }
    return true;
}

static bool advance(void *role)
{
    struct server *s = role;
    bool moved = false;
    for (int w = 0; w < s->shard.workers; w++) {
        moved = take(s, w) || moved;
        moved = answer(s, w) || moved;
    }
    return moved;
}

static bool is_done(const struct server *s)
{
    for (int w = 0; w < s->shard.workers; w++)
        if (s->lanes[w].answered < s->config->iterations)
            return false;
    return true;
}

/* The worker that is furthest behind: all others wait for it in the end. */
static int blocked_on(const void *role)
{
    const struct server *s = role;
    int slowest = -1;
    for (int w = 0; w < s->shard.workers; w++)
        if (s->lanes[w].answered < s->config->iterations && (slowest < 0 || s->lanes[w].push_iteration < s->lanes[slowest].push_iteration))
            slowest = w;
    return slowest;
}

static void check_weights(const struct server *s, const struct async_work *work)
{
    bool right = work->check != NULL;
    for (uint32_t b = 0; b < s->shard.nblocks && right; b++) {
        struct async_block block = { .pushes = pushes_of(s, b), .workers = s->shard.workers };
        block.count = async_shard_block(&s->shard, b, &block.first);
        block.data = place_of(s, block.first);
        right = work->check(work->context, &block, s->facts->wrong);
        s->facts->blocks_checked++;
    }
}

static int serve(struct comm *comm, struct server *s)
{
    struct async_wait wait = { .comm = comm, .advance = advance, .blocked_on = blocked_on, .role = s };
    bool busy = false;
    while (busy || !is_done(s)) {
        const int slowest = blocked_on(s);
        wait.iteration = slowest >= 0 ? s->lanes[slowest].push_iteration : s->config->iterations;
        RB_TRY(async_round(&wait, true, &busy));
    }
    return RB_OK;
}

static void bind(struct server *s, struct comm *comm)
{
    const struct transport_ops *ops = comm->transport->ops;
    for (int w = 0; w < s->shard.workers; w++) {
        s->lanes[w].push = ops->connection(comm->transport, w, false);
        s->lanes[w].answer = ops->connection(comm->transport, w, true);
    }
}

int async_serve(struct comm *comm, const struct async_config *config, const struct async_work *work, struct async_facts *facts)
{
    struct server s = { .config = config, .facts = facts };
    RB_TRY(async_shard_init(&s.shard, comm, config, comm->job->rank - async_workers(comm->job, config)));
    RB_TRY(leaf_init(&s.leaf, comm->config.leaf, config->type, OP_SUM, s.shard.workers));
    const size_t workers = (size_t)s.shard.workers;
    s.lanes = rb_calloc(workers, sizeof *s.lanes);
    s.pushes = rb_calloc(s.shard.nblocks * workers, sizeof *s.pushes);
    s.weights = rb_malloc(s.shard.count * s.shard.type_bytes);
    memset(s.weights, 0, s.shard.count * s.shard.type_bytes);
    bind(&s, comm);
    int rc = comm_barrier(comm);
    const double start = clock_sec();
    if (rc == RB_OK && s.shard.nblocks > 0)
        rc = serve(comm, &s);
    facts->seconds = clock_sec() - start;
    facts->server = true;
    facts->iterations = config->iterations;
    if (rc == RB_OK)
        check_weights(&s, work);
    free(s.lanes);
    free(s.pushes);
    free(s.weights);
    return rc;
}
