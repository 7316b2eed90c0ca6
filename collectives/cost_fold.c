/* Does a plan look alike from every rank? And the simplest network: a port a rank. */
#include "collectives/cost.h"

#include "collectives/prove.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static int by_rank(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* In whatever order: a step waits for all of them. */
static bool peers_follow(const int *peers, const int *others, int count, int shift, int nranks)
{
    if (count == 0)
        return true;
    const size_t bytes = (size_t)count * sizeof(int);
    int *a = rb_malloc(bytes), *b = rb_malloc(bytes);
    for (int i = 0; i < count; i++) {
        a[i] = (peers[i] + shift) % nranks;
        b[i] = others[i];
    }
    qsort(a, (size_t)count, sizeof *a, by_rank);
    qsort(b, (size_t)count, sizeof *b, by_rank);
    const bool same = memcmp(a, b, bytes) == 0;
    free(a);
    free(b);
    return same;
}

static bool step_follows(const struct cost_setup *c, const struct step *a, const struct step *b, int shift)
{
    const int n = c->group->nranks, cuts = c->algorithm->cuts(c->group);
    const uint64_t grain = 16 / c->type_bytes;
    return a->lane == b->lane && a->after == b->after && a->nrecv == b->nrecv && a->nsend == b->nsend &&
           peers_follow(a->recv_from, b->recv_from, a->nrecv, shift, n) && peers_follow(a->send_to, b->send_to, a->nsend, shift, n) &&
           apart(step_elements(a, c->count, c->type_bytes, cuts), step_elements(b, c->count, c->type_bytes, cuts)) <= grain;
}

static bool plan_follows(const struct cost_setup *c, int rank, int shift)
{
    const int n = c->group->nranks;
    struct plan a, b;
    if (plan_build(&a, c->algorithm, c->group, rank) != RB_OK)
        return false;
    if (plan_build(&b, c->algorithm, c->group, (rank + shift) % n) != RB_OK) {
        plan_free(&a);
        return false;
    }
    schedule_slots(&a);
    schedule_slots(&b);
    bool same = a.nsteps == b.nsteps;
    for (int i = 0; same && i < a.nsteps; i++)
        same = step_follows(c, &a.steps[i], &b.steps[i], shift);
    plan_free(&a);
    plan_free(&b);
    return same;
}

/* A chunk that is empty on one rank and not on another would break the symmetry: chunks must have a few grains. */
bool cost_folds(const struct cost_setup *c, int period)
{
    const int n = c->group->nranks, cuts = c->algorithm->cuts(c->group);
    if (period <= 0 || n % period != 0 || c->count * c->type_bytes / 16 < (uint64_t)cuts)
        return false;
    const int some[] = { 0, period - 1 }, shifts[] = { period, n / period / 2 * period, n - period };
    for (size_t i = 0; i < RB_LEN(some); i++)
        for (size_t k = 0; k < RB_LEN(shifts); k++)
            if (!plan_follows(c, some[i], shifts[k]))
                return false;
    return true;
}

/* --- a port a rank --- */

struct ports {
    struct cost_links links;
};

static void port_route(const void *context, int from, int to, struct flow_path *path)
{
    const struct ports *p = context;
    *path = (struct flow_path){ .n = 2, .links = { 2 * from, 2 * to + 1 }, .latency = p->links.alpha };
}

static void port_work(const void *context, int rank, struct flow_path *path)
{
    (void)rank;
    *path = (struct flow_path){ .cap = 1 / ((const struct ports *)context)->links.reduce };
}

double cost_of(const struct algorithm *a, const struct group *g, const struct plan *plans, uint64_t count, size_t type_bytes,
               uint64_t piece_bytes, const struct cost_links *links)
{
    const struct ports ports = { *links };
    const size_t n = 2 * (size_t)g->nranks;
    double *rates = rb_malloc(n * sizeof *rates);
    for (size_t i = 0; i < n; i++)
        rates[i] = links->rate;
    const struct cost_network network = { &ports, (int)n, rates, port_route, links->reduce > 0 ? port_work : NULL };
    const struct cost_setup setup = { .algorithm = a, .group = g, .plans = plans, .count = count, .type_bytes = type_bytes,
                                      .piece_bytes = piece_bytes, .network = &network };
    struct cost_result result;
    const int rc = cost_run(&setup, &result);
    free(rates);
    return rc == RB_OK ? result.seconds : NAN;
}
