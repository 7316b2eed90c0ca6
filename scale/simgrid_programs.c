#include "scale/simgrid_programs.h"

#include "core/error.h"
#include "core/text.h"
#include "scale/simgrid.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SimGrid's calibration for TCP clusters is taken out, so that a message costs latency + bytes / rate. optim:Full: with the default, 3.32
 * lets some of several flows that begin at the same time through at once (seven ranks, a tree: 7 S/B for 8 S/B). */
static const char *const both[] = {
    "--log=root.fmt:%.12r:%m%n", "--cfg=surf/precision:1e-12", "--cfg=network/optim:Full", "--cfg=network/crosstraffic:0",
    "--cfg=network/bandwidth-factor:1", "--cfg=network/latency-factor:1", "--cfg=network/TCP-gamma:0", "--cfg=network/weight-S:0",
};
/* Everything is eager: a message begins when it is sent. Every rank shares the one copy of the program. */
static const char *const smpirun_only[] = {
    "-no-privatize", "--cfg=smpi/bw-factor:0:1", "--cfg=smpi/lat-factor:0:1", "--cfg=smpi/os:0:0:0", "--cfg=smpi/or:0:0:0",
    "--cfg=smpi/ois:0:0:0", "--cfg=smpi/host-speed:1e9f", "--cfg=smpi/async-small-thresh:2147483647", "--cfg=smpi/send-is-detached-thresh:2147483647",
};
static const char *const player_only[] = { "--cfg=network/model:CM02" };

bool simgrid_plays(const char *engine)
{
    return strcmp(engine, "simgrid") == 0 || strcmp(engine, "smpirun") == 0;
}

const char *simgrid_engine(const char *engine)
{
    if (strcmp(engine, "simgrid") != 0)
        return engine;
    char *player = simgrid_player();
    const bool there = player != NULL;
    free(player);
    if (!there)
        rb_note("--engine simgrid: " SIMGRID_PLAYER " is not beside this program (make builds it where g++ and SimGrid 3.32 are): smpirun plays");
    return there ? engine : "smpirun";
}

/* --- are they there --- */

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

char *simgrid_player(void)
{
    static const char *const places[] = { "", "../" };
    char self[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return NULL;
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < RB_LEN(places); i++) {
        char *file = rb_format("%s/%s%s", self, places[i], SIMGRID_PLAYER);
        if (access(file, X_OK) == 0)
            return file;
        free(file);
    }
    return NULL;
}

/* --- how they are called --- */

static void add_all(char **argv, size_t *n, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        argv[(*n)++] = rb_strdup(list[i]);
}

static size_t call_player(char **argv, const char *player, const char *folder)
{
    size_t n = 0;
    argv[n++] = rb_strdup(player);
    argv[n++] = rb_format("%s/platform.xml", folder);
    argv[n++] = rb_format("%s/hosts", folder);
    argv[n++] = rb_format("%s/traces", folder);
    add_all(argv, &n, player_only, RB_LEN(player_only));
    return n;
}

static size_t call_smpirun(char **argv, const char *folder, int nranks)
{
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
    add_all(argv, &n, smpirun_only, RB_LEN(smpirun_only));
    return n;
}

char **simgrid_arguments(const char *player, const char *folder, int nranks)
{
    char **argv = rb_calloc(RB_LEN(both) + RB_LEN(smpirun_only) + 10, sizeof *argv);
    size_t n = player != NULL ? call_player(argv, player, folder) : call_smpirun(argv, folder, nranks);
    add_all(argv, &n, both, RB_LEN(both));
    return argv;
}

void simgrid_arguments_free(char **argv)
{
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}
