/* Hosts that are alike, and hosts that are not: each is named in one line. Signs of life between hosts, over the loopback. */
#include "bench/hosts.h"
#include "bench/pulse.h"

#include "core/error.h"
#include "tests/capture.h"
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { RANKS = 6 };

struct scene {
    struct host_facts facts[RANKS];
    struct host_condition conditions[RANKS];
    struct hosts hosts;
};

/* Three hosts alpha, beta, gamma with two ranks each. */
static void set_up(struct scene *s)
{
    static const char *const names[] = { "alpha", "beta", "gamma" };
    *s = (struct scene){0};
    for (int r = 0; r < RANKS; r++) {
        s->facts[r] = (struct host_facts){ .version = "1.0.0", .binary = 7, .node = r / 2 };
        snprintf(s->facts[r].name, sizeof s->facts[r].name, "%s", names[r / 2]);
        s->conditions[r] = (struct host_condition){ .machine = "64 cores, 8 GPUs", .clock_sec = 1000 + 0.01 * r };
    }
    s->hosts = (struct hosts){ RANKS, s->facts, s->conditions };
}

static void test_alike(void **state)
{
    (void)state;
    struct scene s;
    struct capture err;
    set_up(&s);
    capture_begin(&err);
    const int rc = hosts_same_program(&s.hosts), lines = hosts_same_conditions(&s.hosts);
    assert_string_equal(capture_end(&err), "");
    assert_int_equal(rc, RB_OK);
    assert_int_equal(lines, 0);
}

static void test_other_version(void **state)
{
    (void)state;
    struct scene s;
    struct capture err;
    set_up(&s);
    strcpy(s.facts[2].version, "0.9.1");
    strcpy(s.facts[3].version, "0.9.1");
    capture_begin(&err);
    const int rc = hosts_same_program(&s.hosts);
    capture_end(&err);
    assert_int_equal(rc, RB_EUSAGE);
    assert_string_equal(err.text, "ringbench: host beta (ranks 2-3) runs ringbench 0.9.1, host alpha (rank 0) runs 1.0.0: install the same on all hosts\n");
}

/* A line for each host; a file that cannot be read is no difference. */
static void test_other_build(void **state)
{
    (void)state;
    struct scene s;
    struct capture err;
    set_up(&s);
    s.facts[1].binary = 0;
    s.facts[3].binary = 8;
    s.facts[4].binary = s.facts[5].binary = 9;
    capture_begin(&err);
    const int rc = hosts_same_program(&s.hosts);
    capture_end(&err);
    assert_int_equal(rc, RB_EUSAGE);
    assert_int_equal(capture_lines(&err), 2);
    assert_non_null(strstr(err.text, "host beta (ranks 2-3) runs another build of ringbench 1.0.0 than host alpha (rank 0; file hash 0000000000000008, not 0000000000000007)"));
    assert_non_null(strstr(err.text, "host gamma (ranks 4-5) runs another build"));
}

static void test_other_machine_and_clock(void **state)
{
    (void)state;
    struct scene s;
    struct capture err;
    set_up(&s);
    strcpy(s.conditions[5].machine, "32 cores");
    s.conditions[2].clock_sec = s.conditions[3].clock_sec = 988;
    capture_begin(&err);
    const int lines = hosts_same_conditions(&s.hosts);
    capture_end(&err);
    assert_int_equal(lines, 2);
    assert_int_equal(capture_lines(&err), 2);
    assert_non_null(strstr(err.text, "warning: host gamma (ranks 4-5) has 32 cores, host alpha (rank 0) has 64 cores, 8 GPUs"));
    assert_non_null(strstr(err.text, "warning: host beta (ranks 2-3): its clock is 12 s behind that of host alpha (rank 0)"));
}

static void test_ranks_in_words(void **state)
{
    (void)state;
    struct scene s;
    char text[HOST_RANKS_TEXT];
    set_up(&s);
    assert_string_equal(hosts_ranks(&s.hosts, 1, text), "ranks 2-3");
    for (int r = 0; r < RANKS; r++) /* dealt out */
        s.facts[r].node = r % 3;
    assert_string_equal(hosts_ranks(&s.hosts, 1, text), "ranks 1,4");
    assert_int_equal(hosts_even(&s.hosts), 3);
    s.facts[4].node = 0;
    assert_int_equal(hosts_even(&s.hosts), 0);
    assert_string_equal(hosts_ranks(&s.hosts, 1, text), "rank 1");
    assert_int_equal(hosts_first_rank(&s.hosts, 2), 2);
    assert_int_equal(hosts_first_rank(&s.hosts, 3), -1);
}

static void nap(double sec)
{
    nanosleep(&(struct timespec){ .tv_sec = (time_t)sec, .tv_nsec = (long)((sec - (double)(time_t)sec) * 1e9) }, NULL);
}

static const uint32_t loopback = 0x0100007f; /* 127.0.0.1 in network byte order on either end of this one machine */

static int open_two_hosts(struct job *job, struct hosts *h, struct host_facts *facts, struct pulse **p)
{
    job->nnodes = job->nranks;
    job->node = job->rank;
    job->nlocal = 1;
    job->local_rank = 0;
    for (int r = 0; r < job->nranks; r++)
        facts[r] = (struct host_facts){ .node = r, .addresses = { loopback } };
    *h = (struct hosts){ job->nranks, facts, NULL };
    return pulse_open(p, job, h);
}

static void tick_for(struct pulse *p, double sec, uint64_t beats)
{
    for (int i = 0; i < (int)(sec * 20); i++) {
        pulse_tick(p, beats, false);
        nap(0.05);
    }
}

/* Three hosts: the first hears both others, they hear it alone; the last one falls silent, then the second fails. */
static int play_hosts(struct job *job, void *context)
{
    (void)context;
    struct hosts h;
    struct host_facts facts[RANKS];
    struct pulse *p;
    double silent;
    if (open_two_hosts(job, &h, facts, &p) != RB_OK || p == NULL)
        return 1;
    tick_for(p, 1.5, (uint64_t)(job->rank + 1) * 100);
    const uint64_t expected = job->rank == 0 ? 500 : 600;
    int result = pulse_beats(p) != expected ? 2 : pulse_silent(p, 1.4, &silent) != -1 ? 3 : pulse_follows(p) != (job->rank != 0) ? 4 : 0;
    job_barrier(job);
    if (job->rank != 2)
        tick_for(p, 2.5, 1000);
    if (job->rank == 0 && result == 0)
        result = pulse_silent(p, 1.5, &silent) != 2 || silent < 1.5 ? 5 : 0;
    job_barrier(job);
    if (job->rank == 1)
        pulse_leave(p, 4);
    job_barrier(job);
    pulse_tick(p, 0, false);
    if (job->rank == 0 && result == 0)
        result = pulse_left(p) != 4 ? 6 : 0;
    if (job->rank == 2 && result == 0)
        result = pulse_left(p) != 0 ? 7 : 0;
    job_barrier(job);
    pulse_close(p);
    return result;
}

static void test_signs_of_life(void **state)
{
    (void)state;
    assert_int_equal(ranks_as_processes(3, play_hosts, NULL), 0);
}

/* The second host's process ends without a farewell: its kernel says so. */
static int play_deserter(struct job *job, void *context)
{
    (void)context;
    struct hosts h;
    struct host_facts facts[RANKS];
    struct pulse *p;
    if (open_two_hosts(job, &h, facts, &p) != RB_OK || p == NULL)
        return 1;
    tick_for(p, 1.2, 1);
    const bool early = pulse_gone(p) != -1;
    job_barrier(job);
    if (job->rank == 1)
        pulse_close(p);
    else
        tick_for(p, 2.5, 1);
    const int result = early ? 2 : job->rank == 0 && pulse_gone(p) != 1 ? 3 : 0;
    job_barrier(job);
    if (job->rank == 0)
        pulse_close(p);
    return result;
}

static void test_gone_without_a_word(void **state)
{
    (void)state;
    assert_int_equal(ranks_as_processes(2, play_deserter, NULL), 0);
}

static int play_one_host(struct job *job, void *context)
{
    (void)context;
    struct host_facts facts[RANKS] = { { .node = 0 } };
    struct hosts h = { job->nranks, facts, NULL };
    struct pulse *p;
    double silent;
    if (pulse_open(&p, job, &h) != RB_OK || p != NULL)
        return 1;
    pulse_tick(p, 1, true);
    return pulse_beats(p) != 0 || pulse_left(p) != 0 || pulse_is_patient(p) || pulse_silent(p, 0, &silent) != -1;
}

static void test_one_host_hears_nobody(void **state)
{
    (void)state;
    assert_int_equal(ranks_as_processes(2, play_one_host, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_other_version),
        cmocka_unit_test(test_other_build),
        cmocka_unit_test(test_other_machine_and_clock),
        cmocka_unit_test(test_ranks_in_words),
        cmocka_unit_test(test_signs_of_life),
        cmocka_unit_test(test_gone_without_a_word),
        cmocka_unit_test(test_one_host_hears_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
