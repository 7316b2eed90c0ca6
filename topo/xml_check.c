#include "topo/xml_check.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 256, NAME_MAX_LENGTH = 40 };

struct open_tag {
    const char *name;
    size_t length, line;
};

struct scan {
    const char *at, *end;
    size_t line;
    struct open_tag open[DEPTH_MAX];
    size_t depth;
    char *why;
    size_t why_size;
};

/* Moves behind `stop`; false at the end of the text. */
static bool skip_past(struct scan *s, const char *stop)
{
    const size_t n = strlen(stop);
    for (; s->at + n <= s->end; s->at++) {
        if (memcmp(s->at, stop, n) == 0) {
            s->at += n;
            return true;
        }
        s->line += *s->at == '\n';
    }
    return false;
}

static size_t name_length(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && strchr(" \t\r\n/>", at[n]) == NULL)
        n++;
    return n;
}

static int shown(size_t length)
{
    return (int)(length < NAME_MAX_LENGTH ? length : NAME_MAX_LENGTH);
}

/* Up to the '>' outside quotes; sets *closed_p for "<x/>". */
static bool skip_attributes(struct scan *s, bool *closed_p)
{
    char quote = '\0';
    for (; s->at < s->end; s->at++) {
        const char c = *s->at;
        s->line += c == '\n';
        if (quote != '\0') {
            if (c == '<')
                return false;
            if (c == quote)
                quote = '\0';
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '<') {
            return false;
        } else if (c == '>') {
            *closed_p = s->at[-1] == '/';
            s->at++;
            return true;
        }
    }
    return false;
}

static size_t close_tag(struct scan *s, const char *name, size_t length)
{
    const size_t line = s->line;
    if (s->depth == 0) {
        snprintf(s->why, s->why_size, "</%.*s> closes nothing", shown(length), name);
        return line;
    }
    const struct open_tag *top = &s->open[--s->depth];
    if (top->length != length || memcmp(top->name, name, length) != 0) {
        snprintf(s->why, s->why_size, "</%.*s> where </%.*s> should be (opened in line %zu)", shown(length), name,
                 shown(top->length), top->name, top->line);
        return line;
    }
    if (skip_past(s, ">"))
        return 0;
    snprintf(s->why, s->why_size, "the text ends within </%.*s", shown(length), name);
    return line;
}

static size_t open_tag(struct scan *s, const char *name, size_t length)
{
    const size_t line = s->line;
    bool closed = false;
    if (!skip_attributes(s, &closed)) {
        snprintf(s->why, s->why_size, "<%.*s is not finished: a '>' or a quotation mark is missing", shown(length), name);
        return line;
    }
    if (closed)
        return 0;
    if (s->depth == DEPTH_MAX) {
        snprintf(s->why, s->why_size, "more than %d tags inside each other", DEPTH_MAX);
        return line;
    }
    s->open[s->depth++] = (struct open_tag){ name, length, line };
    return 0;
}

/* s->at stands behind a '<'. */
static size_t one_tag(struct scan *s)
{
    const size_t line = s->line;
    if (s->at < s->end && (*s->at == '?' || *s->at == '!')) {
        const bool comment = s->end - s->at >= 3 && memcmp(s->at, "!--", 3) == 0;
        if (skip_past(s, comment ? "-->" : ">"))
            return 0;
        snprintf(s->why, s->why_size, "a comment or declaration is not finished");
        return line;
    }
    const bool closing = s->at < s->end && *s->at == '/';
    s->at += closing;
    const char *name = s->at;
    const size_t length = name_length(name, s->end);
    return closing ? close_tag(s, name, length) : open_tag(s, name, length);
}

size_t xml_check(const char *text, size_t length, char *why, size_t why_size)
{
    struct scan s = { .at = text, .end = text + length, .line = 1, .why = why, .why_size = why_size };
    size_t tags = 0;
    while (skip_past(&s, "<")) {
        const size_t bad = one_tag(&s);
        if (bad != 0)
            return bad;
        tags++;
    }
    if (s.depth > 0) {
        const struct open_tag *top = &s.open[s.depth - 1];
        snprintf(why, why_size, "the text ends before </%.*s> (opened in line %zu)", shown(top->length), top->name, top->line);
        return s.line;
    }
    if (tags == 0) {
        snprintf(why, why_size, "there is no tag");
        return 1;
    }
    return 0;
}
