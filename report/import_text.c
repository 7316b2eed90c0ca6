#include "report/import_text.h"

#include "core/error.h"
#include "core/units.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 1000000 };

/* --- words --- */

size_t import_words(const char *text, struct import_word *words, size_t max)
{
    size_t n = 0;
    for (const char *at = text;; n++) {
        at += strspn(at, " \t");
        if (*at == '\0')
            return n;
        const size_t length = strcspn(at, " \t");
        if (n < max)
            words[n] = (struct import_word){ at, length };
        at += length;
    }
}

bool import_word_is(struct import_word w, const char *s)
{
    return strlen(s) == w.length && memcmp(w.at, s, w.length) == 0;
}

void import_copy(char *field, size_t size, const char *at, size_t length)
{
    if (length > size - 1) {
        length = size - 1;
        while (length > 0 && ((unsigned char)at[length] & 0xc0) == 0x80)
            length--;
    }
    memmove(field, at, length);
    field[length] = '\0';
}

/* Bytes of the character that begins here, 0 when none does: overlong forms, surrogates and what is cut off are none. */
static size_t character(const unsigned char *s)
{
    static const struct {
        unsigned char low, high, second_low, second_high;
        size_t length;
    } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 },          { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 },    { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < RB_LEN(forms); i++) {
        if (s[0] < forms[i].low || s[0] > forms[i].high)
            continue;
        if (forms[i].length > 1 && (s[1] < forms[i].second_low || s[1] > forms[i].second_high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

void import_clean(char *s)
{
    while (*s != '\0') {
        const size_t length = character((const unsigned char *)s);
        if (length == 0)
            *s = '?';
        s += length > 0 ? length : 1;
    }
}

/* Half a unit of the last digit: "12.30" 0.005, "1e-07" 0.5e-7. */
static double half_unit(const char *number)
{
    const size_t e = strcspn(number, "eE");
    const char *point = memchr(number, '.', e);
    const double decimals = point == NULL ? 0 : (double)(number + e - point - 1);
    const double exponent = number[e] == '\0' ? 0 : strtod(number + e + 1, NULL);
    return 0.5 * pow(10, exponent - decimals);
}

bool import_number(struct import_word w, double *value_p, double *half_p)
{
    char number[48];
    size_t n = 0;
    for (size_t i = 0; i < w.length; i++) {
        if (w.at[i] == '_')
            continue;
        if (n + 1 == sizeof number)
            return false;
        number[n++] = w.at[i];
    }
    number[n] = '\0';
    if (!units_parse_number(number, value_p))
        return false;
    if (half_p != NULL)
        *half_p = half_unit(number);
    return true;
}

bool import_whole(struct import_word w, uint64_t *value_p)
{
    uint64_t value = 0;
    bool any = false;
    for (size_t i = 0; i < w.length; i++) {
        if (w.at[i] == '_' && any)
            continue;
        if (!isdigit((unsigned char)w.at[i]) || value > UINT64_MAX / 10 - 1)
            return false;
        value = 10 * value + (uint64_t)(w.at[i] - '0');
        any = true;
    }
    *value_p = value;
    return any;
}

bool import_begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

const char *import_after(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);
    if (at == NULL)
        return NULL;
    at += strlen(mark);
    return at + strspn(at, " \t");
}

bool import_number_after(const char *text, const char *mark, uint64_t *value_p)
{
    const char *at = import_after(text, mark);
    return at != NULL && import_whole((struct import_word){ at, strspn(at, "0123456789") }, value_p);
}

bool import_is_elision(const char *text)
{
    while (*text == '#' || *text == ' ')
        text++;
    return import_begins(text, "...") || import_begins(text, "[...") || import_begins(text, "\xe2\x80\xa6");
}

/* --- what launchers put in front of a line --- */

/* Each returns how long its prefix is, 0 when it is not there. *keep_p: the prefix tells processes apart. */

/* mpirun --tag-output "[1,0]<stdout>:", Open MPI 5 "[prterun-host-1@1,0]<stdout>: ". */
static size_t mpirun_label(const char *s)
{
    const size_t close = s[0] == '[' ? strcspn(s, "]\n") : 0;
    if (close == 0 || s[close] != ']' || close > 120)
        return 0;
    const char *after = s + close + 1;
    return import_begins(after, "<stdout>:") || import_begins(after, "<stderr>:") ? close + 1 + strlen("<stdout>:") : 0;
}

/* kubectl logs --prefix "[pod/name/container] ". */
static size_t kubectl_label(const char *s)
{
    if (!import_begins(s, "[pod/"))
        return 0;
    const size_t close = strcspn(s, "]\n");
    return s[close] == ']' && s[close + 1] == ' ' ? close + 2 : 0;
}

/* srun --label " 0: " and pdsh "node1: ": only in front of a comment or of a table row. */
static size_t host_label(const char *s)
{
    const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    if (n == 0 || n > 64 || s[n] != ':' || s[n + 1] != ' ')
        return 0;
    const char *rest = s + n + 2 + strspn(s + n + 2, " ");
    if (strspn(s, "0123456789") == n)
        return n + 2;
    return *rest == '#' || (isdigit((unsigned char)*rest) && rest > s + n + 3) ? n + 2 : 0;
}

/* docker compose "worker-1  | ". */
static size_t compose_label(const char *s)
{
    const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    if (n == 0 || n > 64 || s[n] != ' ')
        return 0;
    const size_t bar = n + strspn(s + n, " ");
    return s[bar] == '|' && s[bar + 1] == ' ' ? bar + 2 : 0;
}

/* "2024-05-01T12:00:00.000000000Z ", and what the container runtime adds: "stdout F ". */
static size_t time_stamp(const char *s)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i])
            return 0;
    size_t n = strlen(shape) + strspn(s + strlen(shape), "0123456789.:+-Z");
    if (s[n] != ' ')
        return 0;
    n++;
    return import_begins(s + n, "stdout F ") || import_begins(s + n, "stderr F ") ? n + strlen("stdout F ") : n;
}

static const struct prefix {
    size_t (*length)(const char *s);
    bool label; /* tells processes apart */
} prefixes[] = {
    { time_stamp, false }, { mpirun_label, true }, { kubectl_label, true }, { compose_label, true }, { host_label, true },
};

static void take_prefixes(struct import_line *line)
{
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < RB_LEN(prefixes); i++) {
            const size_t n = prefixes[i].length(line->text);
            if (n > 0 && prefixes[i].label) {
                line->label = line->text;
                line->label_length = n;
            }
            line->text += n;
            line->text += strspn(line->text, " \t");
        }
}

bool import_same_label(const struct import_line *a, const struct import_line *b)
{
    return a->label_length == b->label_length && memcmp(a->label, b->label, a->label_length) == 0;
}

/* --- the file --- */

/* Colours and other terminal sequences "ESC [ ... letter" go, in place. */
static void drop_colours(char *s)
{
    if (strchr(s, '\033') == NULL)
        return;
    char *to = s;
    while (*s != '\0') {
        if (s[0] == '\033' && s[1] == '[') {
            s += 2 + strspn(s + 2, "0123456789;?");
            s += *s != '\0';
        } else {
            *to++ = *s++;
        }
    }
    *to = '\0';
}

static void add_line(struct import_text *t, char *s, size_t number)
{
    drop_colours(s);
    import_clean(s);
    size_t length = strlen(s);
    while (length > 0 && strchr(" \t\r", s[length - 1]) != NULL)
        s[--length] = '\0';
    s += strspn(s, " \t");
    struct import_line line = { .text = s, .label = s, .number = number };
    take_prefixes(&line);
    t->lines[t->nlines++] = line;
}

/* "# key: value" of the collector: sets the value, false when the line is none. */
static bool take_preface(struct import_preface *p, const char *text)
{
    const struct {
        const char *key;
        const char **value;
    } rows[] = {
        { "# source:", &p->source }, { "# gpu:", &p->gpu }, { "# count:", &p->count }, { "# interconnect:", &p->interconnect },
        { "# collective:", &p->collective }, { "# nccl:", &p->nccl }, { "# note:", &p->note },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++)
        if (import_begins(text, rows[i].key)) {
            *rows[i].value = import_after(text, rows[i].key);
            return true;
        }
    return import_begins(text, "# complete:") || import_begins(text, "# meaning:") || import_begins(text, "# ----");
}

static void take_prefaces(struct import_text *t)
{
    t->preface = (struct import_preface){ "", "", "", "", "", "", "" };
    size_t n = 0;
    if (t->nlines > 0 && import_begins(t->lines[0].text, "# source:"))
        while (n < t->nlines && take_preface(&t->preface, t->lines[n].text))
            n++;
    memmove(t->lines, t->lines + n, (t->nlines - n) * sizeof *t->lines);
    t->nlines -= n;
}

static int check_text(const struct import_text *t)
{
    const char *bytes = t->buffer.chars;
    const size_t length = t->buffer.length;
    size_t lines = 1, control = 0;
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        if (c == '\0')
            return rb_fail(RB_EUSAGE, "%s:%zu: a zero byte: this is a binary file, not a log", t->path, lines);
        lines += c == '\n';
        control += c < ' ' && strchr("\t\r\n\f\033", c) == NULL;
    }
    if (control > length / 64 + 4)
        return rb_fail(RB_EUSAGE, "%s: %zu control characters in %zu bytes: this is a binary file, not a log", t->path, control, length);
    if (lines > MAX_LINES)
        return rb_fail(RB_EUSAGE, "%s: more than %d lines, no log of a benchmark", t->path, MAX_LINES);
    return RB_OK;
}

int import_text_split(struct import_text *t, const char *path, struct text *buffer)
{
    *t = (struct import_text){ .path = path, .buffer = *buffer };
    *buffer = (struct text){0};
    int rc = t->buffer.length == 0 ? rb_fail(RB_EUSAGE, "%s: empty; a log is expected", path) : check_text(t);
    if (rc != RB_OK) {
        import_text_free(t);
        return rc;
    }
    size_t lines = 1;
    for (size_t i = 0; i < t->buffer.length; i++)
        lines += t->buffer.chars[i] == '\n';
    t->lines = rb_malloc(lines * sizeof *t->lines);
    char *at = t->buffer.chars;
    for (size_t number = 1; at != NULL; number++) {
        char *line = strsep(&at, "\n");
        add_line(t, line, number);
    }
    take_prefaces(t);
    return RB_OK;
}

void import_text_free(struct import_text *t)
{
    free(t->lines);
    text_free(&t->buffer);
    *t = (struct import_text){0};
}
