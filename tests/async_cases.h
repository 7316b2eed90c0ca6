/* tests/async_cases.h - the asynchronous parameter server as every rank of a job plays it: rank functions for tests/ranks.h. */
#ifndef RB_TESTS_ASYNC_CASES_H
#define RB_TESTS_ASYNC_CASES_H

#include "collectives/async_proof.h"
#include "core/clock.h"
#include "core/error.h"
#include "tests/ranks.h"

#include <stdio.h>
#include <string.h>

struct async_case {
    int servers;
    uint64_t count;
    const char *staleness;
    uint32_t iterations;
    size_t slot_bytes;
    int slots;
    unsigned delay_seed;
    int delayed;           /* the one rank that is; 0: all */
    double compute_sec;
    int slow;              /* worker whose iterations take SLOWER times as long; -1: none */
    enum async_fault fault;
    double timeout_sec;
    int dies;              /* rank that is gone: a worker in its third iteration, a server when all begin; -1: none */
    const char *transport;
};

enum { SLOWER = 8 };

struct async_play {
    const struct async_case *c;
    struct async_proof proof;
    uint64_t until_ns; /* of the iteration that is computed; 0: none */
};

static inline bool async_case_compute(void *context, uint32_t iteration, const void *weights, void *gradient)
{
    struct async_play *p = context;
    (void)weights;
    if (p->until_ns == 0) {
        if (p->c->dies == p->proof.self && iteration == 2)
            _exit(0);
        const double sec = p->c->compute_sec * (p->c->slow == p->proof.self ? SLOWER : 1);
        p->until_ns = clock_ns() + (uint64_t)(sec * 1e9);
        async_proof_gradient(&p->proof, iteration, p->c->count, gradient);
    }
    if (clock_ns() < p->until_ns)
        return false;
    p->until_ns = 0;
    return true;
}

static inline bool async_case_check(void *context, const struct async_block *b, char why[ASYNC_WHY])
{
    struct async_play *p = context;
    return async_proof_check(&p->proof, b, why);
}

/* What must hold of any run that ended well. */
static inline int async_case_facts(const struct async_case *c, const struct async_facts *f)
{
    uint32_t bound;
    uint64_t begun = 0;
    if (!async_bound_parse(c->staleness, &bound))
        return 11;
    if (f->server)
        return f->blocks_checked > 0 || f->pushed_bytes == 0 ? 0 : 12;
    for (int i = 0; i < ASYNC_STALENESS_BINS; i++)
        begun += f->staleness[i];
    if (begun != c->iterations)
        return 13;
    if (f->stalest > bound)
        return 14;
    if (f->pushed_bytes != c->count * sizeof(uint32_t) * c->iterations)
        return 15;
    if (f->answers == 0 || f->pulled_bytes == 0 || f->blocks_checked == 0)
        return 16;
    return bound == 0 && f->pulled_bytes != f->pushed_bytes ? 17 : 0; /* nothing is passed over when everybody waits */
}

/* Returns async_run's code negated, or the number of what was wrong. */
static inline int async_case_run(struct job *job, const struct async_case *c, struct async_facts *facts)
{
    const struct comm_config setup = { .transport = c->transport != NULL ? c->transport : "shm", .slot_bytes = c->slot_bytes, .slots = c->slots,
                                       .delay_seed = c->delayed == 0 || c->delayed == job->rank ? c->delay_seed : 0, .timeout_sec = c->timeout_sec > 0 ? c->timeout_sec : 60, .yield = true };
    struct async_config config = { .servers = c->servers, .count = c->count, .type = TYPE_UINT32, .iterations = c->iterations, .fault = c->fault };
    struct async_play play = { .c = c, .proof = { .seed = 5, .self = job->rank, .whole = true } };
    const struct async_work work = { &play, async_case_compute, async_case_check };
    struct comm *comm;
    if (!async_bound_parse(c->staleness, &config.staleness))
        return 11;
    if (comm_open(&comm, job, &setup) != RB_OK)
        return 10;
    if (c->dies == job->rank && job->rank >= job->nranks - c->servers) {
        comm_barrier(comm); /* the one of async_run */
        _exit(0);
    }
    const int rc = async_run(comm, &config, &work, facts);
    if (rc == RB_ETIMEOUT)
        return -rc; /* broken: it goes with its process */
    if (rc == RB_OK && comm_barrier(comm) != RB_OK) /* the connections are as they were */
        return 18;
    comm_close(comm);
    return rc != RB_OK ? -rc : async_case_facts(c, facts);
}

static inline int async_case_play(struct job *job, void *context)
{
    struct async_facts facts;
    return async_case_run(job, context, &facts);
}

#endif
