#include "workload/parameter_server_virtual.h"

#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum event_kind { COMPUTED, ARRIVED, ANSWERED };

struct event {
    double at;
    enum event_kind kind;
    int worker;
};

struct copy {
    double x[PROBLEM_DIMENSIONS];
    uint32_t least; /* pushes of anybody in it */
};

struct virtual_worker {
    uint32_t iteration;  /* that is computed, or comes next */
    bool computing, done;
    struct copy front, back;
    bool full;           /* the back is newer */
    double push[PROBLEM_DIMENSIONS], sent[PROBLEM_DIMENSIONS];
    bool ready;          /* a gradient waits for the one before to be gone */
    bool sending;
    double computed_sec, ended_sec;
    /* at the server */
    uint32_t arrived, answered, answering;
    bool is_answered; /* an answer is under way */
    struct copy answer;
    bool held;        /* bound 0: arrived, but it is not its turn */
};

struct play {
    const struct virtual_setup *setup;
    struct virtual_result *result;
    struct virtual_worker *workers;
    int nworkers;
    struct event *events; /* no more than three a worker: looked through, not sorted */
    size_t nevents;
    double now, in_free, out_free; /* the server's port */
    double x[PROBLEM_DIMENSIONS];
    uint32_t *pushes;
    uint64_t random;
};

static void add_event(struct play *p, double at, enum event_kind kind, int worker)
{
    p->events[p->nevents++] = (struct event){ at, kind, worker };
}

static bool is_before(const struct event *a, const struct event *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    return a->worker != b->worker ? a->worker < b->worker : a->kind < b->kind;
}

static struct event next_event(struct play *p)
{
    size_t first = 0;
    for (size_t i = 1; i < p->nevents; i++)
        if (is_before(&p->events[i], &p->events[first]))
            first = i;
    const struct event e = p->events[first];
    p->events[first] = p->events[--p->nevents];
    return e;
}

/* A port carries one message after the other. */
static double over_port(const struct play *p, double *free_at)
{
    const double begin = *free_at > p->now ? *free_at : p->now;
    *free_at = begin + (double)p->setup->bytes / p->setup->bytes_per_sec;
    return *free_at + p->setup->latency_sec;
}

static double compute_time(struct play *p, int worker)
{
    const struct virtual_setup *s = p->setup;
    p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    const double part = (double)(p->random >> 11) * 0x1p-52 - 1;
    return s->compute_sec * (1 + s->jitter * part) * (worker == s->slow_worker ? s->slow_factor : 1);
}

static void look_at_loss(struct play *p, const struct virtual_worker *w)
{
    if (isnan(p->result->target_sec) && problem_loss(p->setup->problem, w->front.x) <= PROBLEM_TARGET) {
        p->result->target_sec = p->now;
        p->result->target_iterations = w->iteration;
    }
}

static void try_begin(struct play *p, int worker)
{
    struct virtual_worker *w = &p->workers[worker];
    if (w->computing || w->ready || w->iteration == p->setup->iterations)
        return;
    if (w->full) {
        w->front = w->back;
        w->full = false;
    }
    if (w->front.least < async_bound_needs(p->setup->staleness, w->iteration))
        return;
    const uint32_t behind = w->iteration > w->front.least ? w->iteration - w->front.least : 0;
    p->result->staleness[behind < ASYNC_STALENESS_BINS ? behind : ASYNC_STALENESS_BINS - 1]++;
    p->result->stalest = behind > p->result->stalest ? behind : p->result->stalest;
    look_at_loss(p, w);
    problem_push(p->setup->problem, worker, w->iteration, w->front.x, w->push);
    const double takes = compute_time(p, worker);
    w->computing = true;
    w->computed_sec += takes;
    add_event(p, p->now + takes, COMPUTED, worker);
}

static void try_send(struct play *p, int worker)
{
    struct virtual_worker *w = &p->workers[worker];
    if (!w->ready || w->sending)
        return;
    w->ready = false;
    w->sending = true;
    memcpy(w->sent, w->push, sizeof w->sent);
    add_event(p, over_port(p, &p->in_free), ARRIVED, worker);
    w->iteration++;
    try_begin(p, worker);
}

/* As async_serve.c has it: the newest push is answered once nobody is too far behind. */
static void try_answer(struct play *p, int worker)
{
    struct virtual_worker *w = &p->workers[worker];
    int who;
    if (w->is_answered || w->arrived <= w->answered)
        return;
    const uint32_t least = async_bound_least(p->pushes, p->nworkers, &who);
    if (least < async_bound_answers(p->setup->staleness, w->arrived - 1))
        return;
    w->is_answered = true;
    w->answering = w->arrived;
    memcpy(w->answer.x, p->x, sizeof p->x);
    w->answer.least = least;
    add_event(p, over_port(p, &p->out_free), ANSWERED, worker);
}

static void apply(struct play *p, int worker)
{
    struct virtual_worker *w = &p->workers[worker];
    for (int d = 0; d < PROBLEM_DIMENSIONS; d++)
        p->x[d] += w->sent[d];
    w->held = false;
    w->sending = false;
    w->arrived = ++p->pushes[worker];
}

/* Bound 0 adds in the order of the ranks. */
static void arrive(struct play *p, int worker)
{
    p->workers[worker].held = true;
    for (int w = 0; w < p->nworkers; w++) {
        const bool turn = p->setup->staleness > 0 || w == 0 || p->pushes[w - 1] > p->pushes[w];
        if (p->workers[w].held && turn)
            apply(p, w);
    }
    for (int w = 0; w < p->nworkers; w++) {
        try_answer(p, w);
        try_send(p, w);
    }
}

static void take_answer(struct play *p, int worker)
{
    struct virtual_worker *w = &p->workers[worker];
    w->is_answered = false;
    w->answered = w->answering;
    w->back = w->answer;
    w->full = true;
    w->ended_sec = p->now;
    try_answer(p, worker);
    try_begin(p, worker);
}

static void handle(struct play *p, const struct event *e)
{
    p->now = e->at;
    if (e->kind == ARRIVED) {
        arrive(p, e->worker);
    } else if (e->kind == ANSWERED) {
        take_answer(p, e->worker);
    } else {
        p->workers[e->worker].computing = false;
        p->workers[e->worker].ready = true;
        try_send(p, e->worker);
    }
}

static void sum_up(const struct play *p)
{
    struct virtual_result *r = p->result;
    double all = 0, computed = 0;
    for (int w = 0; w < p->nworkers; w++) {
        r->per_sec += p->setup->iterations / p->workers[w].ended_sec;
        all += p->workers[w].ended_sec;
        computed += p->workers[w].computed_sec;
    }
    r->seconds = p->now;
    r->waiting = 1 - computed / all;
    r->loss = problem_loss(p->setup->problem, p->x);
    memcpy(r->weights, p->x, sizeof p->x);
}

void virtual_run(const struct virtual_setup *setup, struct virtual_result *result_p)
{
    const size_t n = (size_t)setup->problem->workers;
    struct play p = { .setup = setup, .result = result_p, .nworkers = (int)n, .random = setup->seed };
    *result_p = (struct virtual_result){ .target_sec = NAN };
    p.workers = rb_calloc(n, sizeof *p.workers);
    p.pushes = rb_calloc(n, sizeof *p.pushes);
    p.events = rb_calloc(3 * n, sizeof *p.events);
    for (int w = 0; w < p.nworkers; w++)
        try_begin(&p, w);
    while (p.nevents > 0) {
        const struct event e = next_event(&p);
        handle(&p, &e);
    }
    sum_up(&p);
    free(p.workers);
    free(p.pushes);
    free(p.events);
}
