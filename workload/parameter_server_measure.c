#include "workload/parameter_server_measure.h"

#include "collectives/async_proof.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>

/* What a rank computes with. */
struct desk {
    const struct server_case *c;
    uint64_t count;
    int rank;
    struct async_proof proof;
    uint64_t begun_ns, until_ns; /* of the run; of the iteration at work, 0: none */
    uint64_t slices;             /* of products, that are left of the iteration */
    double target_sec;
    uint32_t target_iterations;
    uint64_t digest;
};

static void look_at_loss(struct desk *d, uint32_t iteration, const double *weights)
{
    if (isfinite(d->target_sec) || problem_loss(d->c->problem, weights) > PROBLEM_TARGET)
        return;
    d->target_sec = (double)(clock_ns() - d->begun_ns) * 1e-9;
    d->target_iterations = iteration;
}

/* A slice is a fraction of a millisecond even of a slow processor. */
static const struct matmul product = { 256, 256, 256 };
enum { SLICE_COLUMNS = 32 };

static uint64_t slices_of(const struct desk *d, double sec)
{
    const double flop = 2.0 * product.m * product.k * SLICE_COLUMNS;
    return (uint64_t)ceil(sec * d->c->compute->flops / flop);
}

static void begin(struct desk *d, uint32_t iteration, const void *weights, void *gradient)
{
    const uint64_t now = clock_ns();
    const double takes = d->c->compute_sec * (d->rank == 0 ? d->c->slow_factor : 1);
    if (d->begun_ns == 0)
        d->begun_ns = now;
    d->until_ns = d->c->compute != NULL ? now : now + (uint64_t)(takes * 1e9);
    d->slices = d->c->compute != NULL ? slices_of(d, takes) : 0;
    if (d->c->problem == NULL) {
        async_proof_gradient(&d->proof, iteration, d->count, gradient);
        return;
    }
    look_at_loss(d, iteration, weights);
    problem_push(d->c->problem, d->rank, iteration, weights, gradient);
}

static bool compute(void *context, uint32_t iteration, const void *weights, void *gradient)
{
    struct desk *d = context;
    if (d->until_ns == 0)
        begin(d, iteration, weights, gradient);
    if (d->slices > 0) {
        d->c->compute->ops->gemm(d->c->compute, &product, (int)(d->slices % (256 / SLICE_COLUMNS)) * SLICE_COLUMNS, SLICE_COLUMNS);
        d->slices--;
    }
    if (d->slices > 0 || clock_ns() < d->until_ns)
        return false;
    d->until_ns = 0;
    return true;
}

static bool check(void *context, const struct async_block *b, char why[ASYNC_WHY])
{
    struct desk *d = context;
    if (d->c->problem == NULL)
        return async_proof_check(&d->proof, b, why);
    d->digest = problem_digest(d->digest, b->data, b->count); /* a server only looks at its weights once, at the end */
    return true;
}

/* --- all ranks --- */

struct seen {
    struct async_facts facts;
    double target_sec;
    uint32_t target_iterations;
    uint64_t digest;
};

static void add_server(struct server_outcome *o, const struct seen *s)
{
    const double bytes = (double)s->facts.pushed_bytes + (double)s->facts.pulled_bytes;
    o->server_bytes = fmax(o->server_bytes, bytes);
    o->digest = o->digest == 0 ? s->digest : o->digest * 31 + s->digest;
}

static void add_worker(struct server_outcome *o, const struct seen *s)
{
    const struct async_facts *f = &s->facts;
    o->seconds = fmax(o->seconds, f->seconds);
    o->per_sec += f->iterations / f->seconds;
    o->compute_sec += f->compute_sec / f->iterations / o->workers;
    o->roundtrip_sec += f->roundtrip_sec / o->workers;
    o->answers += f->answers;
    o->blocks_checked += f->blocks_checked;
    for (int i = 0; i < ASYNC_STALENESS_BINS; i++)
        o->staleness[i] += f->staleness[i];
    o->stalest = f->stalest > o->stalest ? f->stalest : o->stalest;
    o->mean_staleness += f->mean_staleness / o->workers;
    if (isfinite(s->target_sec) && !(o->target_sec <= s->target_sec)) {
        o->target_sec = s->target_sec;
        o->target_iterations = s->target_iterations;
    }
}

static void sum_up(const struct seen *all, int nranks, struct server_outcome *o)
{
    double spent = 0, computed = 0;
    uint64_t servers_with_work = 0;
    for (int r = 0; r < nranks; r++) {
        if (all[r].facts.server) {
            add_server(o, &all[r]);
            servers_with_work += all[r].facts.pushed_bytes > 0;
            continue;
        }
        add_worker(o, &all[r]);
        spent += all[r].facts.seconds;
        computed += all[r].facts.compute_sec;
    }
    o->waiting = 1 - computed / spent;
    o->passed_over = (uint64_t)o->workers * o->of.iterations * servers_with_work - o->answers;
}

int server_measure(struct job *job, struct comm *comm, const struct server_case *c, struct server_outcome *outcome_p)
{
    const enum rb_type type = c->problem != NULL ? TYPE_DOUBLE : TYPE_UINT32;
    const uint64_t fits = c->bytes / type_bytes(type), count = c->problem != NULL ? PROBLEM_DIMENSIONS : fits > 0 ? fits : 1;
    const struct async_config config = { .servers = c->servers, .count = count, .type = type, .staleness = c->staleness, .iterations = c->iterations };
    struct desk desk = { .c = c, .count = count, .rank = job->rank, .proof = { .seed = 20, .self = job->rank, .whole = c->whole }, .target_sec = NAN,
                         .digest = PROBLEM_DIGEST };
    const struct async_work work = { &desk, compute, check };
    struct seen mine = {0}, *all = rb_calloc((size_t)job->nranks, sizeof *all);
    int rc = async_run(comm, &config, &work, &mine.facts);
    mine.target_sec = desk.target_sec;
    mine.target_iterations = desk.target_iterations;
    mine.digest = desk.digest;
    if (rc == RB_OK)
        rc = job_allgather(job, &mine, all, sizeof mine);
    if (rc == RB_OK) {
        *outcome_p = (struct server_outcome){ .of = *c, .workers = async_workers(job, &config), .target_sec = NAN };
        sum_up(all, job->nranks, outcome_p);
    }
    free(all);
    return rc;
}
