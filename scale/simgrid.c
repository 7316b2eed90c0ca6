#include "scale/simgrid.h"

#include "collectives/prove.h"
#include "core/error.h"
#include "scale/simgrid_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* SimGrid's calibration for TCP clusters is taken out, so that a message costs latency + bytes / rate; nothing is eager. optim:Full: with
 * the default, 3.32 lets some of several flows that begin at the same time through at once (seven ranks, a tree: 7 S/B for 8 S/B). */
static const char *const options[] = {
    "--log=root.fmt:%.12r:%m%n", "--cfg=surf/precision:1e-12", "--cfg=network/optim:Full", "--cfg=network/crosstraffic:0", "--cfg=smpi/bw-factor:0:1",
    "--cfg=smpi/lat-factor:0:1", "--cfg=network/bandwidth-factor:1", "--cfg=network/latency-factor:1", "--cfg=network/TCP-gamma:0",
    "--cfg=network/weight-S:0", "--cfg=smpi/os:0:0:0", "--cfg=smpi/or:0:0:0", "--cfg=smpi/ois:0:0:0", "--cfg=smpi/host-speed:1e9f",
    "--cfg=smpi/async-small-thresh:0", "--cfg=smpi/send-is-detached-thresh:0",
};

/* --- is it there --- */

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    char *folders = rb_strdup(path != NULL ? path : "/usr/bin"), *rest = folders;
    bool found = false;
    for (char *folder; !found && (folder = strsep(&rest, ":")) != NULL;) {
        char *file = rb_format("%s/%s", folder, program);
        found = access(file, X_OK) == 0;
        free(file);
    }
    free(folders);
    return found;
}

int simgrid_check(void)
{
    return in_path("smpirun") ? RB_OK
                              : rb_fail(RB_EUSAGE, "--engine simgrid: smpirun is not in PATH; apt-get install libsimgrid-dev, or leave --engine out");
}

const char *simgrid_version(void)
{
    static char version[16];
    if (version[0] != '\0' || !in_path("smpirun"))
        return version;
    FILE *p = popen("smpirun --version 2>/dev/null", "r");
    char line[160];
    while (p != NULL && fgets(line, sizeof line, p) != NULL)
        if (sscanf(line, "SimGrid version %15[0-9.]", version) == 1)
            break;
    if (p != NULL)
        pclose(p);
    return version;
}

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

static int write_traces(const char *folder, const struct trace_pairs *pairs, const struct trace_rank *ranks, int n, const struct cluster *c)
{
    struct text list = {0}, hosts = {0};
    int rc = RB_OK;
    for (int r = 0; r < n && rc == RB_OK; r++) {
        struct text t = {0};
        char *name = rb_format("trace-%d", r);
        simgrid_trace(&t, pairs, &ranks[r], r, c);
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
        simgrid_pairs(&pairs, f, ranks);
        rc = write_platform(folder, f, &pairs);
    }
    if (rc == RB_OK)
        rc = write_traces(folder, &pairs, ranks, n, s->cluster);
    free(pairs.list);
    for (int r = 0; r < n; r++)
        free(ranks[r].steps);
    free(ranks);
    return rc;
}

/* --- running it --- */

static char **arguments(const char *folder, int nranks)
{
    char **argv = rb_calloc(RB_LEN(options) + 10, sizeof *argv);
    size_t n = 0;
    argv[n++] = rb_strdup("smpirun");
    argv[n++] = rb_strdup("-np");
    argv[n++] = rb_format("%d", nranks);
    argv[n++] = rb_strdup("-platform");
    argv[n++] = rb_format("%s/platform.xml", folder);
    argv[n++] = rb_strdup("-hostfile");
    argv[n++] = rb_format("%s/hosts", folder);
    argv[n++] = rb_strdup("-replay");
    argv[n++] = rb_format("%s/traces", folder);
    for (size_t i = 0; i < RB_LEN(options); i++)
        argv[n++] = rb_strdup(options[i]);
    return argv;
}

static int write_command(const char *folder, char **argv)
{
    struct text t = {0};
    for (size_t i = 0; argv[i] != NULL; i++)
        text_add(&t, "%s'%s'", i > 0 ? " " : "", argv[i]);
    text_add(&t, "\n");
    const int rc = write_file(folder, "command", &t);
    text_free(&t);
    return rc;
}

static int start(char **argv, const char *output)
{
    const pid_t child = fork();
    if (child == 0) {
        const int out = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
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
        rc = rb_fail(RB_EUSAGE, "smpirun failed (exit %d): %.200s", status, t.length > 200 ? t.chars + t.length - 200 : t.length > 0 ? t.chars : "no output");
    text_free(&t);
    return rc;
}

static int replay(const char *folder, int nranks, double *seconds_p)
{
    char **argv = arguments(folder, nranks), *output = rb_format("%s/output", folder);
    int rc = write_command(folder, argv);
    if (rc == RB_OK)
        rc = read_time(output, start(argv, output), seconds_p);
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
    free(output);
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

int simgrid_run(const struct simulation *s, enum fabric_protocol protocol, struct simulated *r)
{
    const int n = s->group.nranks;
    char folder[PATH_MAX];
    struct fabric f;
    struct plan *plans;
    RB_TRY(simgrid_check());
    if (n > SIMGRID_MOST_RANKS)
        return rb_fail(RB_EUSAGE, "--engine simgrid takes up to %d ranks, not %d", SIMGRID_MOST_RANKS, n);
    RB_TRY(open_folder(s->keep, folder, sizeof folder));
    RB_TRY(fabric_make(&f, s->cluster, protocol, n, 0));
    int rc = plans_build(&plans, s->algorithm, &s->group, false);
    if (rc == RB_OK) {
        rc = write_all(s, &f, plans, folder);
        plans_free(plans, n);
    }
    if (rc == RB_OK)
        rc = replay(folder, n, &r->seconds);
    r->period = n;
    fabric_free(&f);
    if (s->keep == NULL)
        remove_folder(folder, n);
    return rc;
}
