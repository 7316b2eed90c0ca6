/* The table for people: column widths, a heading of titles and units, long texts wrapped. */
#include "report/sheet_layout.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NARROWEST_WRAP = 24, DEFAULT_WIDTH = 100 };

size_t sheet_width(void)
{
    struct winsize w;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40)
        return w.ws_col;
    return DEFAULT_WIDTH;
}

/* Columns of a UTF-8 text: continuation bytes take no room. */
static size_t text_columns(const char *s, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes && s[i] != '\0'; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static void pad(FILE *out, size_t n)
{
    fprintf(out, "%*s", (int)n, "");
}

/* Bytes of the next line of at most width columns, broken at a blank where there is one. */
static size_t line_bytes(const char *text, size_t width)
{
    const size_t all = strlen(text);
    if (text_columns(text, all) <= width)
        return all;
    size_t end = 0, columns = 0, blank = 0;
    while (columns <= width) {
        if (text[end] == ' ')
            blank = end;
        end++;
        columns += ((unsigned char)text[end] & 0xc0) != 0x80;
    }
    return blank > 0 ? blank : end;
}

static const char *print_line(FILE *out, const char *text, size_t width)
{
    const size_t n = line_bytes(text, width);
    fprintf(out, "%.*s", (int)n, text);
    text += n;
    return text + strspn(text, " ");
}

void sheet_print_paragraph(FILE *out, const char *indent, const char *text, size_t width)
{
    const size_t room = width > strlen(indent) + NARROWEST_WRAP ? width - strlen(indent) : NARROWEST_WRAP;
    fputs(indent, out);
    for (text = print_line(out, text, room); *text != '\0'; text = print_line(out, text, room)) {
        fputc('\n', out);
        pad(out, strlen(indent));
    }
    fputc('\n', out);
}

struct layout {
    size_t *widths;
    size_t *columns; /* indices of those shown */
    size_t ncolumns;
    size_t indent; /* where a wrapped last column begins */
};

static size_t widest(const struct sheet_column *c, char **cells, size_t nrows, size_t stride)
{
    size_t w = text_columns(c->title, strlen(c->title));
    if (c->unit != NULL && strlen(c->unit) > w)
        w = strlen(c->unit);
    for (size_t r = 0; r < nrows; r++) {
        const size_t n = text_columns(cells[r * stride], strlen(cells[r * stride]));
        w = n > w ? n : w;
    }
    return w;
}

static void print_cell(FILE *out, const char *text, size_t width, bool right, bool last)
{
    const size_t n = text_columns(text, strlen(text));
    const size_t room = n < width ? width - n : 0;
    if (right)
        pad(out, room);
    fputs(text, out);
    if (!right && !last)
        pad(out, room);
}

static void print_headings(FILE *out, const struct layout *l, const struct sheet_column *columns, bool units)
{
    fputc('#', out);
    for (size_t i = 0; i < l->ncolumns; i++) {
        const struct sheet_column *c = &columns[l->columns[i]];
        fputs(i > 0 ? "  " : " ", out);
        const char *text = units ? (c->unit != NULL ? c->unit : "") : c->title;
        print_cell(out, text, l->widths[i], c->kind == SHEET_NUMBER, i + 1 == l->ncolumns);
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const struct layout *l, const struct sheet_column *columns, char **cells, size_t width)
{
    fputc(' ', out);
    for (size_t i = 0; i < l->ncolumns; i++) {
        const struct sheet_column *c = &columns[l->columns[i]];
        const char *text = cells[l->columns[i]];
        fputs(i > 0 ? "  " : " ", out);
        if (c->kind != SHEET_WRAP) {
            print_cell(out, text, l->widths[i], c->kind == SHEET_NUMBER, i + 1 == l->ncolumns);
            continue;
        }
        const size_t room = width > l->indent + NARROWEST_WRAP ? width - l->indent : NARROWEST_WRAP;
        for (text = print_line(out, text, room); *text != '\0'; text = print_line(out, text, room)) {
            fputc('\n', out);
            pad(out, l->indent);
        }
    }
    fputc('\n', out);
}

static void measure(struct layout *l, const struct sheet_grid *g)
{
    l->indent = 2;
    for (size_t i = 0; i < l->ncolumns; i++) {
        const size_t c = l->columns[i];
        l->widths[i] = widest(&g->columns[c], g->cells + c, g->nrows, g->ncolumns);
        if (g->columns[c].kind != SHEET_WRAP)
            l->indent += l->widths[i] + 2;
    }
}

void sheet_grid_print(FILE *out, const struct sheet_grid *g, size_t width)
{
    struct layout l = { .widths = rb_calloc(g->ncolumns, sizeof(size_t)), .columns = rb_calloc(g->ncolumns, sizeof(size_t)) };
    bool units = false;
    for (size_t i = 0; i < g->ncolumns; i++)
        if (!g->hidden[i]) {
            l.columns[l.ncolumns++] = i;
            units = units || g->columns[i].unit != NULL;
        }
    measure(&l, g);
    print_headings(out, &l, g->columns, false);
    if (units)
        print_headings(out, &l, g->columns, true);
    for (size_t r = 0; r < g->nrows; r++)
        print_row(out, &l, g->columns, g->cells + r * g->ncolumns, width);
    free(l.widths);
    free(l.columns);
}
