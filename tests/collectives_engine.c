/* The engine with ranks as processes over shared memory. */
#include "tests/engine_cases.c" /* compiled into each of its two tests */

#include "collectives/device/leaf.h"
#include "core/error.h"
#include "tests/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct task {
    const struct engine_setup *setup;
    const char *algorithm; /* NULL: all */
};

static int play_task(struct job *job, const struct task *t)
{
    return t->algorithm != NULL ? engine_play_types(job, t->setup, t->algorithm) : engine_play_all(job, t->setup);
}

/* Rank 0 is this process, so that sanitizers and coverage see it. */
static int run_ranks(int n, const struct task *t)
{
    const size_t bytes = job_local_bytes(n);
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct job *job;
    int failures = 0;
    for (int r = 1; r < n; r++)
        if (fork() == 0) {
            job_open_local(&job, shared, r, n);
            const int bad = play_task(job, t);
            job_close(job);
            _exit(bad > 0);
        }
    job_open_local(&job, shared, 0, n);
    failures += play_task(job, t);
    job_close(job);
    for (int r = 1, status; r < n; r++)
        failures += wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    munmap(shared, bytes);
    return failures;
}

static void test_all_algorithms(void **state)
{
    (void)state;
    const struct engine_setup setup = { .transport = "shm", .slot_bytes = 256, .slots = 4 };
    for (int n = 1; n <= 9; n++)
        assert_int_equal(run_ranks(n, &(struct task){ &setup, NULL }), 0);
}

static void test_one_slot(void **state)
{
    (void)state;
    const struct engine_setup setup = { .transport = "shm", .slot_bytes = 128, .slots = 1 };
    for (int n = 2; n <= 5; n++)
        assert_int_equal(run_ranks(n, &(struct task){ &setup, NULL }), 0);
}

static void test_defaults(void **state)
{
    (void)state;
    const struct engine_setup setup = { .transport = "auto" };
    assert_int_equal(run_ranks(4, &(struct task){ &setup, NULL }), 0);
}

static void test_random_delays(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 3; seed++) {
        const struct engine_setup setup = { .transport = "shm", .slot_bytes = 256, .slots = 2, .delay_seed = seed };
        assert_int_equal(run_ranks(3, &(struct task){ &setup, NULL }), 0);
    }
}

static void test_types_and_operators(void **state)
{
    (void)state;
    static const char *const names[] = { "ring_all_reduce", "direct_one_shot_all_reduce", "direct_two_shot_all_reduce", "parameter_server_colocated" };
    for (size_t i = 0; i < leaf_set_count; i++)
        for (size_t k = 0; leaf_set_usable(leaf_sets[i]) && k < RB_LEN(names); k++) {
            const struct engine_setup setup = { .transport = "shm", .leaf = leaf_sets[i]->name };
            assert_int_equal(run_ranks(3, &(struct task){ &setup, names[k] }), 0);
        }
}

/* What a rank does when its peer does not come: ends in time, and says whom it waited for. */
struct fault {
    double timeout_sec;
    bool abort;
};

static int meet_nobody(struct job *job, const struct fault *f)
{
    const struct comm_config config = { .transport = "shm", .yield = true, .timeout_sec = f->timeout_sec };
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = 1000,
                               .type = TYPE_FLOAT, .op = OP_SUM };
    struct comm *comm;
    struct operation *op;
    if (comm_open(&comm, job, &config) != RB_OK || comm_prepare(comm, &call, &op) != RB_OK)
        return 1;
    if (job->rank != 0) {
        if (f->abort)
            comm_abort(comm);
        _exit(0); /* dies without a word */
    }
    float in[1000] = { 0 }, out[1000];
    struct capture c;
    capture_begin(&c);
    const int rc = operation_run(op, in, out);
    const char *said = capture_end(&c);
    operation_free(op);
    return rc == RB_ETIMEOUT && strstr(said, "waiting for rank") != NULL && strstr(said, f->abort ? "aborted" : "no progress") != NULL ? 0 : 1;
}

/* Both ranks are children: nothing of a broken communicator can be closed, and it goes with its process. */
static void check_fault(const struct fault *f)
{
    void *shared = mmap(NULL, job_local_bytes(2), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t ranks[2];
    for (int r = 0; r < 2; r++) {
        ranks[r] = fork();
        struct job *job;
        if (ranks[r] == 0)
            _exit(job_open_local(&job, shared, r, 2) != RB_OK || meet_nobody(job, f) != 0);
    }
    for (int r = 0; r < 2; r++) {
        int status = 1;
        waitpid(ranks[r], &status, 0);
        assert_int_equal(status, 0);
    }
    munmap(shared, job_local_bytes(2));
}

static void test_a_peer_that_dies(void **state)
{
    (void)state;
    check_fault(&(struct fault){ .timeout_sec = 0.3 });
}

static void test_an_abort(void **state)
{
    (void)state;
    check_fault(&(struct fault){ .timeout_sec = 60, .abort = true });
}

static void test_wrong_calls(void **state)
{
    (void)state;
    void *shared = mmap(NULL, job_local_bytes(1), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct job *job;
    struct comm *comm;
    struct operation *op;
    job_open_local(&job, shared, 0, 1);
    assert_int_equal(comm_open(&comm, job, &(struct comm_config){ .transport = "mpi" }), RB_EUSAGE); /* MPI is not initialised here */
    assert_int_equal(comm_open(&comm, job, &(struct comm_config){ .transport = "pigeon" }), RB_EUSAGE);
    assert_int_equal(comm_open(&comm, job, &(struct comm_config){ .transport = "auto" }), RB_OK);
    struct call call = { .algorithm = algorithm_find("parameter_server_dedicated"), .group = { .nranks = 1, .servers = 1 } };
    assert_int_equal(comm_prepare(comm, &call, &op), RB_EUSAGE); /* nobody is left to work */
    call.algorithm = algorithm_find("ring_broadcast");
    call.group.root = 1;
    assert_int_equal(comm_prepare(comm, &call, &op), RB_EUSAGE);
    call.algorithm = algorithm_find("parameter_server_colocated");
    call.group = (struct group){ .nranks = 1, .servers = 2 };
    assert_int_equal(comm_prepare(comm, &call, &op), RB_EUSAGE);
    comm_close(comm);
    job_close(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_algorithms), cmocka_unit_test(test_one_slot), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_random_delays),  cmocka_unit_test(test_types_and_operators),
        cmocka_unit_test(test_a_peer_that_dies), cmocka_unit_test(test_an_abort),  cmocka_unit_test(test_wrong_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
