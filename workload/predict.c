#include "workload/predict.h"

#include "core/error.h"
#include "core/text.h"
#include "workload/hand_over.h"

#include <math.h>
#include <stdlib.h>

/* One call as all of its ranks see it. */
struct instance {
    int needed, started;
    double begin, end, sec;
    int before; /* the instance that is ahead of it in the queue; -1: none */
};

/* The calls of one group that follow each other. */
struct line {
    enum axis axis;
    int group;
    const struct algorithm *algorithm; /* hand-overs only; NULL */
    int root;                          /* the same; -1 */
    int *instances;
    int count;
};

struct walker {
    const struct program *program;
    double clock;
    size_t at, ended; /* next action; calls waited for at the end */
    int *instance;    /* of each call */
    int *line;
    double *debt;     /* core time of each call that is not paid yet */
};

struct prediction {
    const struct grid *grid;
    const struct prices *prices;
    enum play_mode mode;
    struct instance *instances;
    int ninstances;
    struct line *lines;
    int nlines;
    struct walker *walkers;
};

static int line_of(struct prediction *p, const struct program *program, const struct program_call *c)
{
    const bool pair = is_hand_over(c->algorithm);
    const struct line want = { .axis = c->axis, .group = grid_group(p->grid, c->axis, program->rank), .algorithm = pair ? c->algorithm : NULL,
                               .root = pair ? c->root : -1 };
    for (int i = 0; i < p->nlines; i++) {
        const struct line *l = &p->lines[i];
        if (l->axis == want.axis && l->group == want.group && l->algorithm == want.algorithm && l->root == want.root)
            return i;
    }
    p->lines = rb_realloc(p->lines, (size_t)(p->nlines + 1) * sizeof *p->lines);
    p->lines[p->nlines] = want;
    return p->nlines++;
}

/* The k-th call of a line is one instance on all its ranks. */
static int instance_at(struct prediction *p, int line, int k, const struct program_call *c)
{
    struct line *l = &p->lines[line];
    if (k < l->count)
        return l->instances[k];
    l->instances = rb_realloc(l->instances, (size_t)(k + 1) * sizeof *l->instances);
    p->instances = rb_realloc(p->instances, (size_t)(p->ninstances + 1) * sizeof *p->instances);
    p->instances[p->ninstances] = (struct instance){ .needed = l->algorithm != NULL ? 2 : p->grid->size[c->axis], .before = k > 0 ? l->instances[k - 1] : -1,
                                                     .sec = price_of_call(p->prices, p->grid, c, p->mode == PLAY_TOKENS ? 1 : c->count) };
    l->instances[k] = p->ninstances;
    l->count++;
    return p->ninstances++;
}

static void set_walker(struct prediction *p, struct walker *w, const struct program *program)
{
    int *passed = rb_calloc((size_t)p->nlines + program->ncalls + 1, sizeof *passed);
    *w = (struct walker){ .program = program, .instance = rb_calloc(program->ncalls + 1, sizeof *w->instance),
                          .line = rb_calloc(program->ncalls + 1, sizeof *w->line), .debt = rb_calloc(program->ncalls + 1, sizeof *w->debt) };
    for (size_t i = 0; i < program->ncalls; i++) {
        const struct program_call *c = &program->calls[i];
        w->line[i] = line_of(p, program, c);
        w->instance[i] = instance_at(p, w->line[i], passed[w->line[i]]++, c);
    }
    free(passed);
}

static void start(struct prediction *p, struct walker *w, int call)
{
    struct instance *n = &p->instances[w->instance[call]];
    const struct program_call *c = &w->program->calls[call];
    const bool gives = is_hand_over(c->algorithm) && grid_position(p->grid, c->axis, w->program->rank) == c->root;
    n->started++;
    n->begin = fmax(n->begin, w->clock);
    w->debt[call] = gives ? 0 : p->prices->core_share * n->sec;
    if (n->started < n->needed)
        return;
    if (n->before >= 0)
        n->begin = fmax(n->begin, p->instances[n->before].end);
    n->end = n->begin + n->sec;
}

/* What this rank's core had to do for the call, and for those ahead of it. */
static double pay(struct walker *w, int call)
{
    double sum = 0;
    for (int i = 0; i <= call; i++)
        if (w->line[i] == w->line[call]) {
            sum += w->debt[i];
            w->debt[i] = 0;
        }
    return sum;
}

/* False: not all of its ranks have started it yet. */
static bool wait_for(struct prediction *p, struct walker *w, int call)
{
    const struct instance *n = &p->instances[w->instance[call]];
    if (n->started < n->needed)
        return false;
    w->clock = fmax(w->clock + pay(w, call), n->end);
    return true;
}

static bool walk_action(struct prediction *p, struct walker *w, const struct action *a)
{
    const bool computes = p->mode != PLAY_CALLS, calls = p->mode != PLAY_COMPUTE;
    if (a->kind == ACTION_WAIT)
        return !calls || wait_for(p, w, a->call);
    if (a->kind == ACTION_START && calls)
        start(p, w, a->call);
    if (a->kind == ACTION_GEMM && computes)
        w->clock += price_of_gemm(p->prices, &a->gemm);
    if (a->kind == ACTION_UPDATE && computes)
        w->clock += (double)a->amount * p->prices->update.sec;
    if (a->kind == ACTION_COPY && computes)
        w->clock += (double)a->amount * p->prices->copy.sec;
    return true;
}

/* As far as this rank can go; true when it went on. */
static bool walk(struct prediction *p, struct walker *w)
{
    bool moved = false;
    const size_t n = w->program->nactions, calls = p->mode != PLAY_COMPUTE ? w->program->ncalls : 0;
    for (; w->at < n && walk_action(p, w, &w->program->actions[w->at]); w->at++)
        moved = true;
    for (; w->at == n && w->ended < calls && wait_for(p, w, (int)w->ended); w->ended++)
        moved = true;
    return moved;
}

static void prediction_free(struct prediction *p)
{
    for (int i = 0; i < p->nlines; i++)
        free(p->lines[i].instances);
    for (int r = 0; r < p->grid->size[AXIS_ALL]; r++) {
        free(p->walkers[r].instance);
        free(p->walkers[r].line);
        free(p->walkers[r].debt);
    }
    free(p->lines);
    free(p->instances);
    free(p->walkers);
}

int predict(const struct program *programs, const struct grid *grid, const struct prices *prices, enum play_mode mode, double *sec_p)
{
    const int n = grid->size[AXIS_ALL];
    struct prediction p = { .grid = grid, .prices = prices, .mode = mode, .walkers = rb_calloc((size_t)n, sizeof *p.walkers) };
    for (int r = 0; r < n; r++)
        set_walker(&p, &p.walkers[r], &programs[r]);
    bool moved = true, all = false;
    while (moved && !all) {
        moved = false;
        all = true;
        for (int r = 0; r < n; r++) {
            struct walker *w = &p.walkers[r];
            moved = walk(&p, w) || moved;
            all = all && w->at == w->program->nactions && (mode == PLAY_COMPUTE || w->ended == w->program->ncalls);
        }
    }
    double sec = 0;
    for (int r = 0; r < n; r++)
        sec = fmax(sec, p.walkers[r].clock);
    prediction_free(&p);
    if (!all)
        return rb_fail(RB_EINTERNAL, "the programs of the step wait for each other for ever");
    *sec_p = sec;
    return RB_OK;
}
