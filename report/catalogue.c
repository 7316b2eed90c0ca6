#include "report/catalogue_fields.h"

#include "core/csv.h"
#include "core/data_path.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_BYTES = 16 << 20, MAX_FIELDS = 64 };

/* Where the rows of one kind lie in a catalogue. */
static char **rows_of(struct catalogue *c, const struct catalogue_kind *k)
{
    return (char **)((char *)c + k->rows_at);
}

static size_t *count_of(struct catalogue *c, const struct catalogue_kind *k)
{
    return (size_t *)((char *)c + k->count_at);
}

static char **words_at(char *row, const struct catalogue_field *f)
{
    return (char **)(row + f->offset);
}

static struct datum *datum_at(char *row, const struct catalogue_field *f)
{
    return (struct datum *)(row + f->offset);
}

static void row_clear(char *row, const struct catalogue_kind *k)
{
    for (size_t i = 0; i < k->nfields; i++)
        if (k->fields[i].kind == FIELD_WORDS)
            free(*words_at(row, &k->fields[i]));
}

static void row_init(char *row, const struct catalogue_kind *k)
{
    memset(row, 0, k->row_bytes);
    for (size_t i = 0; i < k->nfields; i++) {
        if (k->fields[i].kind == FIELD_WORDS)
            *words_at(row, &k->fields[i]) = rb_strdup("");
        else
            *datum_at(row, &k->fields[i]) = (struct datum){ NAN, false };
    }
}

/* Which column of the file holds each field, -1: none. */
struct mapping {
    const struct csv *csv;
    const struct catalogue_kind *kind;
    int column[MAX_FIELDS];
};

static const struct catalogue_field *field_find(const struct catalogue_kind *k, const char *column)
{
    for (size_t i = 0; i < k->nfields; i++)
        if (strcmp(k->fields[i].column, column) == 0)
            return &k->fields[i];
    return NULL;
}

/* The column that was meant: one that begins so, where only the unit was left out, else the nearest. */
static const char *meant_column(const struct catalogue_kind *k, const char *name)
{
    const char *names[MAX_FIELDS];
    for (size_t i = 0; i < k->nfields; i++) {
        names[i] = k->fields[i].column;
        if (name[0] != '\0' && strncasecmp(names[i], name, strlen(name)) == 0)
            return names[i];
    }
    return text_nearest(name, names, k->nfields);
}

static int unknown_column(const struct csv *csv, const struct catalogue_kind *k, size_t column)
{
    const char *near = meant_column(k, csv->names[column]);
    return rb_fail(RB_EUSAGE, "%s:1:%zu: no column of a %s file is called '%s'%s%s%s; units are part of a column's name", csv->path,
                   column + 1, k->what, csv->names[column], near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                   near != NULL ? "'?" : "");
}

static int map_columns(struct mapping *m, const struct csv *csv, const struct catalogue_kind *k)
{
    m->csv = csv;
    m->kind = k;
    for (size_t i = 0; i < csv->ncolumns; i++) {
        if (field_find(k, csv->names[i]) == NULL)
            return unknown_column(csv, k, i);
        for (size_t j = 0; j < i; j++)
            if (strcmp(csv->names[i], csv->names[j]) == 0)
                return rb_fail(RB_EUSAGE, "%s:1:%zu: the column '%s' is there twice", csv->path, i + 1, csv->names[i]);
    }
    for (size_t i = 0; i < k->nfields; i++) {
        m->column[i] = csv_column(csv, k->fields[i].column);
        if (m->column[i] < 0 && k->fields[i].required)
            return rb_fail(RB_EUSAGE, "%s: a %s file needs the column '%s'", csv->path, k->what, k->fields[i].column);
    }
    return RB_OK;
}

/* "989", "989?", "": positive and finite. */
static int parse_datum(const struct mapping *m, const struct csv_row *row, size_t column, struct datum *f_p)
{
    char text[64];
    const char *cell = row->cells[column];
    size_t n = strlen(cell);
    if (n == 0 || strcmp(cell, "?") == 0)
        return RB_OK;
    struct datum f = { NAN, cell[n - 1] == '?' };
    n -= f.weak;
    if (n >= sizeof text)
        return csv_fail(m->csv, row, column, "'%.40s...' is no number", cell);
    memcpy(text, cell, n);
    text[n] = '\0';
    if (!units_parse_number(text, &f.value))
        return csv_fail(m->csv, row, column, "'%s' is no finite number; the unit belongs in the column's name, a doubt is a ? after it", cell);
    if (f.value <= 0)
        return csv_fail(m->csv, row, column, "%s: must be above 0; leave the cell empty when it is not known", cell);
    *f_p = f;
    return RB_OK;
}

static int fill_row(const struct mapping *m, const struct csv_row *row, char *into)
{
    for (size_t i = 0; i < m->kind->nfields; i++) {
        const struct catalogue_field *f = &m->kind->fields[i];
        if (m->column[i] < 0)
            continue;
        const size_t column = (size_t)m->column[i];
        if (f->kind == FIELD_FIGURE) {
            RB_TRY(parse_datum(m, row, column, datum_at(into, f)));
        } else if (row->cells[column][0] != '\0') {
            free(*words_at(into, f));
            *words_at(into, f) = rb_strdup(row->cells[column]);
        } else if (f->key) {
            return csv_fail(m->csv, row, column, "empty; every row needs a name");
        }
    }
    return RB_OK;
}

static bool has_key(const struct catalogue_kind *k)
{
    for (size_t i = 0; i < k->nfields; i++)
        if (k->fields[i].key)
            return true;
    return false;
}

static bool same_key(const struct mapping *m, const struct csv_row *a, const struct csv_row *b)
{
    for (size_t i = 0; i < m->kind->nfields; i++)
        if (m->kind->fields[i].key && strcasecmp(a->cells[m->column[i]], b->cells[m->column[i]]) != 0)
            return false;
    return true;
}

static int refuse_duplicates(const struct mapping *m)
{
    if (!has_key(m->kind))
        return RB_OK;
    const size_t column = (size_t)m->column[0] * (m->kind->fields[0].key ? 1 : 0);
    for (size_t i = 0; i < m->csv->nrows; i++)
        for (size_t j = 0; j < i; j++)
            if (same_key(m, &m->csv->rows[i], &m->csv->rows[j]))
                return csv_fail(m->csv, &m->csv->rows[i], column, "the same %s as on line %zu; one row a name", m->kind->what,
                                m->csv->rows[j].line);
    return RB_OK;
}

static char *find_row(struct catalogue *c, const struct mapping *m, const struct csv_row *row)
{
    const struct catalogue_kind *k = m->kind;
    for (size_t r = 0; has_key(k) && r < *count_of(c, k); r++) {
        char *at = *rows_of(c, k) + r * k->row_bytes;
        bool same = true;
        for (size_t i = 0; same && i < k->nfields; i++)
            same = !k->fields[i].key || strcasecmp(*words_at(at, &k->fields[i]), row->cells[m->column[i]]) == 0;
        if (same)
            return at;
    }
    return NULL;
}

static char *add_row(struct catalogue *c, const struct catalogue_kind *k)
{
    const size_t n = (*count_of(c, k))++;
    *rows_of(c, k) = rb_realloc(*rows_of(c, k), (n + 1) * k->row_bytes);
    char *row = *rows_of(c, k) + n * k->row_bytes;
    row_init(row, k);
    return row;
}

/* Recognised by the first column of its table; -1 when by none. */
static int kind_of(const struct csv *csv)
{
    static const char *const marks[CATALOGUE_KINDS] = { "scaleup_unidir_GBps", "nic", "pcie_gen", "measured_tflops" };
    int near = -1;
    for (int i = 0; i < CATALOGUE_KINDS; i++) {
        if (csv_column(csv, marks[i]) >= 0)
            return i;
        if (csv_column(csv, catalogue_kinds[i].fields[0].column) >= 0 && near < 0)
            near = i;
    }
    return near;
}

static int merge(struct catalogue *c, const struct csv *csv)
{
    const int kind = kind_of(csv);
    if (kind < 0)
        return rb_fail(RB_EUSAGE, "%s:1: not a catalogue: no column 'model', 'nic' or 'pcie_gen'; the shipped files in report/data show the form",
                       csv->path);
    struct mapping m;
    RB_TRY(map_columns(&m, csv, &catalogue_kinds[kind]));
    RB_TRY(refuse_duplicates(&m));
    for (size_t i = 0; i < csv->nrows; i++) {
        char *row = find_row(c, &m, &csv->rows[i]);
        RB_TRY(fill_row(&m, &csv->rows[i], row != NULL ? row : add_row(c, m.kind)));
    }
    return RB_OK;
}

int catalogue_merge_text(struct catalogue *c, const char *path, const char *text, size_t length)
{
    struct csv csv;
    RB_TRY(csv_parse(&csv, path, text, length));
    const int rc = merge(c, &csv);
    csv_free(&csv);
    return rc;
}

int catalogue_merge(struct catalogue *c, const char *path)
{
    struct text t;
    RB_TRY(text_read_file(&t, path, MAX_BYTES));
    const int rc = catalogue_merge_text(c, path, t.chars, t.length);
    text_free(&t);
    return rc;
}

static int load_shipped(struct catalogue *c)
{
    for (size_t i = 0; i < CATALOGUE_KINDS; i++) {
        char *path;
        RB_TRY(data_path(catalogue_kinds[i].file, &path));
        const int rc = catalogue_merge(c, path);
        free(path);
        RB_TRY(rc);
    }
    return RB_OK;
}

/* The mistakes that are easily made: one link for all, both directions for one, one peer for all of them. */
static void doubt_links(const struct gpu *g)
{
    const double all = g->links.value * g->link_GBps.value, one = g->unidir_GBps.value, both = g->bidir_GBps.value;
    if (fabs(all / one - 1) > 0.01)
        rb_warn("catalogue: %s: %g links of %g GB/s are not scaleup_unidir_GBps %g; effective figures follow the links", g->model, g->links.value,
                g->link_GBps.value, one);
    if (fabs(both / one - 2) > 0.01)
        rb_warn("catalogue: %s: scaleup_bidir_GBps %g is not twice scaleup_unidir_GBps %g", g->model, both, one);
    if (g->per_peer_GBps.value > one)
        rb_warn("catalogue: %s: scaleup_per_peer_GBps %g is more than all links, %g", g->model, g->per_peer_GBps.value, one);
}

static int load_overrides(struct catalogue *c, const char *overrides)
{
    char *copy = rb_strdup(overrides), *at = copy;
    int rc = RB_OK;
    for (char *path; rc == RB_OK && (path = strsep(&at, ",")) != NULL;)
        rc = catalogue_merge(c, path);
    for (size_t i = 0; rc == RB_OK && i < c->ngpus; i++)
        doubt_links(&c->gpus[i]);
    free(copy);
    return rc;
}

int catalogue_load(struct catalogue *c, const char *overrides)
{
    struct catalogue all = {0};
    int rc = load_shipped(&all);
    if (rc == RB_OK && overrides != NULL && overrides[0] != '\0')
        rc = load_overrides(&all, overrides);
    if (rc != RB_OK) {
        catalogue_free(&all);
        return rc;
    }
    *c = all;
    return RB_OK;
}

void catalogue_free(struct catalogue *c)
{
    for (size_t i = 0; i < CATALOGUE_KINDS; i++) {
        const struct catalogue_kind *k = &catalogue_kinds[i];
        for (size_t r = 0; r < *count_of(c, k); r++)
            row_clear(*rows_of(c, k) + r * k->row_bytes, k);
        free(*rows_of(c, k));
    }
    *c = (struct catalogue){0};
}
