#include "workload/prices.h"

#include "core/error.h"
#include "core/text.h"
#include "workload/hand_over.h"
#include "workload/model.h"
#include "workload/prices_measure.h"
#include "workload/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Hand-overs cost the same in both directions. */
static const struct algorithm *kind_of(const struct algorithm *a)
{
    return is_hand_over(a) ? &hand_over_next : a;
}

static struct price_call *find_call(const struct prices *p, const struct grid *grid, const struct program_call *c)
{
    const int ranks = grid->size[c->axis], groups = grid->size[AXIS_ALL] / ranks;
    for (size_t i = 0; i < p->ncalls; i++)
        if (p->calls[i].algorithm == kind_of(c->algorithm) && p->calls[i].ranks == ranks && p->calls[i].groups == groups)
            return &p->calls[i];
    return NULL;
}

static double *find_gemm(const struct prices *p, const struct matmul *g)
{
    for (size_t i = 0; i < p->ngemms; i++)
        if (memcmp(&p->gemms[i].gemm, g, sizeof *g) == 0)
            return &p->gemms[i].work.sec;
    return NULL;
}

double price_of_gemm(const struct prices *p, const struct matmul *g)
{
    const double *sec = find_gemm(p, g);
    return sec != NULL ? *sec : NAN;
}

double price_of_call(const struct prices *p, const struct grid *grid, const struct program_call *c, uint64_t count)
{
    const struct price_call *k = find_call(p, grid, c);
    const double bytes = (double)count * (p->element_bytes > 0 ? p->element_bytes : MODEL_BYTES);
    const struct fit *fit = k == NULL ? NULL : k->from_run ? k->run : &k->fit;
    if (fit == NULL)
        return NAN;
    return fit->refused[0] != '\0' ? NAN : fit_predict(fit, bytes * k->wire).us * 1e-6;
}

/* --- what is needed --- */

static int add_gemm(struct prices *p, const struct matmul *g, struct groups *groups, struct compute *c)
{
    double sec;
    RB_TRY(measure_gemm(c, groups->world, groups->all, g, &sec));
    p->gemms = rb_realloc(p->gemms, (p->ngemms + 1) * sizeof *p->gemms);
    p->gemms[p->ngemms++] = (struct price_gemm){ .gemm = *g, .work.sec = sec };
    return RB_OK;
}

static int price_actions(struct prices *p, const struct program *program, struct groups *groups, struct compute *c)
{
    for (size_t i = 0; i < program->nactions; i++) {
        const struct action *a = &program->actions[i];
        if (a->kind == ACTION_GEMM && find_gemm(p, &a->gemm) == NULL)
            RB_TRY(add_gemm(p, &a->gemm, groups, c));
        if (a->kind == ACTION_UPDATE && p->update.sec == 0)
            RB_TRY(measure_update(c, groups->world, groups->all, &p->update.sec));
        if (a->kind == ACTION_COPY && p->copy.sec == 0)
            RB_TRY(measure_copy(c, groups->world, groups->all, &p->copy.sec));
    }
    return RB_OK;
}

/* The largest block that any rank moves in such a call. */
static double largest(const struct program *programs, const struct grid *grid, const struct program_call *like)
{
    uint64_t most = 0;
    for (int r = 0; r < grid->size[AXIS_ALL]; r++)
        for (size_t i = 0; i < programs[r].ncalls; i++) {
            const struct program_call *c = &programs[r].calls[i];
            if (c->axis == like->axis && kind_of(c->algorithm) == kind_of(like->algorithm))
                most = c->count > most ? c->count : most;
        }
    return (double)most * MODEL_BYTES;
}

/* The run has measured it: ring, over all ranks, out of place, floats summed, over the same transport. */
static const struct fit *run_fit(const struct fits *fits, const struct program_call *c, struct groups *g)
{
    for (size_t i = 0; fits != NULL && i < fits->count; i++) {
        const struct record_case *k = &fits->list[i].curve;
        const char *collective = algorithm_means(c->algorithm)->name;
        if (strcmp(k->collective, collective) == 0 && strcmp(k->algorithm, c->algorithm->family) == 0 && k->baseline[0] == '\0' && !k->in_place &&
            strcmp(k->transport, comm_transport(g->all)) == 0 && strcmp(k->type, "float") == 0 && k->ranks == g->world->nranks &&
            k->label[0] == '\0' && k->root <= 0 && fits->list[i].refused[0] == '\0' &&
            (strcmp(k->op, "sum") == 0 || strcmp(k->op, "none") == 0 || k->op[0] == '\0'))
            return &fits->list[i];
    }
    return NULL;
}

/* Bytes on the wire of the busiest rank for a byte of a block. */
static double wire_of(const struct program_call *c, int ranks)
{
    const struct group g = { .nranks = ranks, .root = c->root, .servers = 1 };
    const struct collective *means = algorithm_means(c->algorithm);
    return means->bus_factor(&g) * means->size_blocks(&g);
}

/* Only rank 0 has the run's records; all must take the same way. */
static int ask_run(struct price_call *k, const struct program_call *c, struct groups *g, const struct fits *fits)
{
    double found = 0;
    k->run = k->ranks == g->world->nranks && !is_hand_over(c->algorithm) ? run_fit(fits, c, g) : NULL;
    found = k->run != NULL;
    RB_TRY(job_broadcast(g->world, &found, sizeof found, 0));
    k->from_run = found > 0;
    k->wire = k->from_run ? wire_of(c, k->ranks) : 1;
    return RB_OK;
}

static int price_call(struct prices *p, const struct program *programs, const struct program_call *c, struct groups *g, const struct fits *fits)
{
    const int ranks = g->grid.size[c->axis];
    const double most = largest(programs, &g->grid, c);
    struct price_call *k = find_call(p, &g->grid, c);
    if (k != NULL && (k->from_run || k->to_bytes >= most / 2))
        return RB_OK;
    if (k == NULL) {
        p->calls = rb_realloc(p->calls, (p->ncalls + 1) * sizeof *p->calls);
        k = &p->calls[p->ncalls++];
        *k = (struct price_call){ .algorithm = kind_of(c->algorithm), .ranks = ranks, .groups = g->grid.size[AXIS_ALL] / ranks, .wire = 1 };
        RB_TRY(ask_run(k, c, g, fits));
    } else {
        fit_free(&k->fit); /* larger ones are asked for: measured anew */
    }
    if (k->from_run)
        return RB_OK;
    k->to_bytes = most;
    return measure_call(k, c, g);
}

int prices_measure(struct prices *p, const struct program *programs, struct groups *g, struct compute *c, const struct fits *fits)
{
    if (p->ncalls == 0 && p->core_share == 0)
        p->core_share = NAN;
    p->ngemms = 0; /* again for each workload: a processor's speed wanders more than a call's */
    p->update = p->copy = (struct price_work){0};
    for (int r = 0; r < g->world->nranks; r++) {
        RB_TRY(price_actions(p, &programs[r], g, c));
        for (size_t i = 0; i < programs[r].ncalls; i++)
            RB_TRY(price_call(p, programs, &programs[r].calls[i], g, fits));
    }
    if (isnan(p->core_share))
        RB_TRY(measure_core_share(c, g->world, g->all, &p->core_share));
    return RB_OK;
}

static void settle(struct price_work *w)
{
    if (w->nturns > 0)
        w->sec = samples_median(w->turns, w->nturns);
}

void prices_settle(struct prices *p)
{
    for (size_t i = 0; i < p->ngemms; i++)
        settle(&p->gemms[i].work);
    settle(&p->update);
    settle(&p->copy);
}

void prices_free(struct prices *p)
{
    for (size_t i = 0; i < p->ncalls; i++)
        fit_free(&p->calls[i].fit);
    free(p->gemms);
    free(p->calls);
    *p = (struct prices){0};
}
