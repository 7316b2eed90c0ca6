#include "bench/run.h"

#include "bench/dry_run.h"
#include "bench/environment.h"
#include "bench/finish.h"
#include "bench/gemm_rate.h"
#include "bench/launcher.h"
#include "bench/measure.h"
#include "bench/pairs.h"
#include "bench/setup.h"
#include "bench/sweep.h"
#include "bench/watchdog.h"
#include "bench/workloads.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/job_team.h"
#include "core/text.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everything of a rank; zero-initialised, whatever was opened is closed by close_all(). */
struct run {
    struct settings settings;
    struct job_team *team; /* NULL: the process is the rank */
    int thread, result;
    pthread_t id;
    struct watchdog *watchdog;
    struct session session;
    struct cases cases;
    struct store *store;
    struct sweep sweep;
    char records[256]; /* where they are, for the watchdog's line */
    double started_sec;
};

/* The launcher's word on which rank this is, before MPI can be asked; 0 without a launcher. */
static int rank_hint(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID" };
    for (size_t i = 0; i < RB_LEN(names); i++)
        if (getenv(names[i]) != NULL)
            return atoi(getenv(names[i]));
    return 0;
}

/* All ranks find the same mistake in the command line: rank 0 says so. The others wait to be ended by the launcher, which
 * must not end rank 0 before it has spoken. */
static int parse(struct settings *settings, int argc, char **argv, bool *help_p)
{
    const int rank = rank_hint();
    rb_quiet(rank != 0);
    rb_mute(rank != 0);
    const int rc = settings_parse(settings, argc, argv, help_p);
    rb_mute(false);
    if (*help_p && rank == 0)
        options_help(&run_options, stdout);
    if (rc != RB_OK && rank != 0)
        sleep(2);
    return rc;
}

/* Cycle by cycle until -N are done, the limit is near, or for ever. */
static int cycle_through(struct run *r)
{
    const struct settings *s = r->session.settings;
    for (uint64_t cycle = 0; s->cycles == 0 || cycle < s->cycles; cycle++) {
        const double start = clock_sec();
        RB_TRY(sweep_run(&r->sweep, cycle));
        if (cycle > 0)
            RB_TRY(finish_cycle(&r->sweep, cycle));
        /* A soak ends in good order when another cycle would not fit. */
        double end = s->cycles == 0 && s->run_limit > 0 && clock_sec() - r->started_sec + 1.5 * (clock_sec() - start) > s->run_limit;
        RB_TRY(job_broadcast(r->session.job, &end, sizeof end, 0));
        if (end > 0)
            break;
    }
    return RB_OK;
}

static int measure_all(struct run *r)
{
    struct session *s = &r->session;
    RB_TRY(setup_store(s, &r->store));
    snprintf(r->records, sizeof r->records, "%s/results.jsonl", s->settings->output);
    watchdog_records(r->watchdog, r->records);
    RB_TRY(setup_comms(s));
    RB_TRY(setup_region(s, s->settings->pairs || s->settings->workload_only ? NULL : &r->cases));
    RB_TRY(setup_record(s, r->store, &r->cases));
    if (s->settings->pairs)
        return pairs_run(s, r->store);
    r->sweep = (struct sweep){ .session = s, .cases = &r->cases, .store = r->store };
    watchdog_cases(r->watchdog, sweep_describe, &r->sweep);
    if (s->on_gpu && !s->settings->no_report && !s->settings->workload_only)
        RB_TRY(gemm_rate_run(s, r->store));
    if (!s->settings->workload_only)
        RB_TRY(cycle_through(r));
    if (s->settings->workload.names != NULL)
        RB_TRY(workloads_run(s, r->store));
    return finish_run(&r->sweep);
}

static int watch(struct run *r)
{
    const struct settings *s = &r->settings;
    const double grace = s->cycles == 0 && s->run_limit > 0 ? 10 : 0; /* a soak ends by itself */
    return watchdog_start(&r->watchdog, &(struct watchdog_limits){ s->stall_limit, s->run_limit + grace });
}

/* A thread that is a rank: its place among all, and a watchdog of its own, as every rank has. */
static int join(struct run *r)
{
    if (r->team != NULL)
        RB_TRY(job_open_thread(&r->session.job, r->team, r->thread));
    rb_quiet(r->session.job->rank != 0);
    return r->watchdog == NULL ? watch(r) : RB_OK;
}

static int run_job(struct run *r)
{
    struct session *s = &r->session;
    s->settings = &r->settings;
    RB_TRY(join(r));
    s->heartbeat = watchdog_heartbeat(r->watchdog);
    RB_TRY(hosts_gather(&s->hosts, s->job));
    rb_mute(s->job->rank != 0);
    const int same = hosts_same_program(&s->hosts);
    rb_mute(false);
    RB_TRY(same);
    RB_TRY(watchdog_share(r->watchdog, s->job, &s->hosts));
    s->heartbeat = watchdog_heartbeat(r->watchdog);
    if (r->settings.nodes == 0)
        r->settings.nodes = (uint64_t)hosts_even(&s->hosts);
    const char *names[SESSION_TRANSPORTS];
    size_t n = 0;
    RB_TRY(setup_transports(s, names, &n));
    if (strcmp(r->settings.baseline, "auto") == 0)
        r->settings.baseline = r->settings.emulate != NULL ? "none" /* nobody slows that down */ : s->on_gpu ? "nccl" : "mpi";
    RB_TRY(setup_gpu_options(s));
    rb_mute(s->job->rank != 0);
    const int named = baselines_name(&s->baselines, &r->settings);
    rb_mute(false);
    RB_TRY(named);
    rb_mute(s->job->rank != 0);
    const int rc = r->settings.pairs || r->settings.workload_only ? RB_OK : cases_build(&r->cases, &r->settings, s->job->nranks, names, n);
    rb_mute(false);
    RB_TRY(rc);
    if (r->settings.dry_run)
        return s->job->rank == 0 ? dry_run_print(s, &r->cases, stdout) : RB_OK;
    return measure_all(r);
}

static void close_all(struct run *r, int result)
{
    struct session *s = &r->session;
    sweep_free(&r->sweep);
    store_close(r->store);
    cases_free(&r->cases);
    setup_close(s);
    heartbeat_phase(s->heartbeat, PHASE_END);
    job_barrier(s->job);
    watchdog_stop(r->watchdog, result);
    hosts_free(&s->hosts);
    if (r->team != NULL)
        job_close(s->job);
}

enum { GRACE_OF_LAUNCHER_SEC = 10 }; /* mpirun needed up to 8 s to end a job by itself */

/* Failures that all ranks know of end in good order; after any other a peer may wait for ever in MPI. */
static bool is_agreed(int result)
{
    return result == RB_OK || result == RB_EUSAGE || result == RB_EDATA || result == RB_ENOTIMPL;
}

/* Returns only when all ranks know how it ended. */
static void leave(struct run *r, int rc)
{
    r->result = rc;
    fflush(stdout);
    if (is_agreed(rc) && r->session.job != NULL) {
        close_all(r, rc);
        return;
    }
    watchdog_stop(r->watchdog, rc);
    if (rc == RB_ETIMEOUT && r->session.job != NULL && r->session.job->nnodes > 1)
        launcher_outlive(GRACE_OF_LAUNCHER_SEC); /* the host that does not answer may not answer mpirun either */
    _exit(rb_exit_code(rc));
}

static void *play(void *rank)
{
    struct run *r = rank;
    leave(r, run_job(r));
    return NULL;
}

/* ranks[0] is the thread that called MPI first; its watchdog sees the others begin. */
static int play_threads(struct run *ranks, struct job *processes, int n)
{
    struct job_team *team = NULL;
    int started = 1, rc = job_team_open(&team, processes, n);
    for (int i = 0; i < n && rc == RB_OK; i++) {
        ranks[i].settings = ranks[0].settings;
        ranks[i].started_sec = ranks[0].started_sec;
        ranks[i].team = team;
        ranks[i].thread = i;
    }
    for (; started < n && rc == RB_OK; started++)
        if (pthread_create(&ranks[started].id, NULL, play, &ranks[started]) != 0)
            rc = rb_fail(RB_EINTERNAL, "-g: no more threads in this process");
    if (rc != RB_OK)
        leave(&ranks[0], rc);
    play(&ranks[0]);
    rc = ranks[0].result;
    for (int i = 1; i < n; i++) {
        pthread_join(ranks[i].id, NULL);
        rc = ranks[i].result < rc ? ranks[i].result : rc;
    }
    job_team_close(team);
    return rc;
}

static int play_all(struct run *ranks, int n, int *argc, char ***argv)
{
    struct job *processes = NULL;
    int rc = watch(&ranks[0]);
    if (rc == RB_OK)
        rc = job_open_mpi(&processes, argc, argv, n > 1);
    if (rc != RB_OK)
        leave(&ranks[0], rc);
    if (n == 1) {
        ranks[0].session.job = processes;
        play(&ranks[0]);
        rc = ranks[0].result;
    } else {
        rc = play_threads(ranks, processes, n);
    }
    job_close(processes);
    return rc;
}

int run_command(int argc, char **argv)
{
    struct settings settings;
    const double started_sec = clock_sec();
    bool help = false;
    int rc = parse(&settings, argc, argv, &help);
    if (rc != RB_OK || help)
        return rb_exit_code(rc);
    const int n = (int)(settings.threads * settings.gpus);
    struct run *ranks = rb_calloc((size_t)n, sizeof *ranks);
    ranks[0].settings = settings;
    ranks[0].started_sec = started_sec;
    rc = play_all(ranks, n, &argc, &argv);
    free(ranks);
    return rb_exit_code(rc);
}
