/* The workload parameter-server with ranks as threads. */
#include "core/error.h"
#include "tests/ranks.h"
#include "workload/parameter_server.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ITERATIONS = 60 };

struct play {
    struct server_case of;
    unsigned delay_seed;
    struct server_outcome outcome; /* of rank 0 */
};

static int play(struct job *job, void *context)
{
    struct play *p = context;
    const struct comm_config config = { .transport = "shm", .yield = true, .slot_bytes = 256, .slots = 2, .delay_seed = p->delay_seed, .timeout_sec = 60 };
    struct comm *comm;
    struct server_outcome o;
    if (comm_open(&comm, job, &config) != RB_OK)
        return 1;
    const int rc = server_measure(job, comm, &p->of, &o);
    comm_close(comm);
    if (rc == RB_OK && job->rank == 0)
        p->outcome = o;
    return -rc;
}

static void test_what_is_measured(void **state)
{
    (void)state;
    static const uint32_t bounds[] = { 0, 1, ASYNC_UNBOUNDED };
    for (size_t i = 0; i < RB_LEN(bounds); i++) {
        struct play p = { .of = { .servers = 2, .bytes = 4000, .staleness = bounds[i], .iterations = 20, .compute_sec = 1e-4, .slow_factor = 2, .whole = true } };
        assert_int_equal(ranks_as_threads(5, play, &p), 0);
        const struct server_outcome *o = &p.outcome;
        uint64_t begun = 0;
        for (int k = 0; k < ASYNC_STALENESS_BINS; k++)
            begun += o->staleness[k];
        assert_int_equal(o->workers, 3);
        assert_int_equal(begun, 3 * 20);
        assert_true(o->stalest <= bounds[i] && o->mean_staleness <= o->stalest);
        assert_true(o->compute_sec >= 1e-4 && o->seconds >= 20 * 2e-4);
        assert_true(o->waiting >= 0 && o->waiting < 1 && o->per_sec > 0 && o->roundtrip_sec > 0);
        assert_true(o->blocks_checked >= o->answers);
        if (bounds[i] == 0) {
            assert_true(o->passed_over == 0 && o->answers == 2 * 3 * 20);
            assert_true(o->server_bytes == 2.0 * 3 * 20 * 2000); /* half of 4000 bytes, in and out, from each worker */
        }
    }
}

/* Live and in simulated time: the same sums in the same order. */
static void test_bound_0_is_reproducible_bit_by_bit(void **state)
{
    (void)state;
    struct problem problem;
    struct virtual_result simulated;
    problem_init(&problem, 3, 1);
    virtual_run(&(struct virtual_setup){ .problem = &problem, .iterations = ITERATIONS, .compute_sec = 1e-3, .jitter = 0.3, .slow_worker = -1, .slow_factor = 1,
                                         .bytes_per_sec = 1e9, .bytes = 256, .seed = 3 }, &simulated);
    for (unsigned seed = 0; seed < 4; seed++) {
        struct play p = { .of = { .servers = 1, .iterations = ITERATIONS, .slow_factor = 1, .problem = &problem }, .delay_seed = seed };
        assert_int_equal(ranks_as_threads(4, play, &p), 0);
        assert_true(p.outcome.digest == problem_digest(PROBLEM_DIGEST, simulated.weights, PROBLEM_DIMENSIONS));
        assert_int_equal(p.outcome.target_iterations, simulated.target_iterations);
    }
    problem_free(&problem);
}

static int study(struct job *job, void *context)
{
    struct servers_study *keep = context, s;
    const struct comm_config config = { .transport = "shm", .yield = true, .timeout_sec = 60 };
    struct comm *comm;
    if (comm_open(&comm, job, &config) != RB_OK)
        return 1;
    const int rc = servers_study(job, comm, 64 << 10, &s);
    comm_close(comm);
    if (rc == RB_OK && job->rank == 0)
        *keep = s;
    else if (rc == RB_OK)
        servers_free(&s);
    return -rc;
}

static void test_servers_against_the_ring(void **state)
{
    (void)state;
    struct servers_study s;
    assert_int_equal(ranks_as_threads(3, study, &s), 0);
    const struct servers_row *ring = servers_find(&s, "ring_all_reduce", 3, 0), *one = servers_find(&s, "parameter_server_dedicated", 2, 1),
                             *far = servers_find(&s, "parameter_server_dedicated", 16, 1), *all = servers_find(&s, "parameter_server_colocated", 3, 3);
    assert_non_null(ring);
    assert_non_null(one);
    assert_non_null(far);
    assert_non_null(all);
    assert_true(ring->measured_sec > 0 && one->measured_sec > 0 && all->measured_sec > 0);
    assert_true(isnan(far->measured_sec)); /* nobody is here to measure it with */
    for (size_t i = 0; i < s.nrows; i++)
        assert_true(s.rows[i].estimated_sec > 0);
    assert_null(servers_find(&s, "ring_all_reduce", 17, 0));
    servers_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_measured), cmocka_unit_test(test_bound_0_is_reproducible_bit_by_bit), cmocka_unit_test(test_servers_against_the_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
