/* Who waits for whom, in words; from heartbeats that are set by hand. */
#include "bench/watchdog_words.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { RANKS = 3 };

struct scene {
    struct heartbeat beats[RANKS];
    int ranks[RANKS];
    struct watchdog_view view;
};

static void describe(const void *context, int case_id, char *text, size_t room)
{
    (void)context;
    snprintf(text, room, "case number %d", case_id);
}

/* Three live ranks of this very process, numbered 4, 5, 6 in the job. */
static void set_up(struct scene *s)
{
    for (int i = 0; i < RANKS; i++) {
        heartbeat_init(&s->beats[i]);
        s->ranks[i] = 4 + i;
        atomic_store(&s->beats[i].phase, PHASE_TIME);
    }
    s->view = (struct watchdog_view){ .beats = s->beats, .count = RANKS, .ranks = s->ranks, .self = 0, .describe = describe };
}

static void test_end_of_the_chain(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s);
    atomic_store(&s.beats[0].waits_for, 5);
    atomic_store(&s.beats[1].waits_for, 6);
    assert_int_equal(watchdog_culprit(&s.view), 2);
    assert_int_equal(watchdog_lost(&s.view), -1);
}

static void test_circle_falls_back_to_the_slowest(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s);
    atomic_store(&s.beats[0].waits_for, 5);
    atomic_store(&s.beats[1].waits_for, 4);
    atomic_store(&s.beats[0].calls, 10);
    atomic_store(&s.beats[1].calls, 9);
    atomic_store(&s.beats[2].calls, 10);
    assert_int_equal(watchdog_culprit(&s.view), 1);
}

static void test_baseline_tells_nothing(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s);
    atomic_store(&s.beats[0].waits_for, 5);
    atomic_store(&s.beats[0].phase, PHASE_BASELINE);
    atomic_store(&s.beats[0].calls, 7);
    atomic_store(&s.beats[1].calls, 7);
    atomic_store(&s.beats[2].calls, 6);
    assert_int_equal(watchdog_culprit(&s.view), 2);
}

static pid_t child_that(int signal)
{
    const pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    if (signal != 0)
        kill(pid, signal);
    return pid;
}

static void test_dead_process_is_lost(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s);
    const pid_t pid = child_that(SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT); /* a zombie counts as gone */
    atomic_store(&s.beats[2].pid, (int32_t)pid);
    assert_int_equal(watchdog_lost(&s.view), 2);
    char line[1024];
    watchdog_line(&s.view, NULL, line, sizeof line);
    assert_non_null(strstr(line, "rank 6 (pid "));
    assert_non_null(strstr(line, "is gone, it was timing"));
    assert_non_null(strstr(line, "rank 4 waits for it"));
    waitpid(pid, NULL, 0);
    assert_int_equal(watchdog_lost(&s.view), 2);
    atomic_store(&s.beats[2].finished, 1);
    assert_int_equal(watchdog_lost(&s.view), -1);
}

static void test_stopped_process_is_named(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s);
    const pid_t pid = child_that(SIGSTOP);
    int status;
    waitpid(pid, &status, WUNTRACED);
    atomic_store(&s.beats[1].pid, (int32_t)pid);
    atomic_store(&s.beats[1].case_id, 12);
    atomic_store(&s.beats[1].step, 3);
    s.view.records = "out/results.jsonl";
    char line[1024];
    watchdog_line(&s.view, "no progress for 2 s (-T)", line, sizeof line);
    assert_non_null(strstr(line, "no progress for 2 s (-T): rank 5"));
    assert_non_null(strstr(line, "is stopped, it was timing case number 12, step 3 of lane 0"));
    assert_non_null(strstr(line, "out/results.jsonl, --resume goes on"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_alone(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s);
    s.view.count = 1;
    char line[1024];
    watchdog_line(&s.view, "60 s are over (--time-limit)", line, sizeof line);
    assert_string_equal(line, "60 s are over (--time-limit): rank 4 is timing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_of_the_chain),
        cmocka_unit_test(test_circle_falls_back_to_the_slowest),
        cmocka_unit_test(test_baseline_tells_nothing),
        cmocka_unit_test(test_dead_process_is_lost),
        cmocka_unit_test(test_stopped_process_is_named),
        cmocka_unit_test(test_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
