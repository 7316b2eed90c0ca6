#include "bench/launcher.h"

#include "core/error.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Name and start time of a process: a number that is given out anew does not have the same. */
struct identity {
    char name[32];
    char started[32];
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\0';
}

/* No library call but system calls and loops: it also runs in the child of a process with threads. /proc/PID/stat: proc(5). */
static bool look(const char *stat_path, struct identity *who)
{
    char text[1024];
    const int fd = open(stat_path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (name == NULL || end == NULL)
        return false;
    *who = (struct identity){0};
    for (size_t i = 0; i + 1 < sizeof who->name && name + 1 + i < end; i++)
        who->name[i] = name[1 + i];
    for (int field = 2; field < 22 && *end != '\0'; end++) /* starttime is the 22nd, the name the second */
        field += is_blank(*end);
    while (*end == ' ')
        end++;
    for (size_t i = 0; i + 1 < sizeof who->started && !is_blank(end[i]); i++)
        who->started[i] = end[i];
    return who->started[0] != '\0';
}

static bool is_launcher(const char *name)
{
    static const char *const names[] = { "mpirun", "mpiexec", "orterun", "prterun", "mpirun.openmpi", "mpiexec.openmp" };
    for (size_t i = 0; i < RB_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static _Noreturn void wait_and_kill(pid_t launcher, const char *stat_path, const struct identity *was, unsigned grace_sec)
{
    setsid(); /* what ends the job's processes must not end this one */
    syscall(SYS_close_range, 0u, ~0u, 0u); /* the launcher must not wait for our end of its pipes */
    struct identity now;
    for (unsigned i = 0; i < 10 * grace_sec; i++) {
        const struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
        nanosleep(&tick, NULL);
        if (!look(stat_path, &now) || strcmp(now.started, was->started) != 0)
            _exit(0);
    }
    kill(launcher, SIGKILL);
    _exit(0);
}

void launcher_outlive(unsigned grace_sec)
{
    char stat_path[48];
    struct identity who;
    const pid_t launcher = getppid();
    snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", (int)launcher);
    if (!look(stat_path, &who) || !is_launcher(who.name))
        return;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    if (fork() == 0)
        wait_and_kill(launcher, stat_path, &who, grace_sec);
}
