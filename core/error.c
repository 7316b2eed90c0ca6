#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Thread_local bool quiet_notes, muted;

void rb_quiet(bool quiet)
{
    quiet_notes = quiet;
}

void rb_mute(bool mute)
{
    muted = mute;
}

/* One write, so that the lines of several ranks do not mix. */
static void line(const char *prefix, const char *format, va_list args)
{
    if (muted)
        return;
    char text[2048];
    int n = snprintf(text, sizeof text, "ringbench: %s", prefix);
    n += vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    if (n > (int)sizeof text - 2)
        n = (int)sizeof text - 2;
    text[n++] = '\n';
    fflush(stdout);
    if (write(STDERR_FILENO, text, (size_t)n) < 0)
        return; /* nobody left to tell */
}

int rb_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line("", format, args);
    va_end(args);
    return code;
}

void rb_warn(const char *format, ...)
{
    if (quiet_notes)
        return;
    va_list args;
    va_start(args, format);
    line("warning: ", format, args);
    va_end(args);
}

void rb_note(const char *format, ...)
{
    if (quiet_notes)
        return;
    va_list args;
    va_start(args, format);
    line("", format, args);
    va_end(args);
}

int rb_exit_code(int result)
{
    return result < 0 ? -result : 0;
}
