#include "core/csv.h"

#include "core/error.h"
#include "core/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 64 << 20 };

struct cursor {
    const char *at, *end;
    size_t line;
};

struct cells {
    char **list;
    size_t count, capacity;
};

static void push(struct cells *c, struct text *t)
{
    if (c->count == c->capacity) {
        c->capacity = 2 * c->capacity + 8;
        c->list = rb_realloc(c->list, c->capacity * sizeof *c->list);
    }
    c->list[c->count++] = t->chars != NULL ? t->chars : rb_strdup("");
    *t = (struct text){0};
}

static void drop(struct cells *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->list[i]);
    free(c->list);
    *c = (struct cells){0};
}

/* The cell that begins at the cursor; leaves it on the comma, newline or end that follows. False: an open quote. */
static bool read_cell(struct cursor *c, struct text *t)
{
    if (c->at == c->end || *c->at != '"') {
        const char *from = c->at;
        while (c->at < c->end && *c->at != ',' && *c->at != '\n' && *c->at != '\r')
            c->at++;
        text_add_bytes(t, from, (size_t)(c->at - from));
        return true;
    }
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"' && (c->at + 1 == c->end || c->at[1] != '"')) {
            c->at++;
            return true;
        }
        c->at += *c->at == '"';
        c->line += *c->at == '\n';
        text_add_bytes(t, c->at, 1);
    }
    return false;
}

static int read_row(const struct csv *csv, struct cursor *c, struct cells *cells)
{
    const size_t first = c->line;
    for (;;) {
        struct text t = {0};
        const bool closed = read_cell(c, &t);
        push(cells, &t);
        if (!closed)
            return rb_fail(RB_EUSAGE, "%s:%zu:%zu: a quoted cell is never closed", csv->path, first, cells->count);
        if (c->at < c->end && *c->at == '\r')
            c->at++;
        if (c->at == c->end || *c->at == '\n')
            break;
        if (*c->at != ',')
            return rb_fail(RB_EUSAGE, "%s:%zu:%zu: text after a closing quote", csv->path, c->line, cells->count);
        c->at++;
    }
    if (c->at < c->end)
        c->at++;
    c->line++;
    return RB_OK;
}

static bool skip_line(struct cursor *c)
{
    const char *eol = memchr(c->at, '\n', (size_t)(c->end - c->at));
    const size_t length = eol != NULL ? (size_t)(eol - c->at) : (size_t)(c->end - c->at);
    const bool blank = length == 0 || (length == 1 && *c->at == '\r');
    if (!blank && *c->at != '#')
        return false;
    c->at += length + (eol != NULL);
    c->line++;
    return true;
}

static void add_row(struct csv *csv, size_t *capacity, struct cells *cells, size_t line)
{
    if (csv->nrows == *capacity) {
        *capacity = 2 * *capacity + 16;
        csv->rows = rb_realloc(csv->rows, *capacity * sizeof *csv->rows);
    }
    csv->rows[csv->nrows++] = (struct csv_row){ line, cells->list };
    *cells = (struct cells){0};
}

static int parse_rows(struct csv *csv, struct cursor *c)
{
    size_t capacity = 0;
    while (c->at < c->end) {
        if (skip_line(c))
            continue;
        const size_t line = c->line;
        struct cells cells = {0};
        int rc = read_row(csv, c, &cells);
        if (rc == RB_OK && csv->names != NULL && cells.count != csv->ncolumns)
            rc = rb_fail(RB_EUSAGE, "%s:%zu: %zu cells where the header has %zu", csv->path, line, cells.count, csv->ncolumns);
        if (rc != RB_OK) {
            drop(&cells);
            return rc;
        }
        if (csv->names == NULL) {
            csv->names = cells.list;
            csv->ncolumns = cells.count;
        } else {
            add_row(csv, &capacity, &cells, line);
        }
    }
    return csv->names != NULL ? RB_OK : rb_fail(RB_EUSAGE, "%s: empty; a header line is expected", csv->path);
}

int csv_parse(struct csv *csv, const char *path, const char *text, size_t length)
{
    if (memchr(text, '\0', length) != NULL)
        return rb_fail(RB_EUSAGE, "%s: not a text file", path);
    struct csv all = { .path = rb_strdup(path) };
    struct cursor c = { text, text + length, 1 };
    const int rc = parse_rows(&all, &c);
    if (rc != RB_OK) {
        csv_free(&all);
        return rc;
    }
    *csv = all;
    return RB_OK;
}

int csv_read(struct csv *csv, const char *path)
{
    struct text t;
    RB_TRY(text_read_file(&t, path, MAX_BYTES));
    const int rc = csv_parse(csv, path, t.chars, t.length);
    text_free(&t);
    return rc;
}

void csv_free(struct csv *csv)
{
    for (size_t r = 0; r < csv->nrows; r++) {
        for (size_t i = 0; i < csv->ncolumns; i++)
            free(csv->rows[r].cells[i]);
        free(csv->rows[r].cells);
    }
    for (size_t i = 0; csv->names != NULL && i < csv->ncolumns; i++)
        free(csv->names[i]);
    free(csv->names);
    free(csv->rows);
    free(csv->path);
    *csv = (struct csv){0};
}

int csv_column(const struct csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->ncolumns; i++)
        if (strcmp(csv->names[i], name) == 0)
            return (int)i;
    return -1;
}

int csv_need_column(const struct csv *csv, const char *name, size_t *column_p)
{
    const int column = csv_column(csv, name);
    if (column < 0)
        return rb_fail(RB_EUSAGE, "%s: the header has no column '%s'", csv->path, name);
    *column_p = (size_t)column;
    return RB_OK;
}

int csv_fail(const struct csv *csv, const struct csv_row *row, size_t column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char message[1024];
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return rb_fail(RB_EUSAGE, "%s:%zu:%zu: %s: %s", csv->path, row->line, column + 1, csv->names[column], message);
}

void csv_put(FILE *out, const char *cell)
{
    if (strpbrk(cell, ",\"\r\n") == NULL && cell[0] != '#') {
        fputs(cell, out);
        return;
    }
    fputc('"', out);
    for (const char *c = cell; *c != '\0'; c++) {
        if (*c == '"')
            fputc('"', out);
        fputc(*c, out);
    }
    fputc('"', out);
}
