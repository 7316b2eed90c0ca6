/* The asynchronous parameter server with ranks as processes, and with ranks that die. */
#include "tests/async_cases.h"
#include "tests/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_processes(void **state)
{
    (void)state;
    static const char *const bounds[] = { "0", "1", "3", "inf" };
    for (size_t i = 0; i < RB_LEN(bounds); i++) {
        struct async_case c = { .servers = 2, .count = 5000, .staleness = bounds[i], .iterations = 8, .slot_bytes = 1024, .slots = 4, .delay_seed = 3,
                                .slow = -1, .dies = -1 };
        assert_int_equal(ranks_as_processes(5, async_case_play, &c), 0);
    }
}

/* Several MiB in slots of the usual size. */
static void test_many_blocks(void **state)
{
    (void)state;
    struct async_case c = { .servers = 1, .count = 1 << 20, .staleness = "1", .iterations = 3, .slow = -1, .dies = -1 };
    assert_int_equal(ranks_as_processes(3, async_case_play, &c), 0);
}

static void test_many_ranks(void **state)
{
    (void)state;
    struct async_case c = { .servers = 4, .count = 1000, .staleness = "2", .iterations = 5, .slow = -1, .dies = -1 };
    assert_int_equal(ranks_as_processes(20, async_case_play, &c), 0);
}

/* Results must be 0 for all bounds, and the unbounded ones far behind: else the bound above has bounded nothing. */
static int play_and_measure(struct job *job, void *context)
{
    const struct async_case *c = context;
    struct async_facts f;
    const int rc = async_case_run(job, c, &f);
    if (rc != 0 || f.server || job->rank == c->slow)
        return rc;
    return f.stalest >= 4 ? 0 : 30;
}

static void test_without_bound_the_slow_one_is_left_behind(void **state)
{
    (void)state;
    struct async_case c = { .servers = 1, .count = 16, .staleness = "inf", .iterations = 40, .compute_sec = 0.001, .slow = 0, .dies = -1 };
    int rc = 30;
    for (int tries = 0; rc == 30 && tries < 10; tries++) /* that it can happen: on a busy machine the others are held up as well */
        rc = ranks_as_processes(3, play_and_measure, &c);
    assert_int_equal(rc, 0);
}

/* --- what goes wrong, each rank in a process of its own, rank by rank what it says --- */

struct said {
    int code;
    char text[512];
};

static int play_loud(struct job *job, const struct async_case *c, struct said *said)
{
    struct capture capture;
    struct async_facts facts;
    capture_begin(&capture);
    said->code = async_case_run(job, c, &facts);
    snprintf(said->text, sizeof said->text, "%.500s", capture_end(&capture));
    return 0;
}

struct loud {
    const struct async_case *c;
    struct said *said; /* shared, [nranks] */
};

static int play_loud_rank(struct job *job, void *context)
{
    const struct loud *l = context;
    play_loud(job, l->c, &l->said[job->rank]);
    if (l->said[job->rank].code == -RB_ETIMEOUT)
        _exit(0); /* closing would wait for the dead */
    return 0;
}

static struct said *play_and_listen(int nranks, const struct async_case *c)
{
    const size_t bytes = (size_t)nranks * sizeof(struct said);
    struct said *said = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(ranks_as_processes(nranks, play_loud_rank, &(struct loud){ c, said }), 0);
    return said;
}

static int speakers(const struct said *said, int nranks, const char *words)
{
    int n = 0;
    for (int r = 0; r < nranks; r++)
        n += strstr(said[r].text, words) != NULL;
    return n;
}

/* It is gone before it serves: those that need it name it. The job's own meeting point would wait for it, so it is passed first. */
static void check_death(int dies, const char *staleness, const char *words)
{
    const struct async_case c = { .servers = 1, .count = 100, .staleness = staleness, .iterations = 50, .slow = -1, .dies = dies, .timeout_sec = 0.3 };
    const double start = clock_sec();
    struct said *said = play_and_listen(4, &c);
    assert_true(clock_sec() - start < 30);
    for (int r = 0; r < 4; r++)
        assert_int_equal(said[r].code, r == dies ? 0 : -RB_ETIMEOUT);
    assert_true(speakers(said, 4, words) > 0);
    munmap(said, 4 * sizeof *said);
}

static void test_a_worker_dies(void **state)
{
    (void)state;
    check_death(1, "0", "no progress in the asynchronous parameter server, iteration 2, waiting for rank 1");
    check_death(2, "3", "iteration 2, waiting for rank 2");
}

static void test_a_server_dies(void **state)
{
    (void)state;
    check_death(3, "0", "iteration 1, waiting for rank 3");
    check_death(3, "inf", "waiting for rank 3");
}

static void test_one_line_tells_a_broken_bound(void **state)
{
    (void)state;
    const struct async_case c = { .servers = 1, .count = 64, .staleness = "0", .iterations = 20, .compute_sec = 0.0005, .slow = 0, .fault = ASYNC_EARLY, .dies = -1 };
    struct said *said = play_and_listen(4, &c);
    for (int r = 0; r < 4; r++)
        assert_int_equal(said[r].code, -RB_EDATA);
    assert_int_equal(speakers(said, 4, "staleness bound 0 is broken"), 1);
    assert_int_equal(speakers(said, 4, "ringbench:"), 1);
    munmap(said, 4 * sizeof *said);
}

static void test_one_line_tells_a_lost_push(void **state)
{
    (void)state;
    const struct async_case c = { .servers = 1, .count = 64, .staleness = "inf", .iterations = 6, .slow = -1, .fault = ASYNC_LOSES, .dies = -1 };
    struct said *said = play_and_listen(3, &c);
    assert_int_equal(speakers(said, 3, "the pushes that are said to be in it make"), 1);
    assert_int_equal(speakers(said, 3, "ringbench:"), 1);
    munmap(said, 3 * sizeof *said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes), cmocka_unit_test(test_many_blocks), cmocka_unit_test(test_many_ranks),
        cmocka_unit_test(test_without_bound_the_slow_one_is_left_behind),
        cmocka_unit_test(test_a_worker_dies), cmocka_unit_test(test_a_server_dies), cmocka_unit_test(test_one_line_tells_a_broken_bound),
        cmocka_unit_test(test_one_line_tells_a_lost_push),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
