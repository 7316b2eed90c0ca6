#include "bench/pairs.h"

#include "bench/pairs_plans.h"
#include "bench/pairs_print.h"
#include "bench/stats.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE = 4 << 20, PLACES = 4, PINGS = 300, TRANSFERS = 15 };

size_t pairs_region(void)
{
    return (size_t)PLACES * 2 * MESSAGE;
}

/* One figure: median over the samples of the slowest of the two. */
static int time_plan(struct session *s, struct operation *op, size_t samples, double *sec_p)
{
    double *sec = rb_calloc(samples, sizeof *sec);
    struct comm *comm = s->channels[0].comm;
    int rc = RB_OK;
    for (size_t i = 0; rc == RB_OK && i < samples + 2; i++) { /* two to warm up */
        char *in = s->region + i % PLACES * 2 * MESSAGE;
        heartbeat_beat(s->heartbeat);
        rc = comm_barrier(comm);
        const uint64_t start = clock_ns();
        if (rc == RB_OK)
            rc = operation_run(op, in, in + MESSAGE);
        sec[i < 2 ? 0 : i - 2] = (double)(clock_ns() - start) * 1e-9;
    }
    if (rc == RB_OK)
        rc = job_reduce(s->job, sec, samples, JOB_MAX);
    struct stats stats;
    stats_of(&stats, sec, samples);
    *sec_p = stats.median;
    free(sec);
    return rc;
}

/* The message must arrive as it was sent. */
static int check_plan(struct session *s, struct operation *op, int from, int to, size_t bytes)
{
    const struct comm *comm = s->channels[0].comm;
    char *in = s->region, *out = in + MESSAGE;
    unsigned char *host = rb_calloc(1, bytes);
    int rc = comm_copy(comm, out, host, bytes);
    memset(host, s->job->rank + 1, bytes);
    rc = rc == RB_OK ? comm_copy(comm, in, host, bytes) : rc;
    rc = rc == RB_OK ? comm_barrier(s->channels[0].comm) : rc;
    rc = rc == RB_OK ? operation_run(op, in, out) : rc;
    rc = rc == RB_OK ? comm_copy(comm, host, out, bytes) : rc;
    const unsigned char expected = (unsigned char)(from + 1);
    for (size_t i = 0; s->job->rank == to && rc == RB_OK && i < bytes; i++)
        if (host[i] != expected)
            rc = rb_fail(RB_EDATA, "from rank %d to rank %d: byte %zu of %zu arrived as %u, not %u", from, to, i, bytes, host[i], expected);
    free(host);
    return job_agree(s->job, rc);
}

static int measure_plan(struct session *s, const struct algorithm *a, const struct group *g, size_t bytes, double *sec_p)
{
    struct operation *op;
    const struct call call = { .algorithm = a, .group = *g, .count = bytes / 4, .type = TYPE_FLOAT, .op = OP_SUM };
    RB_TRY(comm_prepare(s->channels[0].comm, &call, &op));
    const bool checked = s->settings->check > 0 && a == &pair_one_way && strcmp(comm_transport(s->channels[0].comm), "null") != 0;
    int rc = checked ? check_plan(s, op, g->ring[0], g->ring[1], bytes) : RB_OK;
    if (rc == RB_OK)
        rc = time_plan(s, op, bytes > 64 ? TRANSFERS : PINGS, sec_p);
    operation_free(op);
    return rc;
}

/* The pair at positions 0 and 1, everybody else behind. */
static void ring_of(int *ring, int nranks, int from, int to)
{
    int n = 0;
    ring[n++] = from;
    ring[n++] = to;
    for (int r = 0; r < nranks; r++)
        if (r != from && r != to)
            ring[n++] = r;
}

static int measure_pair(struct session *s, struct record_pair *p)
{
    int *ring = rb_malloc((size_t)s->job->nranks * sizeof *ring);
    ring_of(ring, s->job->nranks, p->from, p->to);
    const struct group g = { .nranks = s->job->nranks, .servers = 1, .ring = ring };
    double latency = 0, one = 0, both = 0;
    int rc = measure_plan(s, &pair_ping_pong, &g, 4, &latency);
    if (rc == RB_OK)
        rc = measure_plan(s, &pair_one_way, &g, MESSAGE, &one);
    if (rc == RB_OK)
        rc = measure_plan(s, &pair_both_ways, &g, MESSAGE, &both);
    p->latency_us = latency / 2 * 1e6;
    p->one_way_GBps = MESSAGE / one * 1e-9;
    p->both_ways_GBps = 2.0 * MESSAGE / both * 1e-9;
    snprintf(p->transport, sizeof p->transport, "%s", comm_transport(s->channels[0].comm));
    free(ring);
    return rc;
}

static const struct figure {
    const char *name;
    size_t offset;
    bool less_is_better;
} figures[] = {
    { "latency", offsetof(struct record_pair, latency_us), true },
    { "one way", offsetof(struct record_pair, one_way_GBps), false },
    { "both ways", offsetof(struct record_pair, both_ways_GBps), false },
};

static double value_of(const struct record_pair *p, const struct figure *f)
{
    return *(const double *)((const char *)p + f->offset);
}

static void judge_figure(struct record_pair *pairs, size_t count, const struct figure *f, struct pairs_outlier *worst)
{
    double *values = rb_malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = value_of(&pairs[i], f);
    struct stats stats;
    stats_of(&stats, values, count);
    const double spread = stats_spread(values, count);
    for (size_t i = 0; i < count; i++) {
        const double excess = f->less_is_better ? values[i] - stats.median : stats.median - values[i];
        const double times = f->less_is_better ? values[i] / stats.median : stats.median / values[i];
        if (!(excess > 5 * spread) || !(excess > 0.25 * stats.median))
            continue;
        pairs[i].outlier = true;
        if (times > worst->times)
            *worst = (struct pairs_outlier){ .index = i, .figure = f->name, .times = times };
    }
    free(values);
}

void pairs_judge(struct record_pair *pairs, size_t count, struct pairs_outlier *worst)
{
    *worst = (struct pairs_outlier){ .index = count };
    for (size_t i = 0; i < RB_LEN(figures); i++)
        judge_figure(pairs, count, &figures[i], worst);
}

static int keep(struct session *s, struct store *store, struct record_pair *pairs, size_t count)
{
    struct pairs_outlier worst;
    pairs_judge(pairs, count, &worst);
    int rc = RB_OK;
    for (size_t i = 0; rc == RB_OK && i < count; i++)
        rc = store_add_pair(store, &pairs[i]);
    if (rc == RB_OK)
        rc = pairs_print(stdout, s->settings->format, pairs, count, &worst);
    if (rc == RB_OK && worst.index < count && s->job->nnodes > 1 && strcmp(s->settings->format, "table") == 0) {
        printf("# Outlier from host %s to host %s\n", s->hosts.of[pairs[worst.index].from].name, s->hosts.of[pairs[worst.index].to].name);
        fflush(stdout);
    }
    return rc;
}

int pairs_run(struct session *s, struct store *store)
{
    const int n = s->job->nranks;
    if (n < 2)
        return s->job->rank == 0 ? rb_fail(RB_EUSAGE, "--pairs needs two ranks: start them with mpirun -n 2") : RB_EUSAGE;
    struct record_pair *pairs = rb_calloc((size_t)n * (size_t)n, sizeof *pairs);
    size_t count = 0;
    int rc = RB_OK;
    heartbeat_phase(s->heartbeat, PHASE_PAIRS);
    for (int from = 0; rc == RB_OK && from < n; from++)
        for (int to = 0; rc == RB_OK && to < n; to++) {
            if (from == to)
                continue;
            pairs[count] = (struct record_pair){ .from = from, .to = to };
            rc = measure_pair(s, &pairs[count++]);
        }
    if (rc == RB_OK)
        rc = job_agree(s->job, s->job->rank == 0 ? keep(s, store, pairs, count) : RB_OK);
    free(pairs);
    return rc;
}
