/* Imported figures as CSV files of our own: what a source says of itself in comment lines, then numbers. */
#include "report/import_read.h"

#include "core/csv.h"
#include "core/data_path.h"
#include "core/error.h"
#include "core/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "# figures imported by ringbench: numbers only";

/* --- what a source says of itself: one table for writing and reading --- */

static const struct field {
    const char *key;
    size_t offset, size; /* size 0: an int */
} fields[] = {
#define TEXT(field) { #field, offsetof(struct import_source, field), sizeof ((struct import_source *)0)->field }
#define WHOLE(field) { #field, offsetof(struct import_source, field), 0 }
    { "source", offsetof(struct import_source, address), sizeof ((struct import_source *)0)->address },
    TEXT(format), TEXT(gpu), WHOLE(gpus), WHOLE(nodes), TEXT(interconnect), TEXT(transport), TEXT(collective), TEXT(algorithm),
    WHOLE(nvls), TEXT(nccl), TEXT(tool), TEXT(driver), TEXT(cuda), WHOLE(links), TEXT(note),
#undef TEXT
#undef WHOLE
};

static char *field_text(const struct import_source *s, const struct field *f)
{
    const char *at = (const char *)s + f->offset;
    char *value = f->size > 0 ? rb_strdup(at) : rb_format("%d", *(const int *)(const void *)at);
    for (char *c = value; *c != '\0'; c++)
        *c = (unsigned char)*c < ' ' ? ' ' : *c; /* one line a field */
    return value;
}

static void field_set(struct import_source *s, const struct field *f, const char *value)
{
    char *at = (char *)s + f->offset;
    uint64_t whole;
    if (f->size > 0)
        import_copy(at, f->size, value, strlen(value));
    else if (strcmp(value, "-1") == 0)
        *(int *)(void *)at = -1;
    else if (units_parse_count(value, &whole) && whole < 1000000)
        *(int *)(void *)at = (int)whole;
}

/* --- writing --- */

static const char *const case_columns = "collective,ranks,nodes,type,op,root,in_place,bytes,count,time_us,algbw_GBps,busbw_GBps,wrong";
static const char *const link_columns = "evidence,test,from,to,index,both_ways,loaded,local,engine,path,GBps,latency_us";

static void put_number(FILE *out, double v, const char *end)
{
    if (isfinite(v))
        fprintf(out, "%.8g", v);
    fputs(end, out);
}

static void put_text(FILE *out, const char *text)
{
    csv_put(out, text);
    fputc(',', out);
}

static void write_case(FILE *out, const struct record_case *c)
{
    fprintf(out, "%s,%d,%d,", c->collective, c->ranks, c->nodes);
    put_text(out, c->type);
    put_text(out, c->op);
    fprintf(out, "%d,%d,%llu,%llu,", c->root, c->in_place, (unsigned long long)c->bytes, (unsigned long long)c->count);
    put_number(out, c->time_us.median, ",");
    put_number(out, c->algbw_GBps, ",");
    put_number(out, c->busbw_GBps, ",");
    fprintf(out, "%lld\n", (long long)c->wrong);
}

static void write_link(FILE *out, const struct import_link *l)
{
    put_text(out, import_link_kind_name(l->kind));
    put_text(out, l->test);
    fprintf(out, "%d,%d,%d,%d,%d,%d,", l->from, l->to, l->index, l->both_ways, l->loaded, l->local);
    put_text(out, l->engine);
    put_text(out, l->path);
    put_number(out, l->GBps, ",");
    put_number(out, l->latency_us, "\n");
}

static void write_source(FILE *out, const struct import *im, const struct import_source *s)
{
    fprintf(out, "%s\n", first_line);
    for (size_t i = 0; i < RB_LEN(fields); i++) {
        char *value = field_text(s, &fields[i]);
        fprintf(out, "# %s: %s\n", fields[i].key, value);
        free(value);
    }
    fprintf(out, "%s\n", s->ncases > 0 ? case_columns : link_columns);
    for (size_t i = 0; i < s->ncases; i++)
        write_case(out, &im->records.cases[s->first_case + i]);
    for (size_t i = 0; i < s->nlinks; i++)
        write_link(out, &im->links[s->first_link + i]);
}

static void write_index_row(FILE *out, const struct import_source *s)
{
    csv_put(out, s->name);
    fprintf(out, ",%zu,%zu", s->ncases, s->nlinks);
    for (size_t i = 0; i < RB_LEN(fields); i++) {
        char *value = field_text(s, &fields[i]);
        fputc(',', out);
        csv_put(out, value);
        free(value);
    }
    fputc('\n', out);
}

static int finish(FILE *out, const char *path)
{
    const bool broken = ferror(out) != 0;
    if (fclose(out) != 0 || broken)
        return rb_fail(RB_EUSAGE, "%s: cannot be written: %s", path, strerror(errno));
    return RB_OK;
}

static int write_index(const struct import *im, const char *path)
{
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    fputs("# What the files of this folder are; links: active NVLinks of a GPU, 0 unknown; nvls: 1 the log says it was available, 0 it says\n"
          "# not, -1 unknown. ringbench import --format published --output DIR FILE... writes this folder.\n", out);
    fputs("name,cases,figures_of_links", out);
    for (size_t i = 0; i < RB_LEN(fields); i++)
        fprintf(out, ",%s", fields[i].key);
    fputc('\n', out);
    for (size_t i = 0; i < im->nsources; i++)
        write_index_row(out, &im->sources[i]);
    return finish(out, path);
}

static int write_file(const struct import *im, const struct import_source *s, const char *path)
{
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    write_source(out, im, s);
    return finish(out, path);
}

int published_write(const struct import *im, const char *directory)
{
    char *path = rb_format("%s/index.csv", directory);
    int rc = write_index(im, path);
    for (size_t i = 0; rc == RB_OK && i < im->nsources; i++) {
        free(path);
        path = rb_format("%s/%s.csv", directory, im->sources[i].name);
        rc = write_file(im, &im->sources[i], path);
    }
    free(path);
    return rc;
}

/* --- reading --- */

struct sheet_reader {
    const struct csv *csv;
    const struct csv_row *row;
    bool bad;
    size_t column; /* the next one; of the first bad cell when bad */
};

static const char *next(struct sheet_reader *r)
{
    return r->row->cells[r->bad ? 0 : r->column++];
}

static void failed(struct sheet_reader *r)
{
    if (!r->bad)
        r->column--;
    r->bad = true;
}

static void next_text(struct sheet_reader *r, char *field, size_t size)
{
    const char *cell = next(r);
    import_copy(field, size, cell, strlen(cell));
}

/* Empty: NAN. */
static double next_number(struct sheet_reader *r)
{
    const char *cell = next(r);
    double v = NAN;
    if (cell[0] != '\0' && (!units_parse_number(cell, &v) || v < 0))
        failed(r);
    return v;
}

static uint64_t next_count(struct sheet_reader *r)
{
    uint64_t v = 0;
    if (!units_parse_count(next(r), &v))
        failed(r);
    return v;
}

static int next_int(struct sheet_reader *r)
{
    const char *cell = next(r);
    const bool minus = cell[0] == '-';
    uint64_t v = 0;
    if (!units_parse_count(cell + minus, &v) || v > 1000000) {
        failed(r);
        return 0;
    }
    return minus ? -(int)v : (int)v;
}

/* -1: not checked. */
static int64_t next_wrong(struct sheet_reader *r)
{
    if (!r->bad && strcmp(r->row->cells[r->column], "-1") == 0) {
        r->column++;
        return -1;
    }
    const uint64_t wrong = next_count(r);
    return wrong <= INT64_MAX ? (int64_t)wrong : -1;
}

static void read_case(struct import_reader *reader, struct sheet_reader *r)
{
    struct record_case c = import_no_case();
    next_text(r, c.collective, sizeof c.collective);
    c.ranks = next_int(r);
    c.nodes = next_int(r);
    next_text(r, c.type, sizeof c.type);
    next_text(r, c.op, sizeof c.op);
    c.root = next_int(r);
    c.in_place = next_int(r) != 0;
    c.bytes = next_count(r);
    c.count = next_count(r);
    c.time_us.median = next_number(r);
    c.algbw_GBps = next_number(r);
    c.busbw_GBps = next_number(r);
    c.wrong = next_wrong(r);
    if (!r->bad)
        import_add_case(reader, &c);
}

static bool find_kind(const char *name, enum import_link_kind *kind_p)
{
    for (int k = IMPORT_COPY; k <= IMPORT_PATH; k++)
        if (strcmp(name, import_link_kind_name((enum import_link_kind)k)) == 0) {
            *kind_p = (enum import_link_kind)k;
            return true;
        }
    return false;
}

static void read_link(struct import_reader *reader, struct sheet_reader *r)
{
    struct import_link l = import_no_link(IMPORT_COPY, r->row->line);
    if (!find_kind(next(r), &l.kind))
        failed(r);
    next_text(r, l.test, sizeof l.test);
    l.from = next_int(r);
    l.to = next_int(r);
    l.index = next_int(r);
    l.both_ways = next_int(r) != 0;
    l.loaded = next_int(r) != 0;
    l.local = next_int(r) != 0;
    next_text(r, l.engine, sizeof l.engine);
    next_text(r, l.path, sizeof l.path);
    l.GBps = next_number(r);
    l.latency_us = next_number(r);
    if (!r->bad)
        import_add_link(reader, &l);
}

static int read_rows(struct import_reader *reader, const struct csv *csv)
{
    const bool cases = strcmp(csv->names[0], "collective") == 0;
    const size_t expected = cases ? 13 : 12;
    if (csv->ncolumns != expected)
        return rb_fail(RB_EUSAGE, "%s: %zu columns; these are expected: %s", csv->path, csv->ncolumns, cases ? case_columns : link_columns);
    for (size_t i = 0; i < csv->nrows; i++) {
        struct sheet_reader r = { .csv = csv, .row = &csv->rows[i] };
        if (cases)
            read_case(reader, &r);
        else
            read_link(reader, &r);
        if (r.bad)
            return csv_fail(csv, r.row, r.column, "'%s' is not the number or word expected here", r.row->cells[r.column]);
    }
    return RB_OK;
}

static void read_fields(struct import_source *s, const struct import_text *text)
{
    for (size_t i = 0; i < text->nlines && text->lines[i].text[0] == '#'; i++)
        for (size_t f = 0; f < RB_LEN(fields); f++) {
            const char *line = text->lines[i].text;
            const size_t n = strlen(fields[f].key);
            if (import_begins(line, "# ") && import_begins(line + 2, fields[f].key) && import_begins(line + 2 + n, ":"))
                field_set(s, &fields[f], line + 2 + n + 1 + strspn(line + 2 + n + 1, " "));
        }
}

static int read_all(struct import_reader *reader)
{
    struct text all = {0};
    for (size_t i = 0; i < reader->text->nlines; i++)
        text_add(&all, "%s\n", reader->text->lines[i].text);
    struct csv csv;
    int rc = csv_parse(&csv, reader->text->path, all.chars, all.length);
    text_free(&all);
    RB_TRY(rc);
    read_fields(import_open(reader), reader->text);
    rc = read_rows(reader, &csv);
    csv_free(&csv);
    RB_TRY(rc);
    import_close(reader);
    return RB_OK;
}

static bool recognise(const struct import_text *text)
{
    return text->nlines > 0 && strcmp(text->lines[0].text, first_line) == 0;
}

const struct import_format import_published = {
    .name = "published",
    .summary = "the figures that ringbench import --format published writes",
    .recognise = recognise,
    .read = read_all,
};

/* --- all of them --- */

static int load_index(struct import *im, const struct csv *csv)
{
    size_t name;
    RB_TRY(csv_need_column(csv, "name", &name));
    for (size_t i = 0; i < csv->nrows; i++) {
        char *file = rb_format("published/%s.csv", csv->rows[i].cells[name]), *path;
        int rc = data_path(file, &path);
        free(file);
        RB_TRY(rc);
        rc = import_file(im, path);
        free(path);
        RB_TRY(rc);
    }
    return RB_OK;
}

int published_load(struct import *im)
{
    char *path;
    RB_TRY(data_path("published/index.csv", &path));
    struct csv csv;
    int rc = csv_read(&csv, path);
    free(path);
    RB_TRY(rc);
    rc = load_index(im, &csv);
    csv_free(&csv);
    return rc;
}
