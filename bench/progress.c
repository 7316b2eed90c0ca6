#include "bench/progress.h"

#include "core/clock.h"
#include "core/units.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 24 };

/* A launcher gives its ranks a pipe: the terminal is the one that the launcher, our parent, writes to. */
static bool parent_has_terminal(void)
{
    char path[64], target[128];
    snprintf(path, sizeof path, "/proc/%d/fd/2", (int)getppid());
    const ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

void progress_start(struct progress *p, bool wanted)
{
    *p = (struct progress){ .started_sec = clock_sec() };
    char target[128];
    const ssize_t n = readlink("/proc/self/fd/2", target, sizeof target);
    const bool pipe_to_launcher = n > 5 && strncmp(target, "pipe:", 5) == 0;
    p->shown = wanted && (isatty(STDERR_FILENO) || (pipe_to_launcher && parent_has_terminal()));
}

void progress_show(struct progress *p, double share, const char *what)
{
    const double now = clock_sec();
    if (!p->shown || now - p->drawn_sec < 0.1)
        return;
    p->drawn_sec = now;
    char bar[WIDTH + 1], left[UNITS_TEXT] = "?";
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < (int)(share * WIDTH + 0.5) ? '#' : '.';
    bar[WIDTH] = '\0';
    if (share > 0.01)
        units_seconds(left, (now - p->started_sec) * (1 - share) / share);
    fprintf(stderr, "\r[%s] %3.0f %%  %s left  %.60s\033[K", bar, share * 100, left, what);
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (!p->shown)
        return;
    fprintf(stderr, "\r\033[K");
    fflush(stderr);
}
