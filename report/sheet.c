#include "report/sheet.h"

#include "report/sheet_layout.h"

#include "core/csv.h"
#include "core/text.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const sheet_formats[] = { "table", "csv", "json", NULL };

struct cell {
    char *text; /* NULL: none */
    double value;
    bool weak;
};

struct sheet {
    const struct sheet_column *columns;
    size_t ncolumns;
    bool *hidden;
    struct cell *cells; /* row by row */
    size_t nrows, capacity;
};

struct sheet *sheet_new(const struct sheet_column *columns, size_t ncolumns)
{
    struct sheet *s = rb_calloc(1, sizeof *s);
    s->columns = columns;
    s->ncolumns = ncolumns;
    s->hidden = rb_calloc(ncolumns, sizeof *s->hidden);
    for (size_t i = 0; i < ncolumns; i++)
        s->hidden[i] = columns[i].title == NULL;
    return s;
}

void sheet_free(struct sheet *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->nrows * s->ncolumns; i++)
        free(s->cells[i].text);
    free(s->cells);
    free(s->hidden);
    free(s);
}

void sheet_row(struct sheet *s)
{
    if (s->nrows == s->capacity) {
        s->capacity = 2 * s->capacity + 16;
        s->cells = rb_realloc(s->cells, s->capacity * s->ncolumns * sizeof *s->cells);
    }
    for (size_t i = 0; i < s->ncolumns; i++)
        s->cells[s->nrows * s->ncolumns + i] = (struct cell){ NULL, NAN, false };
    s->nrows++;
}

static size_t column_index(const struct sheet *s, const char *name)
{
    for (size_t i = 0; i < s->ncolumns; i++)
        if (strcmp(s->columns[i].name, name) == 0)
            return i;
    assert(false && "no such column");
    return 0;
}

static struct cell *last_cell(struct sheet *s, const char *column)
{
    assert(s->nrows > 0);
    return &s->cells[(s->nrows - 1) * s->ncolumns + column_index(s, column)];
}

void sheet_text(struct sheet *s, const char *column, const char *format, ...)
{
    struct cell *c = last_cell(s, column);
    va_list args;
    va_start(args, format);
    char *text = NULL;
    const int n = vasprintf(&text, format, args);
    va_end(args);
    free(c->text);
    c->text = n < 0 ? rb_strdup("") : text;
}

void sheet_weak(struct sheet *s, const char *column, double value, bool weak)
{
    struct cell *c = last_cell(s, column);
    c->value = value;
    c->weak = weak;
}

void sheet_number(struct sheet *s, const char *column, double value)
{
    sheet_weak(s, column, value, false);
}

static bool is_empty(const struct cell *c)
{
    return (c->text == NULL || c->text[0] == '\0') && isnan(c->value);
}

void sheet_hide_empty(struct sheet *s)
{
    for (size_t i = 0; i < s->ncolumns; i++) {
        bool empty = true;
        for (size_t r = 0; r < s->nrows && empty; r++)
            empty = is_empty(&s->cells[r * s->ncolumns + i]);
        if (empty)
            s->hidden[i] = true;
    }
}

size_t sheet_rows(const struct sheet *s)
{
    return s->nrows;
}

size_t sheet_columns(const struct sheet *s)
{
    return s->ncolumns;
}

const struct sheet_column *sheet_column_shown(const struct sheet *s, size_t column)
{
    return s->hidden[column] ? NULL : &s->columns[column];
}

const char *sheet_number_text(char buffer[SHEET_NUMBER_TEXT], double value)
{
    const double size = fabs(value);
    if (isnan(value) || isinf(value)) {
        snprintf(buffer, SHEET_NUMBER_TEXT, "%s", isnan(value) ? "-" : value > 0 ? "inf" : "-inf");
        return buffer;
    }
    if (value == 0 || size < 1e-4 || size >= 1e15) {
        snprintf(buffer, SHEET_NUMBER_TEXT, "%.4g", value);
        return buffer;
    }
    int decimals = 3 - (int)floor(log10(size));
    decimals = decimals < 0 ? 0 : decimals;
    snprintf(buffer, SHEET_NUMBER_TEXT, "%.*f", decimals, value);
    if (strchr(buffer, '.') != NULL) {
        size_t n = strlen(buffer);
        while (buffer[n - 1] == '0')
            n--;
        buffer[buffer[n - 1] == '.' ? n - 1 : n] = '\0';
    }
    return buffer;
}

static char *cell_text(const struct sheet *s, size_t row, size_t column)
{
    const struct cell *c = &s->cells[row * s->ncolumns + column];
    char number[SHEET_NUMBER_TEXT];
    if (c->text != NULL)
        return rb_strdup(c->text);
    if (s->columns[column].kind != SHEET_NUMBER)
        return rb_strdup("");
    return rb_format("%s%s", sheet_number_text(number, c->value), c->weak && !isnan(c->value) ? "?" : "");
}

char *sheet_cell(const struct sheet *s, size_t row, const char *column)
{
    return cell_text(s, row, column_index(s, column));
}

double sheet_value(const struct sheet *s, size_t row, const char *column)
{
    return s->cells[row * s->ncolumns + column_index(s, column)].value;
}

/* The full precision that a double needs, without noise where fewer digits give it back. */
static const char *exact(char buffer[SHEET_NUMBER_TEXT], double v)
{
    if (v == floor(v) && fabs(v) < 1e15) {
        snprintf(buffer, SHEET_NUMBER_TEXT, "%.0f", v);
        return buffer;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(buffer, SHEET_NUMBER_TEXT, "%.*g", digits, v);
        if (strtod(buffer, NULL) == v)
            break;
    }
    return buffer;
}

static void print_csv_cell(const struct sheet *s, FILE *out, size_t row, size_t column)
{
    const struct cell *c = &s->cells[row * s->ncolumns + column];
    char number[SHEET_NUMBER_TEXT];
    if (c->text != NULL)
        csv_put(out, c->text);
    else if (isfinite(c->value))
        fputs(exact(number, c->value), out);
}

static bool any_weak(const struct sheet *s)
{
    for (size_t i = 0; i < s->nrows * s->ncolumns; i++)
        if (s->cells[i].weak)
            return true;
    return false;
}

static void print_weak_names(const struct sheet *s, FILE *out, size_t row)
{
    struct text names = {0};
    for (size_t i = 0; i < s->ncolumns; i++)
        if (s->cells[row * s->ncolumns + i].weak)
            text_add(&names, "%s%s", names.length > 0 ? " " : "", s->columns[i].name);
    csv_put(out, names.chars != NULL ? names.chars : "");
    text_free(&names);
}

void sheet_print_csv(const struct sheet *s, FILE *out)
{
    const bool weak = any_weak(s);
    const char *comma = "";
    for (size_t i = 0; i < s->ncolumns; i++)
        if (s->columns[i].kind != SHEET_SHOWN) {
            fprintf(out, "%s%s", comma, s->columns[i].name);
            comma = ",";
        }
    fprintf(out, weak ? ",weak\n" : "\n");
    for (size_t r = 0; r < s->nrows; r++) {
        comma = "";
        for (size_t i = 0; i < s->ncolumns; i++)
            if (s->columns[i].kind != SHEET_SHOWN) {
                fputs(comma, out);
                print_csv_cell(s, out, r, i);
                comma = ",";
            }
        if (weak) {
            fputc(',', out);
            print_weak_names(s, out, r);
        }
        fputc('\n', out);
    }
}

static json_t *cell_json(const struct sheet *s, const struct cell *c, size_t column)
{
    if (c->text != NULL)
        return json_string(c->text);
    if (s->columns[column].kind != SHEET_NUMBER)
        return json_string("");
    if (!isfinite(c->value))
        return json_null();
    if (c->value == floor(c->value) && fabs(c->value) < 9e15)
        return json_integer((json_int_t)c->value);
    return json_real(c->value);
}

static json_t *row_json(const struct sheet *s, size_t row)
{
    json_t *object = json_object(), *weak = json_array();
    for (size_t i = 0; i < s->ncolumns; i++) {
        const struct cell *c = &s->cells[row * s->ncolumns + i];
        if (s->columns[i].kind == SHEET_SHOWN)
            continue;
        json_object_set_new(object, s->columns[i].name, cell_json(s, c, i));
        if (c->weak)
            json_array_append_new(weak, json_string(s->columns[i].name));
    }
    if (json_array_size(weak) > 0)
        json_object_set(object, "weak", weak);
    json_decref(weak);
    return object;
}

json_t *sheet_json(const struct sheet *s)
{
    json_t *rows = json_array();
    for (size_t r = 0; r < s->nrows; r++)
        json_array_append_new(rows, row_json(s, r));
    return rows;
}

void sheet_print_table(const struct sheet *s, FILE *out, size_t width)
{
    char **cells = rb_calloc(s->nrows * s->ncolumns, sizeof *cells);
    for (size_t r = 0; r < s->nrows; r++)
        for (size_t i = 0; i < s->ncolumns; i++)
            cells[r * s->ncolumns + i] = cell_text(s, r, i);
    const struct sheet_grid g = { s->columns, s->ncolumns, s->hidden, cells, s->nrows };
    sheet_grid_print(out, &g, width > 0 ? width : sheet_width());
    for (size_t i = 0; i < s->nrows * s->ncolumns; i++)
        free(cells[i]);
    free(cells);
}

void sheet_print(const struct sheet *s, const char *format, const char *kind, const json_t *extra)
{
    if (strcmp(format, "csv") == 0) {
        sheet_print_csv(s, stdout);
    } else if (strcmp(format, "json") == 0) {
        json_t *all = json_pack("{s:i, s:s, s:o}", "schema", 1, "kind", kind, "rows", sheet_json(s));
        if (extra != NULL)
            json_object_update_missing(all, (json_t *)extra);
        json_dumpf(all, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
        fputc('\n', stdout);
        json_decref(all);
    } else {
        sheet_print_table(s, stdout, 0);
    }
}
