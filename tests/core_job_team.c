/* The control plane between ranks that are threads of several processes; the processes are threads as well, so that race detectors see all. */
#include "tests/job_calls.h"
#include "tests/teams.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct play {
    struct team_play team;
    int nodes; /* as if the processes were on so many machines */
};

static int play_process(struct job *processes, void *context)
{
    struct play *play = context;
    job_local_pretend(processes, play->nodes);
    return team_play_process(processes, &play->team);
}

static int play_all(int processes, int threads, int nodes, rank_function *function, void *context)
{
    struct play play = { { function, context, threads }, nodes };
    return ranks_as_threads(processes, play_process, &play);
}

static void every_call_at_every_size(void **state)
{
    (void)state;
    for (int processes = 1; processes <= 4; processes++)
        for (int threads = 1; threads <= 3; threads++)
            assert_int_equal(play_all(processes, threads, 1, job_calls, NULL), 0);
}

static void processes_need_not_be_alike(void **state)
{
    (void)state;
    for (int processes = 2; processes <= 4; processes++)
        assert_int_equal(play_all(processes, 0, 1, job_calls, NULL), 0);
}

/* Two of four processes on each machine, of three threads: rank by rank. */
static int knows_its_place(struct job *job, void *context)
{
    (void)context;
    int all[RANKS_MOST][2], mine[2] = { job->rank, job->thread }, bad = job->nthreads != 3 || job->nranks != 12 || job->nnodes != 2;
    bad |= job->nlocal != 6 || job->node != job->rank / 6 || job->local_rank != job->rank % 6 || job->thread != job->rank % 3;
    bad |= job_allgather(job, mine, all, sizeof mine);
    for (int r = 0; r < job->nranks; r++)
        bad |= all[r][0] != r || all[r][1] != r % 3;
    return bad;
}

static void ranks_are_numbered_process_by_process(void **state)
{
    (void)state;
    assert_int_equal(play_all(4, 3, 2, knows_its_place, NULL), 0);
}

static void a_node_is_a_job_of_its_own(void **state)
{
    (void)state;
    static const int nodes[] = { 1, 2, 4 };
    for (size_t i = 0; i < RB_LEN(nodes); i++)
        for (int threads = 1; threads <= 3; threads++)
            assert_int_equal(play_all(4, threads, nodes[i], job_calls_of_node, NULL), 0);
}

static void a_colour_is_a_job_of_its_own(void **state)
{
    (void)state;
    for (int parts = 1; parts <= 5; parts++) {
        assert_int_equal(play_all(1, 5, 1, job_calls_of_part, &parts), 0);
        assert_int_equal(play_all(3, 2, 1, job_calls_of_part, &parts), 0);
        assert_int_equal(play_all(3, 0, 1, job_calls_of_part, &parts), 0);
    }
}

static int fails(struct job *job, void *context)
{
    (void)context;
    return job->rank == 3 ? 7 : 0;
}

/* The harness itself: a rank that ends with an error is not lost. */
static void a_failing_rank_is_seen(void **state)
{
    (void)state;
    assert_int_equal(play_all(2, 2, 1, fails, NULL), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_at_every_size),
        cmocka_unit_test(processes_need_not_be_alike),
        cmocka_unit_test(ranks_are_numbered_process_by_process),
        cmocka_unit_test(a_node_is_a_job_of_its_own),
        cmocka_unit_test(a_colour_is_a_job_of_its_own),
        cmocka_unit_test(a_failing_rank_is_seen),
    };
    return cmocka_run_group_tests_name("core_job_team", tests, NULL, NULL);
}
