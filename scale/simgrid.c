#include "scale/simgrid.h"

#include "collectives/prove.h"
#include "core/error.h"
#include "scale/simgrid_files.h"
#include "scale/simgrid_programs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- files --- */

static int write_file(const char *folder, const char *name, const struct text *t)
{
    char *path = rb_format("%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    const bool bad = out == NULL || (t->length > 0 && fwrite(t->chars, 1, t->length, out) != t->length);
    const bool closed = out == NULL || fclose(out) == 0;
    const int rc = bad || !closed ? rb_fail(RB_EUSAGE, "%s: cannot be written: %s", path, strerror(errno)) : RB_OK;
    free(path);
    return rc;
}

static int write_traces(const char *folder, const struct trace_rank *ranks, int n, const struct cluster *c)
{
    struct text list = {0}, hosts = {0};
    int rc = RB_OK;
    for (int r = 0; r < n && rc == RB_OK; r++) {
        struct text t = {0};
        char *name = rb_format("trace-%d", r);
        simgrid_trace(&t, &ranks[r], r, c);
        rc = write_file(folder, name, &t);
        text_add(&list, "%s/%s\n", folder, name);
        text_add(&hosts, "g%d\n", r);
        text_free(&t);
        free(name);
    }
    if (rc == RB_OK)
        rc = write_file(folder, "traces", &list);
    if (rc == RB_OK)
        rc = write_file(folder, "hosts", &hosts);
    text_free(&list);
    text_free(&hosts);
    return rc;
}

static int write_platform(const char *folder, const struct fabric *f, const struct trace_pairs *pairs)
{
    struct text t = {0};
    simgrid_platform(&t, f, pairs);
    const int rc = write_file(folder, "platform.xml", &t);
    text_free(&t);
    return rc;
}

/* --- the schedule in the order of the other engine --- */

static void note_step(void *visitor, int rank, const struct step *s, uint64_t bytes)
{
    struct trace_rank *r = (struct trace_rank *)visitor + rank;
    if (r->n == r->room) {
        r->room = 2 * r->room + 16;
        r->steps = rb_realloc(r->steps, (size_t)r->room * sizeof *r->steps);
    }
    r->steps[r->n++] = (struct trace_step){ s, bytes };
}

/* 256 ranks that all talk to all, 65280 connections, take 3 minutes; 128 take 4 s. */
enum { MANY_CONNECTIONS = 32768 };

static void note_many(const struct trace_pairs *pairs)
{
    if (pairs->n >= MANY_CONNECTIONS)
        rb_note("--engine simgrid: SimGrid looks through the messages of all %zu connections whenever one ends; that can take minutes and more", pairs->n);
}

static int write_all(const struct simulation *s, const struct fabric *f, const struct plan *plans, const char *folder)
{
    const int n = s->group.nranks;
    struct trace_rank *ranks = rb_calloc((size_t)n, sizeof *ranks);
    const struct cost_setup setup = { .algorithm = s->algorithm, .group = &s->group, .plans = plans, .count = simulation_count(s),
                                      .type_bytes = 4, .piece_bytes = s->piece_bytes, .network = &f->network, .visit = note_step,
                                      .visitor = ranks };
    struct cost_result result;
    int rc = cost_run(&setup, &result);
    struct trace_pairs pairs = {0};
    if (rc == RB_OK) {
        simgrid_pairs(&pairs, ranks, n);
        note_many(&pairs);
        rc = write_platform(folder, f, &pairs);
    }
    if (rc == RB_OK)
        rc = write_traces(folder, ranks, n, s->cluster);
    free(pairs.list);
    for (int r = 0; r < n; r++)
        free(ranks[r].steps);
    free(ranks);
    return rc;
}

/* --- running it --- */

static void add_command(struct text *t, char **argv)
{
    for (size_t i = 0; argv[i] != NULL; i++)
        text_add(t, "%s'%s'", i > 0 ? " " : "", argv[i]);
    text_add(t, "\n");
}

/* SimGrid's own program plays the same files: its line is there too. */
static int write_command(const char *folder, const char *player, char **argv, int nranks)
{
    struct text t = {0};
    add_command(&t, argv);
    if (player != NULL) {
        char **smpirun = simgrid_arguments(NULL, folder, nranks);
        text_add(&t, "# the same, slower: ");
        add_command(&t, smpirun);
        simgrid_arguments_free(smpirun);
    }
    const int rc = write_file(folder, "command", &t);
    text_free(&t);
    return rc;
}

/* Whoever ends ringbench finds the folder gone: these wait until it is. */
static void hold_signals(sigset_t *before)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, before);
}

static bool any_held(void)
{
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
    sigset_t pending;
    struct sigaction action;
    sigpending(&pending);
    for (size_t i = 0; i < RB_LEN(ends); i++)
        if (sigismember(&pending, ends[i]) && sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            return true;
    return false;
}

/* A signal that is held ends the child. */
static int await(pid_t child)
{
    int status = -1;
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    while (waitpid(child, &status, WNOHANG) == 0) {
        sigtimedwait(&ended, NULL, &(struct timespec){ .tv_nsec = 100000000 });
        if (any_held())
            kill(child, SIGKILL);
    }
    return status;
}

static int start(char **argv, const char *output)
{
    const pid_t child = fork();
    if (child == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        const int out = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    const int status = child > 0 ? await(child) : -1;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The last "<seconds>:Simulation time ..." of the output. */
static int read_time(const char *output, int status, double *seconds_p)
{
    struct text t = {0};
    RB_TRY(text_read_file(&t, output, 64 << 20));
    const char *at = NULL;
    for (const char *next = t.chars; next != NULL && (next = strstr(next, ":Simulation time")) != NULL; next++)
        at = next;
    while (at != NULL && at > t.chars && at[-1] != '\n')
        at--;
    int rc = RB_OK;
    if (status == 0 && at != NULL && sscanf(at, "%lf", seconds_p) == 1)
        rc = RB_OK;
    else
        rc = rb_fail(RB_EUSAGE, "SimGrid failed (exit %d): %.200s", status, t.length > 200 ? t.chars + t.length - 200 : t.length > 0 ? t.chars : "no output");
    text_free(&t);
    return rc;
}

static int read_played(const char *output, int status, double *seconds_p)
{
    return status < 0 ? rb_fail(RB_EUSAGE, "SimGrid was stopped") : read_time(output, status, seconds_p);
}

static int replay(const struct simulation *s, const char *folder, double *seconds_p)
{
    const int n = s->group.nranks;
    char *player = strcmp(s->engine, "smpirun") == 0 ? NULL : simgrid_player();
    char **argv = simgrid_arguments(player, folder, n), *output = rb_format("%s/output", folder);
    int rc = write_command(folder, player, argv, n);
    if (rc == RB_OK)
        rc = read_played(output, start(argv, output), seconds_p);
    simgrid_arguments_free(argv);
    free(output);
    free(player);
    return rc;
}

/* --- the folder --- */

static int open_folder(const char *keep, char *folder, size_t bytes)
{
    if (keep == NULL) {
        const char *tmp = getenv("TMPDIR");
        snprintf(folder, bytes, "%.200s/ringbench-simgrid-XXXXXX", tmp != NULL ? tmp : "/tmp");
        return mkdtemp(folder) != NULL ? RB_OK : rb_fail(RB_EUSAGE, "%s: cannot be made: %s", folder, strerror(errno));
    }
    if (mkdir(keep, 0777) != 0 && errno != EEXIST)
        return rb_fail(RB_EUSAGE, "--keep %s: cannot be made: %s", keep, strerror(errno));
    char *whole = realpath(keep, NULL);
    snprintf(folder, bytes, "%s", whole != NULL ? whole : keep);
    free(whole);
    return RB_OK;
}

static void remove_folder(const char *folder, int nranks)
{
    static const char *const names[] = { "platform.xml", "hosts", "traces", "command", "output" };
    char path[PATH_MAX + 32];
    for (size_t i = 0; i < RB_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    for (int r = 0; r < nranks; r++) {
        snprintf(path, sizeof path, "%s/trace-%d", folder, r);
        unlink(path);
    }
    rmdir(folder);
}

static int play_in(const struct simulation *s, const struct fabric *f, const char *folder, double *seconds_p)
{
    struct plan *plans;
    int rc = plans_build(&plans, s->algorithm, &s->group, false);
    if (rc == RB_OK) {
        rc = write_all(s, f, plans, folder);
        plans_free(plans, s->group.nranks);
    }
    if (rc == RB_OK)
        rc = replay(s, folder, seconds_p);
    if (s->keep == NULL)
        remove_folder(folder, s->group.nranks);
    return rc;
}

int simgrid_run(const struct simulation *s, enum fabric_protocol protocol, struct simulated *r)
{
    const int n = s->group.nranks;
    char folder[PATH_MAX];
    struct fabric f;
    sigset_t before;
    RB_TRY(simgrid_check());
    if (n > SIMGRID_MOST_RANKS)
        return rb_fail(RB_EUSAGE, "--engine %s takes up to %d ranks, not %d", s->engine, SIMGRID_MOST_RANKS, n);
    RB_TRY(fabric_make(&f, s->cluster, protocol, n, 0));
    hold_signals(&before);
    int rc = open_folder(s->keep, folder, sizeof folder);
    if (rc == RB_OK)
        rc = play_in(s, &f, folder, &r->seconds);
    sigprocmask(SIG_SETMASK, &before, NULL);
    r->period = n;
    fabric_free(&f);
    return rc;
}
