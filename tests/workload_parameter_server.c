/* The parameter server's parts that need no ranks: the problem, simulated time, bytes of servers against the ring. */
#include "core/error.h"
#include "tests/capture.h"
#include "workload/parameter_server.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint32_t bounds[] = { 0, 1, 2, 4, 8, ASYNC_UNBOUNDED };

static struct virtual_setup setup_of(const struct problem *p, uint32_t staleness)
{
    return (struct virtual_setup){ .problem = p, .staleness = staleness, .iterations = 200, .compute_sec = 1e-3, .jitter = 0.2, .slow_worker = -1,
                                   .slow_factor = 1, .latency_sec = 20e-6, .bytes_per_sec = 1e9, .bytes = 256, .seed = 7 };
}

static void test_the_problem(void **state)
{
    (void)state;
    struct problem a, b;
    double x[PROBLEM_DIMENSIONS] = {0}, push[PROBLEM_DIMENSIONS], again[PROBLEM_DIMENSIONS];
    problem_init(&a, 3, 1);
    problem_init(&b, 3, 1);
    assert_true(problem_loss(&a, x) == 1);
    problem_push(&a, 1, 5, x, push);
    problem_push(&b, 1, 5, x, again);
    assert_memory_equal(push, again, sizeof push);
    problem_push(&a, 2, 5, x, again);
    assert_memory_not_equal(push, again, sizeof push); /* each has rows of its own */
    problem_push(&a, 1, 6, x, again);
    assert_memory_not_equal(push, again, sizeof push);
    for (int d = 0; d < PROBLEM_DIMENSIONS; d++)
        x[d] += push[d];
    assert_true(problem_loss(&a, x) < 1);
    problem_free(&a);
    problem_free(&b);
}

static void test_simulated_time_is_the_same_every_time(void **state)
{
    (void)state;
    struct problem p;
    problem_init(&p, 4, 1);
    for (size_t i = 0; i < RB_LEN(bounds); i++) {
        const struct virtual_setup s = setup_of(&p, bounds[i]);
        struct virtual_result a, b;
        virtual_run(&s, &a);
        virtual_run(&s, &b);
        assert_memory_equal(a.weights, b.weights, sizeof a.weights);
        assert_true(a.seconds == b.seconds && a.target_sec == b.target_sec && a.target_iterations == b.target_iterations);
    }
    problem_free(&p);
}

static void test_simulated_bounds_hold(void **state)
{
    (void)state;
    for (int workers = 1; workers <= 9; workers += 2) {
        struct problem p;
        problem_init(&p, workers, 1);
        for (size_t i = 0; i < RB_LEN(bounds); i++)
            for (int slow = 0; slow < 2; slow++) {
                struct virtual_setup s = setup_of(&p, bounds[i]);
                struct virtual_result r;
                uint64_t begun = 0;
                s.slow_worker = slow ? 0 : -1;
                s.slow_factor = 5;
                virtual_run(&s, &r);
                for (int k = 0; k < ASYNC_STALENESS_BINS; k++)
                    begun += r.staleness[k];
                assert_true(begun == (uint64_t)workers * s.iterations);
                assert_true(r.stalest <= bounds[i]);
                assert_true(r.waiting > -1e-9 && r.waiting < 1);
            }
        problem_free(&p);
    }
}

/* Whatever comes first: synchronous is synchronous. */
static void test_without_staleness_time_changes_nothing(void **state)
{
    (void)state;
    struct problem p;
    problem_init(&p, 5, 1);
    struct virtual_setup s = setup_of(&p, 0);
    struct virtual_result a, b;
    virtual_run(&s, &a);
    s.seed = 1234;
    s.slow_worker = 2;
    s.slow_factor = 7;
    s.latency_sec = 1e-3;
    virtual_run(&s, &b);
    assert_memory_equal(a.weights, b.weights, sizeof a.weights);
    assert_int_equal(a.target_iterations, b.target_iterations);
    assert_true(b.target_sec > 2 * a.target_sec);
    problem_free(&p);
}

/* At a rate near the largest, staleness costs iterations; with a slow worker it saves time. */
static void test_what_staleness_does(void **state)
{
    (void)state;
    struct problem p;
    struct virtual_result none, one, two, unbounded;
    problem_init(&p, 3, 1);
    struct virtual_setup s = setup_of(&p, 0);
    virtual_run(&s, &none);
    s.staleness = 1;
    virtual_run(&s, &one);
    s.staleness = 2;
    virtual_run(&s, &two);
    assert_true(none.loss < 1e-9);
    assert_true(none.target_iterations < one.target_iterations && one.target_iterations < two.target_iterations);
    assert_true(none.per_sec < one.per_sec); /* computing and messages overlap */
    s.slow_worker = 0;
    s.slow_factor = 4;
    s.staleness = 0;
    virtual_run(&s, &none);
    s.staleness = ASYNC_UNBOUNDED;
    virtual_run(&s, &unbounded);
    assert_true(unbounded.per_sec > 2 * none.per_sec);
    assert_true(unbounded.target_sec < none.target_sec);
    assert_true(unbounded.target_iterations > none.target_iterations);
    assert_true(unbounded.stalest > 50);
    problem_free(&p);
}

/* w workers, S bytes: all through k servers is 2 w S; a server's port carries w S / k each way; the ring moves 2 (w-1) S, evenly. */
static void test_bytes_of_servers_and_ring(void **state)
{
    (void)state;
    const uint64_t bytes = 5040 * 16 * sizeof(float);
    for (int w = 2; w <= 10; w++) {
        struct servers_row r = { .algorithm = algorithm_find("ring_all_reduce"), .workers = w, .ranks = w, .bytes = bytes };
        const uint64_t n = (uint64_t)w;
        assert_int_equal(servers_count(&r), RB_OK);
        assert_true(r.total == 2 * (n - 1) * bytes);
        assert_true(r.egress * n == r.total && r.ingress * n == r.total);
        assert_int_equal(r.incast, 1);
        for (int k = 1; k <= w; k++) {
            r = (struct servers_row){ .algorithm = algorithm_find("parameter_server_dedicated"), .workers = w, .servers = k, .ranks = w + k, .bytes = bytes };
            assert_int_equal(servers_count(&r), RB_OK);
            assert_true(r.total == 2 * n * bytes);
            if (bytes % (uint64_t)k == 0)
                assert_true(r.ingress == n * bytes / (uint64_t)k && r.egress == n * bytes / (uint64_t)k);
            assert_int_equal(r.incast, w);
        }
        r = (struct servers_row){ .algorithm = algorithm_find("parameter_server_colocated"), .workers = w, .servers = w, .ranks = w, .bytes = bytes };
        assert_int_equal(servers_count(&r), RB_OK);
        assert_true(r.total == 2 * (n - 1) * bytes && r.egress * n == r.total);
        assert_int_equal(r.incast, w - 1);
        r.servers = 1;
        assert_int_equal(servers_count(&r), RB_OK);
        assert_true(r.total == 2 * (n - 1) * bytes && r.ingress == (n - 1) * bytes);
    }
}

/* Over ports of 1 GB/s: the port of one server takes w S, pushes and answers at once but for a piece; the ring 2 (w-1)/w S. */
static void test_estimates(void **state)
{
    (void)state;
    const struct cost_links links = { .rate = 1e9 };
    const uint64_t bytes = 1 << 20;
    for (int w = 4; w <= 16; w *= 2) {
        struct servers_row r = { .algorithm = algorithm_find("ring_all_reduce"), .workers = w, .ranks = w, .bytes = bytes };
        const double ring = servers_estimate(&r, &links) * links.rate / (double)bytes;
        assert_true(ring > 1.99 * (w - 1) / w && ring < 2.3 * (w - 1) / w);
        r = (struct servers_row){ .algorithm = algorithm_find("parameter_server_dedicated"), .workers = w, .servers = 1, .ranks = w + 1, .bytes = bytes };
        const double one = servers_estimate(&r, &links) * links.rate / (double)bytes;
        assert_true(one > 0.99 * w && one < 1.2 * w);
        r.servers = w;
        r.ranks = 2 * w;
        const double all = servers_estimate(&r, &links) * links.rate / (double)bytes;
        assert_true(all < one / 2);
    }
}

static void check_refused(const struct parameter_server_settings *s, const char *words)
{
    struct capture c;
    capture_begin(&c);
    const int rc = parameter_server_check(s);
    const char *said = capture_end(&c);
    assert_int_equal(rc, RB_EUSAGE);
    assert_non_null(strstr(said, words));
    assert_int_equal(capture_lines(&c), 1);
}

static void test_settings(void **state)
{
    (void)state;
    assert_int_equal(parameter_server_check(&(struct parameter_server_settings){ .staleness = "0,3,inf", .servers = "auto" }), RB_OK);
    assert_int_equal(parameter_server_check(&(struct parameter_server_settings){ .staleness = "0", .servers = "1,2" }), RB_OK);
    check_refused(&(struct parameter_server_settings){ .staleness = "0,none" }, "--staleness: 'none' is not a number of iterations or inf");
    check_refused(&(struct parameter_server_settings){ .staleness = "0,,1" }, "--staleness: ''");
    check_refused(&(struct parameter_server_settings){ .staleness = "-1" }, "--staleness: '-1'");
    check_refused(&(struct parameter_server_settings){ .staleness = "0", .min_bytes = UINT64_C(1) << 40 }, "-b is larger than weights may be here, 1 GiB");
    check_refused(&(struct parameter_server_settings){ .staleness = "0", .servers = "0" }, "--servers: '0' is not a number of servers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_problem), cmocka_unit_test(test_simulated_time_is_the_same_every_time), cmocka_unit_test(test_simulated_bounds_hold),
        cmocka_unit_test(test_without_staleness_time_changes_nothing), cmocka_unit_test(test_what_staleness_does),
        cmocka_unit_test(test_bytes_of_servers_and_ring), cmocka_unit_test(test_estimates), cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
