/* tests/capture.h - what the code under test prints on stderr, as a string. One capture at a time. */
#ifndef RB_TESTS_CAPTURE_H
#define RB_TESTS_CAPTURE_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct capture {
    FILE *file;
    int stderr_was;
    char text[8192];
};

static inline void capture_begin(struct capture *c)
{
    fflush(stderr);
    c->file = tmpfile();
    c->stderr_was = dup(STDERR_FILENO);
    dup2(fileno(c->file), STDERR_FILENO);
}

/* The text, NUL-terminated; it lives in *c. */
static inline const char *capture_end(struct capture *c)
{
    fflush(stderr);
    dup2(c->stderr_was, STDERR_FILENO);
    close(c->stderr_was);
    rewind(c->file);
    c->text[fread(c->text, 1, sizeof c->text - 1, c->file)] = '\0';
    fclose(c->file);
    return c->text;
}

/* How many lines it has: an error is one line. */
static inline int capture_lines(const struct capture *c)
{
    int lines = 0;
    for (const char *at = c->text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    return lines;
}

#endif
