#include "workload/traffic.h"

#include "collectives/prove.h"
#include "core/error.h"
#include "core/text.h"
#include "workload/hand_over.h"

#include <stdlib.h>

struct program *programs_make(const struct workload *w, const struct workload_setup *s)
{
    const int n = s->grid.size[AXIS_ALL];
    struct program *programs = rb_calloc((size_t)n, sizeof *programs);
    for (int r = 0; r < n; r++) {
        programs[r] = (struct program){ .grid = &s->grid, .rank = r };
        w->plan(&programs[r], s);
    }
    return programs;
}

void programs_free(struct program *programs, int nranks)
{
    for (int r = 0; r < nranks; r++)
        program_free(&programs[r]);
    free(programs);
}

/* A call that was counted before: plans of the same call are alike wherever it is made. */
struct counted {
    struct program_call call;
    uint64_t *egress; /* by position in the group */
};

static bool alike(const struct program_call *a, const struct program_call *b)
{
    return a->axis == b->axis && a->algorithm == b->algorithm && a->count == b->count && a->root == b->root;
}

static int count_call(const struct program_call *c, const struct grid *grid, int element_bytes, uint64_t **egress_p)
{
    const int n = grid->size[c->axis];
    const struct group g = { .nranks = n, .root = c->root, .servers = 1 };
    struct plan *plans;
    RB_TRY(plans_build(&plans, c->algorithm, &g, false));
    const size_t size = (size_t)n;
    uint64_t *edges = rb_calloc(size * size, sizeof *edges), *egress = rb_calloc(size, sizeof *egress);
    schedule_edges(c->algorithm, &g, plans, c->count, (size_t)element_bytes, edges);
    for (size_t from = 0; from < size; from++)
        for (size_t to = 0; to < size; to++)
            egress[from] += edges[from * size + to];
    free(edges);
    plans_free(plans, n);
    *egress_p = egress;
    return RB_OK;
}

struct counting {
    const struct grid *grid;
    int element_bytes;
    struct counted *list;
    size_t count, room;
};

static int egress_of(struct counting *k, const struct program_call *c, const uint64_t **egress_p)
{
    for (size_t i = 0; i < k->count; i++)
        if (alike(&k->list[i].call, c)) {
            *egress_p = k->list[i].egress;
            return RB_OK;
        }
    if (k->count == k->room)
        k->list = rb_realloc(k->list, (k->room = 2 * k->room + 16) * sizeof *k->list);
    uint64_t *egress;
    RB_TRY(count_call(c, k->grid, k->element_bytes, &egress));
    k->list[k->count++] = (struct counted){ *c, egress };
    *egress_p = egress;
    return RB_OK;
}

static int count_rank(struct counting *k, const struct program *p, struct workload_traffic *t)
{
    uint64_t mine = 0;
    for (size_t i = 0; i < p->ncalls; i++) {
        const struct program_call *c = &p->calls[i];
        const uint64_t *egress;
        RB_TRY(egress_of(k, c, &egress));
        const uint64_t bytes = egress[grid_position(k->grid, c->axis, p->rank)];
        mine += bytes;
        t->axis[c->axis] += bytes;
    }
    for (size_t i = 0; i < p->nactions; i++)
        t->copied += p->actions[i].kind == ACTION_COPY ? p->actions[i].amount : 0;
    t->total += mine;
    t->busiest_egress = mine > t->busiest_egress ? mine : t->busiest_egress;
    t->calls = p->ncalls > t->calls ? p->ncalls : t->calls;
    t->flop = program_flop(p) > t->flop ? program_flop(p) : t->flop;
    return RB_OK;
}

int traffic_count(const struct program *programs, const struct grid *grid, int element_bytes, struct workload_traffic *t_p)
{
    struct counting k = { .grid = grid, .element_bytes = element_bytes };
    struct workload_traffic t = {0};
    int rc = RB_OK;
    for (int r = 0; rc == RB_OK && r < grid->size[AXIS_ALL]; r++)
        rc = count_rank(&k, &programs[r], &t);
    for (size_t i = 0; i < k.count; i++)
        free(k.list[i].egress);
    free(k.list);
    if (rc == RB_OK)
        *t_p = t;
    return rc;
}
