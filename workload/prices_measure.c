#include "workload/prices_measure.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "workload/model.h"
#include "workload/play.h"
#include "workload/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 9, PLACES = 4, UPDATED = 4 << 20, COPIED = 16 << 20, SHARE_COUNT = 8 << 20, SHARE_PRODUCTS = 8 };
static const double LEAST_SEC = 300e-6; /* shorter ones are repeated within a sample */

struct work {
    struct compute *compute;
    struct matmul gemm;
    int (*once)(struct work *w);
};

static int once_gemm(struct work *w)
{
    return compute_gemm(w->compute, &w->gemm, NULL, NULL);
}

static int once_update(struct work *w)
{
    return compute_update(w->compute, UPDATED, NULL, NULL);
}

static int once_copy(struct work *w)
{
    return compute_copy(w->compute, COPIED, NULL, NULL);
}

static int timed(struct work *w, struct comm *all, int repeats, double *sec_p)
{
    RB_TRY(comm_barrier(all));
    const double start = clock_sec();
    for (int i = 0; i < repeats; i++)
        RB_TRY(w->once(w));
    *sec_p = (clock_sec() - start) / repeats;
    return RB_OK;
}

static int measure_work(struct work *w, struct job *world, struct comm *all, double *sec_p)
{
    double sec[SAMPLES], first = 0;
    RB_TRY(timed(w, all, 1, &first));
    RB_TRY(timed(w, all, 1, &first));
    RB_TRY(job_reduce(world, &first, 1, JOB_MAX));
    const int repeats = first < LEAST_SEC ? (int)(LEAST_SEC / first) + 1 : 1;
    for (int i = 0; i < SAMPLES; i++)
        RB_TRY(timed(w, all, repeats, &sec[i]));
    RB_TRY(job_reduce(world, sec, SAMPLES, JOB_MAX));
    *sec_p = samples_median(sec, SAMPLES);
    return RB_OK;
}

int measure_gemm(struct compute *c, struct job *world, struct comm *all, const struct matmul *g, double *sec_p)
{
    struct work w = { .compute = c, .gemm = *g, .once = once_gemm };
    return measure_work(&w, world, all, sec_p);
}

int measure_update(struct compute *c, struct job *world, struct comm *all, double *sec_per_element_p)
{
    struct work w = { .compute = c, .once = once_update };
    double sec;
    RB_TRY(measure_work(&w, world, all, &sec));
    *sec_per_element_p = sec / UPDATED;
    return RB_OK;
}

int measure_copy(struct compute *c, struct job *world, struct comm *all, double *sec_per_byte_p)
{
    struct work w = { .compute = c, .once = once_copy };
    double sec;
    RB_TRY(measure_work(&w, world, all, &sec));
    *sec_per_byte_p = sec / COPIED;
    return RB_OK;
}

/* One sample on this rank; how often it is repeated follows from what all ranks know. */
static int turn(struct work *w, struct comm *all, double piece_sec, double pieces, double *sec_p)
{
    const double once = piece_sec * pieces;
    RB_TRY(timed(w, all, once < LEAST_SEC ? (int)(LEAST_SEC / once) + 1 : 1, sec_p));
    *sec_p /= pieces;
    return RB_OK;
}

static void keep(struct price_work *w, double sec)
{
    if (w->nturns < PRICE_TURNS)
        w->turns[w->nturns++] = sec;
}

int prices_turn(struct prices *p, struct groups *g, struct compute *c)
{
    double *sec = rb_calloc(p->ngemms + 2, sizeof *sec);
    struct work w = { .compute = c, .once = once_gemm };
    int rc = RB_OK;
    for (size_t i = 0; rc == RB_OK && i < p->ngemms; i++) {
        w.gemm = p->gemms[i].gemm;
        rc = turn(&w, g->all, p->gemms[i].work.sec, 1, &sec[i]);
    }
    w.once = once_update;
    if (rc == RB_OK && p->update.sec > 0)
        rc = turn(&w, g->all, p->update.sec, UPDATED, &sec[p->ngemms]);
    w.once = once_copy;
    if (rc == RB_OK && p->copy.sec > 0)
        rc = turn(&w, g->all, p->copy.sec, COPIED, &sec[p->ngemms + 1]);
    if (rc == RB_OK)
        rc = job_reduce(g->world, sec, p->ngemms + 2, JOB_MAX);
    for (size_t i = 0; i < p->ngemms; i++)
        keep(&p->gemms[i].work, sec[i]);
    if (p->update.sec > 0)
        keep(&p->update, sec[p->ngemms]);
    if (p->copy.sec > 0)
        keep(&p->copy, sec[p->ngemms + 1]);
    free(sec);
    return rc;
}

/* --- calls --- */

struct range {
    char *memory;
    size_t stride; /* of a place for in and out */
};

static int call_once(struct operation *op, const struct range *m, int turn, struct comm *all, double *sec_p)
{
    const struct operation_facts *f = operation_facts(op);
    char *in = m->memory + (size_t)(turn % PLACES) * m->stride;
    char *out = in + (f->in_elements * MODEL_BYTES + 4095) / 4096 * 4096;
    RB_TRY(comm_barrier(all));
    const double start = clock_sec();
    RB_TRY(operation_run(op, in, out));
    *sec_p = clock_sec() - start;
    return RB_OK;
}

static int measure_size(struct price_call *k, int i, const struct program_call *c, struct groups *g, const struct range *m)
{
    const uint64_t count = (uint64_t)(k->bytes[i] / MODEL_BYTES);
    const struct call call = { .algorithm = c->algorithm, .count = count, .type = TYPE_FLOAT, .op = OP_SUM,
                               .group = { .nranks = k->ranks, .root = c->root, .servers = 1 } };
    struct operation *op;
    double sec[SAMPLES + 2];
    RB_TRY(comm_prepare(g->comms[c->axis], &call, &op));
    int rc = RB_OK;
    for (int s = 0; rc == RB_OK && s < SAMPLES + 2; s++)
        rc = call_once(op, m, s, g->all, &sec[s]);
    operation_free(op);
    RB_TRY(rc);
    RB_TRY(job_reduce(g->world, sec, SAMPLES + 2, JOB_MAX));
    k->sec[i] = samples_median(sec + 2, SAMPLES);
    return RB_OK;
}

static void fit_call(struct price_call *k)
{
    double x[PRICE_SIZES], us[PRICE_SIZES];
    for (int i = 0; i < PRICE_SIZES; i++) { /* ascending */
        x[i] = k->bytes[PRICE_SIZES - 1 - i];
        us[i] = k->sec[PRICE_SIZES - 1 - i] * 1e6;
    }
    size_t n = 1;
    for (size_t i = 1; i < PRICE_SIZES; i++) /* very small ones are rounded together */
        if (x[i] > x[n - 1]) {
            x[n] = x[i];
            us[n++] = us[i];
        }
    fit_points(&k->fit, x, us, NULL, n);
}

int measure_call(struct price_call *k, const struct program_call *c, struct groups *g)
{
    double most = fmax(k->to_bytes, 4096);
    for (int i = 0; i < PRICE_SIZES; i++) {
        k->bytes[i] = fmax(floor(most / MODEL_BYTES), 1) * MODEL_BYTES;
        most /= 4;
    }
    k->to_bytes = k->bytes[0];
    struct range m = { .stride = ((size_t)k->bytes[0] * (size_t)k->ranks + 4096) * 2 };
    void *memory;
    RB_TRY(comm_allocate(g->comms[c->axis], m.stride * PLACES, &memory));
    memset(memory, 0, m.stride * PLACES);
    m.memory = memory;
    int rc = RB_OK;
    for (int i = 0; rc == RB_OK && i < PRICE_SIZES; i++)
        rc = measure_size(k, i, c, g, &m);
    if (rc == RB_OK)
        rc = comm_release(g->comms[c->axis], memory);
    if (rc == RB_OK)
        fit_call(k);
    return rc;
}

/* --- overlap --- */

/* A call that begins before products of about its own length and is waited for behind them. */
static int play_share(struct player *p, struct job *world, double *share_p)
{
    double sec[PLAY_MODES][SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        for (int mode = 0; mode < PLAY_MODES; mode++)
            RB_TRY(player_step(p, (enum play_mode)mode, &sec[mode][i]));
    RB_TRY(job_reduce(world, &sec[0][0], (size_t)PLAY_MODES * SAMPLES, JOB_MAX));
    const double both = samples_median(sec[PLAY_ALL], SAMPLES), compute = samples_median(sec[PLAY_COMPUTE], SAMPLES);
    *share_p = fmin(fmax((both - compute) / samples_median(sec[PLAY_CALLS], SAMPLES), 0), 1.5);
    return RB_OK;
}

int measure_core_share(struct compute *c, struct job *world, struct comm *all, double *share_p)
{
    const struct grid grid = grid_make(1, world->nranks, 1);
    const struct comm_config unused = {0};
    struct groups g;
    struct program *programs = rb_calloc((size_t)world->nranks, sizeof *programs);
    struct player *player = NULL;
    *share_p = 1;
    int rc = groups_open(&g, &grid, world, all, &unused);
    for (int r = 0; r < world->nranks; r++) {
        programs[r] = (struct program){ .grid = &grid, .rank = r };
        const int call = program_start(&programs[r], AXIS_DATA, COLLECTIVE_ALL_REDUCE, SHARE_COUNT, 0);
        for (int i = 0; i < SHARE_PRODUCTS; i++)
            program_gemm(&programs[r], 64, 1024, 512);
        program_wait(&programs[r], call);
    }
    if (rc == RB_OK && world->nranks > 1)
        rc = player_open(&player, programs, &g, c);
    if (rc == RB_OK && world->nranks > 1)
        rc = play_share(player, world, share_p);
    player_close(player);
    for (int r = 0; r < world->nranks; r++)
        program_free(&programs[r]);
    free(programs);
    groups_close(&g);
    return rc;
}
