#include "core/text.h"

#include "core/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *p)
{
    if (p == NULL) {
        rb_fail(RB_EINTERNAL, "out of memory");
        abort();
    }
    return p;
}

void *rb_malloc(size_t bytes)
{
    return need(malloc(bytes > 0 ? bytes : 1));
}

void *rb_calloc(size_t count, size_t bytes)
{
    return need(calloc(count > 0 ? count : 1, bytes > 0 ? bytes : 1));
}

void *rb_realloc(void *old, size_t bytes)
{
    return need(realloc(old, bytes > 0 ? bytes : 1));
}

char *rb_strdup(const char *s)
{
    return need(strdup(s));
}

char *rb_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *s = NULL;
    const int n = vasprintf(&s, format, args);
    va_end(args);
    return need(n < 0 ? NULL : s);
}

static void reserve(struct text *t, size_t more)
{
    if (t->length + more + 1 <= t->capacity)
        return;
    t->capacity = 2 * t->capacity + more + 64;
    t->chars = rb_realloc(t->chars, t->capacity);
}

void text_add_bytes(struct text *t, const char *bytes, size_t length)
{
    reserve(t, length);
    memcpy(t->chars + t->length, bytes, length);
    t->length += length;
    t->chars[t->length] = '\0';
}

void text_add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *s = NULL;
    const int n = vasprintf(&s, format, args);
    va_end(args);
    need(n < 0 ? NULL : s);
    text_add_bytes(t, s, (size_t)n);
    free(s);
}

void text_free(struct text *t)
{
    free(t->chars);
    *t = (struct text){0};
}

int text_read_file(struct text *t, const char *path, size_t max_bytes)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    struct text all = {0};
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0 && all.length <= max_bytes)
        text_add_bytes(&all, block, n);
    const bool broken = ferror(f) != 0;
    const int why = errno;
    fclose(f);
    if (broken || all.length > max_bytes) {
        text_free(&all);
        return broken ? rb_fail(RB_EUSAGE, "%s: %s", path, strerror(why))
                      : rb_fail(RB_EUSAGE, "%s: larger than %zu bytes, not the kind of file expected here", path, max_bytes);
    }
    if (all.chars == NULL)
        text_add_bytes(&all, "", 0);
    *t = all;
    return RB_OK;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t m = a < b ? a : b;
    return m < c ? m : c;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t text_distance(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b), w = m + 1;
    size_t *d = rb_malloc((n + 1) * w * sizeof *d);
    for (size_t i = 0; i <= n; i++)
        d[i * w] = i;
    for (size_t j = 0; j <= m; j++)
        d[j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            const size_t replace = d[(i - 1) * w + j - 1] + !same(a[i - 1], b[j - 1]);
            d[i * w + j] = min3(d[(i - 1) * w + j] + 1, d[i * w + j - 1] + 1, replace);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
                d[(i - 2) * w + j - 2] + 1 < d[i * w + j])
                d[i * w + j] = d[(i - 2) * w + j - 2] + 1;
        }
    const size_t distance = d[n * w + m];
    free(d);
    return distance;
}

const char *text_nearest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = (size_t)-1;
    for (size_t i = 0; i < count; i++) {
        const size_t distance = text_distance(word, names[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = names[i];
        }
    }
    const size_t near = best == NULL ? 0 : (strlen(best) + 2) / 3;
    return best_distance <= near ? best : NULL;
}

bool text_ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}
