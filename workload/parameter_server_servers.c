#include "workload/parameter_server_servers.h"

#include "collectives/prove.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "workload/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 9, WARM = 2, SMALL = 4 << 10, ESTIMATE_PIECES = 16 };

static const char ring[] = "ring_all_reduce", dedicated[] = "parameter_server_dedicated", colocated[] = "parameter_server_colocated";

static struct group group_of(const struct servers_row *r)
{
    return (struct group){ .nranks = r->ranks, .servers = r->servers > 0 ? r->servers : 1 };
}

static int most_senders(const uint64_t *edges, int n)
{
    int most = 0;
    for (int to = 0; to < n; to++) {
        int senders = 0;
        for (int from = 0; from < n; from++)
            senders += edges[from * n + to] > 0;
        most = senders > most ? senders : most;
    }
    return most;
}

int servers_count(struct servers_row *row)
{
    const struct group g = group_of(row);
    struct plan *plans;
    RB_TRY(plans_build(&plans, row->algorithm, &g, false));
    uint64_t *edges = rb_calloc((size_t)g.nranks * (size_t)g.nranks, sizeof *edges);
    schedule_edges(row->algorithm, &g, plans, row->bytes / sizeof(float), sizeof(float), edges);
    const struct traffic t = traffic_sum(edges, g.nranks);
    row->total = t.total;
    row->egress = t.egress;
    row->ingress = t.ingress;
    row->incast = most_senders(edges, g.nranks);
    free(edges);
    plans_free(plans, g.nranks);
    return RB_OK;
}

double servers_estimate(const struct servers_row *row, const struct cost_links *links)
{
    const struct group g = group_of(row);
    return cost_of(row->algorithm, &g, NULL, row->bytes / sizeof(float), sizeof(float), row->bytes / ESTIMATE_PIECES, links);
}

/* --- measured --- */

static int time_call(struct job *job, struct comm *comm, struct operation *op, const void *in, void *out, double *sec_p)
{
    double sec[SAMPLES];
    for (int i = -WARM; i < SAMPLES; i++) {
        RB_TRY(comm_barrier(comm));
        const double start = clock_sec();
        RB_TRY(operation_run(op, in, out));
        sec[i > 0 ? i : 0] = clock_sec() - start;
    }
    RB_TRY(job_reduce(job, sec, SAMPLES, JOB_MAX));
    *sec_p = samples_median(sec, SAMPLES);
    return RB_OK;
}

/* Median over calls of the slowest rank. buffers: two, for in and out. */
static int measure(struct job *job, struct comm *comm, const struct servers_row *row, void *const buffers[2], double *sec_p)
{
    const struct call call = { .algorithm = row->algorithm, .group = group_of(row), .count = row->bytes / sizeof(float), .type = TYPE_FLOAT, .op = OP_SUM };
    struct operation *op;
    RB_TRY(comm_prepare(comm, &call, &op));
    const int rc = time_call(job, comm, op, buffers[0], buffers[1], sec_p);
    operation_free(op);
    return rc;
}

/* t = 2 (n-1) (alpha + S / (n rate)) at two sizes; Patarasu and Yuan, JPDC 69, 2009. */
static int fit_ring(struct job *job, struct comm *comm, void *const buffers[2], struct servers_study *s, uint64_t bytes)
{
    const int n = job->nranks;
    s->ring_bytes[0] = SMALL;
    s->ring_bytes[1] = bytes;
    for (int i = 0; i < 2; i++) {
        const struct servers_row row = { .algorithm = algorithm_find(ring), .workers = n, .ranks = n, .bytes = s->ring_bytes[i] };
        RB_TRY(measure(job, comm, &row, buffers, &s->ring_sec[i]));
    }
    const double hops = 2 * (n - 1), slope = fmax(s->ring_sec[1] - s->ring_sec[0], 1e-9) / (double)(s->ring_bytes[1] - s->ring_bytes[0]);
    s->links = (struct cost_links){ .rate = hops / n / slope };
    s->links.alpha = fmax(s->ring_sec[0] / hops - SMALL / (n * s->links.rate), 0);
    return RB_OK;
}

/* --- rows --- */

static int add_row(struct servers_study *s, const char *algorithm, int workers, int servers, uint64_t bytes)
{
    struct servers_row *r = &s->rows[s->nrows++];
    *r = (struct servers_row){ .algorithm = algorithm_find(algorithm), .workers = workers, .servers = servers, .ranks = workers, .bytes = bytes,
                               .measured_sec = NAN, .estimated_sec = NAN };
    if (strcmp(algorithm, dedicated) == 0)
        r->ranks += servers;
    return servers_count(r);
}

static int add_all(struct servers_study *s, uint64_t bytes)
{
    s->rows = rb_calloc(SERVERS_MOST, sizeof *s->rows);
    for (int workers = 2; workers <= SERVERS_WORKERS; workers++) {
        RB_TRY(add_row(s, ring, workers, 0, bytes));
        for (int k = 1; k <= workers; k++) {
            RB_TRY(add_row(s, dedicated, workers, k, bytes));
            RB_TRY(add_row(s, colocated, workers, k, bytes));
        }
    }
    return RB_OK;
}

/* Rank 0 estimates for all. */
static int estimate_all(struct job *job, struct servers_study *s)
{
    double *sec = rb_calloc(s->nrows, sizeof *sec);
    for (size_t i = 0; job->rank == 0 && i < s->nrows; i++)
        sec[i] = servers_estimate(&s->rows[i], &s->links);
    const int rc = job_broadcast(job, sec, s->nrows * sizeof *sec, 0);
    for (size_t i = 0; rc == RB_OK && i < s->nrows; i++)
        s->rows[i].estimated_sec = sec[i];
    free(sec);
    return rc;
}

static int fill(struct job *job, struct comm *comm, void *const buffers[2], uint64_t bytes, struct servers_study *s)
{
    RB_TRY(fit_ring(job, comm, buffers, s, bytes));
    RB_TRY(add_all(s, bytes));
    for (size_t i = 0; i < s->nrows; i++)
        if (s->rows[i].ranks == job->nranks)
            RB_TRY(measure(job, comm, &s->rows[i], buffers, &s->rows[i].measured_sec));
    return estimate_all(job, s);
}

int servers_study(struct job *job, struct comm *comm, uint64_t bytes, struct servers_study *study_p)
{
    void *buffers[2];
    struct servers_study s = { .nodes = job->nnodes };
    for (int i = 0; i < 2; i++)
        RB_TRY(comm_allocate(comm, bytes, &buffers[i]));
    int rc = fill(job, comm, buffers, bytes, &s);
    if (rc == RB_ETIMEOUT)
        return rc; /* the communicator is broken: nothing of it can be given back */
    for (int i = 0; i < 2; i++)
        comm_release(comm, buffers[i]);
    if (rc != RB_OK)
        servers_free(&s);
    else
        *study_p = s;
    return rc;
}

void servers_free(struct servers_study *s)
{
    free(s->rows);
    s->rows = NULL;
    s->nrows = 0;
}

const struct servers_row *servers_find(const struct servers_study *s, const char *algorithm, int workers, int servers)
{
    for (size_t i = 0; i < s->nrows; i++) {
        const struct servers_row *r = &s->rows[i];
        if (r->workers == workers && r->servers == servers && strcmp(r->algorithm->name, algorithm) == 0)
            return r;
    }
    return NULL;
}
