/* Emulated links: no call is faster than the ports of its ranks allow, whatever the protocol; a busy machine only makes it slower. */
#include "collectives/comm.h"
#include "core/clock.h"
#include "core/error.h"
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { COUNT = 1 << 17 }; /* floats */
static const double GBps = 0.05, burst_bytes = 128 << 10;

struct paced {
    const char *algorithm;
    enum comm_protocol protocol;
    int servers;
};

/* 0: right, and not faster than the busiest port. */
static int play(struct job *job, void *context)
{
    const struct paced *p = context;
    const struct comm_config config = { .transport = "shm", .yield = true, .timeout_sec = 60, .pace_GBps = GBps, .pace_latency_sec = 1e-6 };
    const struct call call = { .algorithm = algorithm_find(p->algorithm), .group = { .nranks = job->nranks, .servers = p->servers }, .count = COUNT,
                               .type = TYPE_FLOAT, .protocol = p->protocol };
    struct comm *comm;
    struct operation *op;
    void *in, *out;
    if (comm_open(&comm, job, &config) != RB_OK || comm_allocate(comm, COUNT * 4, &in) != RB_OK || comm_allocate(comm, COUNT * 4, &out) != RB_OK ||
        comm_prepare(comm, &call, &op) != RB_OK)
        return 10;
    for (size_t i = 0; i < COUNT; i++)
        ((float *)in)[i] = 1;
    int wrong = comm_barrier(comm) != RB_OK;
    double sec = clock_sec();
    wrong += operation_run(op, in, out) != RB_OK;
    sec = clock_sec() - sec;
    job_reduce(job, &sec, 1, JOB_MAX);
    const struct operation_facts *f = operation_facts(op);
    const double busiest = (double)(f->busiest_egress > f->busiest_ingress ? f->busiest_egress : f->busiest_ingress), least = (busiest - burst_bytes) / GBps * 1e-9;
    if (sec < least) {
        fprintf(stderr, "%s: %.6f s, but the busiest port needs %.6f s\n", p->algorithm, sec, least);
        wrong++;
    }
    for (size_t i = 0; i < COUNT; i++)
        wrong += f->out_elements > 0 && ((float *)out)[i] != (float)job->nranks;
    operation_free(op);
    comm_close(comm);
    return wrong != 0;
}

static void test_ring(void **state)
{
    (void)state;
    struct paced slots = { "ring_all_reduce", PROTOCOL_SLOTS, 1 }, direct = { "ring_all_reduce", PROTOCOL_DIRECT, 1 };
    assert_int_equal(ranks_as_processes(3, play, &slots), 0);
    assert_int_equal(ranks_as_processes(3, play, &direct), 0);
    assert_int_equal(ranks_as_threads(2, play, &slots), 0);
}

static void test_pull_and_push(void **state)
{
    (void)state;
    struct paced direct = { "direct_two_shot_all_reduce", PROTOCOL_DIRECT, 1 }, shot = { "direct_one_shot_all_reduce", PROTOCOL_DIRECT, 1 };
    assert_int_equal(ranks_as_processes(3, play, &direct), 0);
    assert_int_equal(ranks_as_processes(3, play, &shot), 0);
}

/* Everybody sends to rank 0: its port decides, not theirs. */
static void test_incast(void **state)
{
    (void)state;
    struct paced server = { "parameter_server_colocated", PROTOCOL_SLOTS, 1 };
    assert_int_equal(ranks_as_processes(4, play, &server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_ring), cmocka_unit_test(test_pull_and_push), cmocka_unit_test(test_incast) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
