#include "report/import.h"

#include "core/error.h"
#include "report/import_facts.h"
#include "report/import_json.h"
#include "report/import_read.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SAID = 12 };

/* Room for one more; capacities are powers of two, so the count tells when to grow. */
static void *grow(void *list, size_t count, size_t size)
{
    return (count & (count - 1)) == 0 ? rb_realloc(list, (count == 0 ? 1 : 2 * count) * size) : list;
}

/* --- messages --- */

void import_say(struct import_reader *reader, size_t line, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (reader->im->nsources > reader->first_source)
        import_current(reader)->warnings++;
    reader->said++;
    if (reader->said <= MAX_SAID)
        rb_warn("%s:%zu: %s", reader->text->path, line, message);
}

int import_refuse(const struct import_reader *reader, size_t line, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return rb_fail(RB_EUSAGE, "%s:%zu: %s", reader->text->path, line, message);
}

void import_remark(struct import_source *s, const char *remark)
{
    if (strstr(s->note, remark) != NULL)
        return;
    const size_t used = strlen(s->note);
    snprintf(s->note + used, sizeof s->note - used, "%s%s", used > 0 ? "; " : "", remark);
}

/* --- building --- */

/* "dir/h800_8gpu.txt" -> "h800_8gpu". */
static void stem(char *field, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(name, '.');
    import_copy(field, size, name, dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name));
}

struct import_source *import_current(const struct import_reader *reader)
{
    return &reader->im->sources[reader->im->nsources - 1];
}

struct import_source *import_open(struct import_reader *reader)
{
    struct import *im = reader->im;
    im->sources = grow(im->sources, im->nsources, sizeof *im->sources);
    struct import_source *s = &im->sources[im->nsources++];
    *s = (struct import_source){ .nvls = -1, .first_case = im->records.ncases, .first_link = im->nlinks };
    stem(s->name, sizeof s->name - 8, reader->text->path);
    const size_t index = im->nsources - reader->first_source;
    if (index > 1)
        snprintf(s->name + strlen(s->name), 8, "-%zu", index < 100000 ? index : 99999);
    import_copy(s->format, sizeof s->format, reader->format, strlen(reader->format));
    import_copy(s->path, sizeof s->path, reader->text->path, strlen(reader->text->path));
    import_clean(s->name);
    import_clean(s->path);
    facts_from_preface(s, &reader->text->preface);
    return s;
}

struct record_case import_no_case(void)
{
    struct record_case c;
    memset(&c, 0, sizeof c); /* the whole of it: names are compared and copied as fields of fixed size */
    c.root = -1;
    c.wrong = -1;
    c.time_us = (struct record_time){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, 1 };
    c.algbw_GBps = c.busbw_GBps = c.wire_GBps = c.ceiling_GBps = NAN;
    c.ratio = c.ratio_low = c.ratio_high = NAN;
    strcpy(c.stopped, "fixed");
    return c;
}

struct import_link import_no_link(enum import_link_kind kind, size_t line)
{
    return (struct import_link){ .kind = kind, .line = line, .GBps = NAN, .latency_us = NAN };
}

void import_add_case(struct import_reader *reader, const struct record_case *c)
{
    records_add_case(&reader->im->records, c);
}

void import_add_link(struct import_reader *reader, const struct import_link *l)
{
    struct import *im = reader->im;
    im->links = grow(im->links, im->nlinks, sizeof *im->links);
    im->links[im->nlinks] = *l;
    im->links[im->nlinks++].source = im->nsources - 1;
}

#define COPY(field, from) import_copy(field, sizeof(field), from, strlen(from))

/* Curves of different logs stay apart: a long name keeps its ends, where names differ. */
static void label(char *field, size_t size, const char *name)
{
    enum { TAIL = 18 };
    const size_t length = strlen(name);
    import_copy(field, size, name, length);
    if (length >= size)
        snprintf(field + size - 1 - TAIL - 2, TAIL + 3, "..%s", name + length - TAIL);
}

static void complete_case(struct record_case *c, const struct import_source *s)
{
    COPY(c->evidence, "imported");
    COPY(c->baseline, "nccl");
    COPY(c->algorithm, s->algorithm[0] != '\0' ? s->algorithm : "nccl");
    COPY(c->transport, s->transport);
    COPY(c->gpu, s->gpu);
    COPY(c->source, s->address);
    label(c->label, sizeof c->label, s->name);
    c->nodes = c->nodes > 0 ? c->nodes : s->nodes;
}

void import_close(struct import_reader *reader)
{
    struct import_source *s = import_current(reader);
    s->ncases = reader->im->records.ncases - s->first_case;
    s->nlinks = reader->im->nlinks - s->first_link;
    if (s->ncases == 0)
        s->collective[0] = '\0';
    facts_guess(s);
    for (size_t i = 0; i < s->ncases; i++)
        complete_case(&reader->im->records.cases[s->first_case + i], s);
}

/* --- reading --- */

static int read_formats(struct import_reader *reader)
{
    size_t found = 0;
    for (size_t i = 0; i < import_format_count; i++) {
        if (!import_formats[i]->recognise(reader->text))
            continue;
        found++;
        reader->format = import_formats[i]->name;
        RB_TRY(import_formats[i]->read(reader));
    }
    if (found > 0)
        return RB_OK;
    if (import_json_holds(reader->text, "\"schema\""))
        return rb_fail(RB_EUSAGE, "%s: records of ringbench, not a foreign log; report, compare and --results read them",
                       reader->text->path);
    struct text known = {0};
    for (size_t i = 0; i < import_format_count; i++)
        text_add(&known, "%s%s", i > 0 ? ", " : "", import_formats[i]->name);
    const int rc = rb_fail(RB_EUSAGE, "%s: not a log that is known here (%s)", reader->text->path, known.chars);
    text_free(&known);
    return rc;
}

/* Takes back what was added since. */
static void undo(struct import *im, size_t ncases, size_t nlinks, size_t nsources)
{
    for (size_t i = ncases; i < im->records.ncases; i++)
        free(im->records.cases[i].samples_us);
    im->records.ncases = ncases;
    im->nlinks = nlinks;
    im->nsources = nsources;
}

static void take_hints(struct import_text *text, const struct import_hints *hints, char count[16])
{
    if (hints->collective != NULL)
        text->preface.collective = hints->collective;
    if (hints->gpu != NULL)
        text->preface.gpu = hints->gpu;
    if (hints->ranks > 0) {
        snprintf(count, 16, "%d", hints->ranks);
        text->preface.count = count;
    }
}

static int import_buffer(struct import *im, const char *path, struct text *buffer)
{
    struct import_text text;
    char count[16];
    RB_TRY(import_text_split(&text, path, buffer));
    take_hints(&text, &im->hints, count);
    const size_t ncases = im->records.ncases, nlinks = im->nlinks, nsources = im->nsources;
    struct import_reader reader = { .im = im, .text = &text, .first_source = nsources };
    int rc = read_formats(&reader);
    if (rc == RB_OK && im->records.ncases == ncases && im->nlinks == nlinks)
        rc = rb_fail(RB_EUSAGE, "%s: the heading of a log, but no figures", path);
    if (rc != RB_OK)
        undo(im, ncases, nlinks, nsources);
    if (reader.said > MAX_SAID)
        rb_warn("%s: %zu more lines that do not add up", path, reader.said - MAX_SAID);
    import_text_free(&text);
    return rc;
}

int import_memory(struct import *im, const char *path, const char *bytes, size_t length)
{
    struct text buffer = {0};
    text_add_bytes(&buffer, bytes, length);
    return import_buffer(im, path, &buffer);
}

int import_file(struct import *im, const char *path)
{
    struct text buffer;
    RB_TRY(text_read_file(&buffer, path, IMPORT_MAX_BYTES));
    return import_buffer(im, path, &buffer);
}

void import_free(struct import *im)
{
    records_free(&im->records);
    free(im->links);
    free(im->sources);
    *im = (struct import){0};
}
