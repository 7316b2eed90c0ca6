#include "report/import_nccl_table.h"

#include "core/error.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* --- heading --- */

static enum nccl_column column_of(struct import_word word)
{
    static const struct {
        const char *name;
        enum nccl_column kind;
    } rows[] = {
        { "size", COLUMN_SIZE },    { "bytes", COLUMN_SIZE },  { "count", COLUMN_COUNT },   { "N", COLUMN_COUNT },
        { "type", COLUMN_TYPE },    { "redop", COLUMN_OP },    { "op", COLUMN_OP },         { "root", COLUMN_ROOT },
        { "time", COLUMN_TIME },    { "cputime", COLUMN_TIME }, { "algbw", COLUMN_ALGBW },  { "busbw", COLUMN_BUSBW },
        { "#wrong", COLUMN_WRONG }, { "error", COLUMN_ERROR }, { "res", COLUMN_ERROR },     { "i_min", COLUMN_MIN },
        { "i_p99", COLUMN_P99 },    { "i_cv%", COLUMN_CV },    { "timestamp", COLUMN_STAMP },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++)
        if (import_word_is(word, rows[i].name))
            return rows[i].kind;
    return COLUMN_OTHER;
}

static bool has_kind(const struct nccl_columns *c, enum nccl_column kind)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->kind[i] == kind)
            return true;
    return false;
}

bool nccl_heading(const char *text, struct nccl_columns *columns)
{
    text += strspn(text, "# ");
    if (strstr(text, "busbw") == NULL || strstr(text, "time") == NULL)
        return false;
    struct import_word words[NCCL_MAX_COLUMNS];
    struct nccl_columns c = { .n = import_words(text, words, NCCL_MAX_COLUMNS) };
    if (c.n > NCCL_MAX_COLUMNS)
        return false;
    for (size_t i = 0; i < c.n; i++)
        c.kind[i] = column_of(words[i]);
    if (c.kind[0] != COLUMN_SIZE || !has_kind(&c, COLUMN_TIME) || !has_kind(&c, COLUMN_ALGBW) || !has_kind(&c, COLUMN_BUSBW))
        return false;
    c.has_counts = has_kind(&c, COLUMN_COUNT);
    c.scale = import_word_is(words[0], "bytes") ? 1000 : 1; /* nccl-tests 2.0 printed milliseconds and no units */
    *columns = c;
    return true;
}

void nccl_units(const char *text, struct nccl_columns *columns)
{
    if (strstr(text, "(B)") != NULL && strstr(text, "(ms)") != NULL)
        columns->scale = 1000;
}

/* --- rows --- */

bool nccl_is_row(const struct nccl_columns *columns, const char *text)
{
    if (columns->n == 0 || !isdigit((unsigned char)text[0]))
        return false;
    struct import_word words[4];
    const size_t n = import_words(text, words, 4);
    uint64_t whole;
    double number;
    if (n < 4 || !import_whole(words[0], &whole))
        return false;
    if (!columns->has_counts)
        return import_number(words[1], &number, NULL) && import_number(words[2], &number, NULL);
    return import_whole(words[1], &whole) && (columns->kind[2] != COLUMN_TYPE || isalpha((unsigned char)words[2].at[0]));
}

/* A row's words under its columns, with what is left out filled by empty words. */
struct aligned {
    struct import_word word[NCCL_MAX_COLUMNS];
    bool skip_first; /* nothing was measured out of place */
};

static bool looks_named(struct import_word w)
{
    return w.length > 0 && isalpha((unsigned char)w.at[0]);
}

static size_t columns_per_place(const struct nccl_columns *c)
{
    size_t first = c->n, second = c->n;
    for (size_t i = c->n; i-- > 0;)
        if (c->kind[i] == COLUMN_TIME) {
            second = first;
            first = i;
        }
    return second < c->n ? second - first : 0;
}

/* Which columns are blank: the operator and the root of collectives without, or all of a placement. */
static bool align(const struct nccl_columns *c, const struct import_word *words, size_t n, struct aligned *a)
{
    size_t missing = c->n - n, at = 0;
    const size_t place = columns_per_place(c);
    a->skip_first = place > 0 && missing >= place;
    if (a->skip_first)
        missing -= place;
    for (size_t i = 0, times = 0; i < c->n; i++) {
        times += c->kind[i] == COLUMN_TIME;
        const bool blank_op = c->kind[i] == COLUMN_OP && at < n && !looks_named(words[at]);
        const bool blank_text = missing > 0 && (blank_op || c->kind[i] == COLUMN_ROOT);
        const bool blank_place = a->skip_first && times == 1;
        missing -= blank_text;
        a->word[i] = (struct import_word){ "", 0 };
        if (!blank_text && !blank_place) {
            if (at == n)
                return false;
            a->word[i] = words[at++];
        }
    }
    return at == n && missing == 0;
}

/* nan and inf, as printed for a time of zero, are figures that are not available. */
static bool figure(struct import_word w, double *value_p, double *half_p)
{
    const char *at = w.at + (w.length > 1 && (w.at[0] == '-' || w.at[0] == '+'));
    if (import_begins(at, "nan") || import_begins(at, "inf")) {
        *value_p = NAN;
        *half_p = 0;
        return true;
    }
    return import_number(w, value_p, half_p) && *value_p >= 0;
}

static bool parse_wrong(struct import_word w, int64_t *wrong_p)
{
    double value;
    if (import_word_is(w, "N/A"))
        return true;
    if (!import_number(w, &value, NULL) || value < 0 || value > 9e15)
        return false;
    *wrong_p = (int64_t)value;
    return true;
}

static bool parse_extra(enum nccl_column kind, struct import_word w, double scale, struct nccl_figure *f)
{
    double value;
    if (!figure(w, &value, &(double){0}))
        return false;
    *(kind == COLUMN_MIN ? &f->min_us : kind == COLUMN_P99 ? &f->p99_us : &f->cv) = kind == COLUMN_CV ? value / 100 : value * scale;
    return true;
}

static bool parse_figure(enum nccl_column kind, struct import_word w, double scale, struct nccl_figure *f)
{
    double ignored;
    switch (kind) {
    case COLUMN_TIME:
        if (!figure(w, &f->time_us, &f->half_time))
            return false;
        f->time_us *= scale;
        f->half_time *= scale;
        return true;
    case COLUMN_ALGBW:
        return figure(w, &f->algbw, &f->half_algbw);
    case COLUMN_BUSBW:
        f->present = true;
        return figure(w, &f->busbw, &f->half_busbw);
    case COLUMN_WRONG:
        return parse_wrong(w, &f->wrong);
    case COLUMN_ERROR: /* the largest difference; whether it is too large is said below the table */
        return import_word_is(w, "N/A") || figure(w, &ignored, &(double){0});
    case COLUMN_MIN:
    case COLUMN_P99:
    case COLUMN_CV:
        return parse_extra(kind, w, scale, f);
    default:
        return true;
    }
}

static bool parse_head(enum nccl_column kind, struct import_word w, struct nccl_row *row)
{
    uint64_t root;
    switch (kind) {
    case COLUMN_SIZE:
        return import_whole(w, &row->bytes);
    case COLUMN_COUNT:
        return import_whole(w, &row->count);
    case COLUMN_TYPE:
        import_copy(row->type, sizeof row->type, w.at, w.length);
        return looks_named(w);
    case COLUMN_OP:
        import_copy(row->op, sizeof row->op, w.length > 0 ? w.at : "none", w.length > 0 ? w.length : 4);
        return w.length == 0 || looks_named(w);
    case COLUMN_ROOT:
        if (w.length == 0 || import_word_is(w, "-1"))
            return true;
        if (!import_whole(w, &root) || root > 1000000)
            return false;
        row->root = (int)root;
        return true;
    default:
        return true;
    }
}

/* The words of the line without those of a time stamp; a stamp is the last column. */
static size_t row_words(const struct nccl_columns *c, const char *text, struct import_word *words)
{
    const size_t n = import_words(text, words, NCCL_MAX_COLUMNS + 2);
    if (!has_kind(c, COLUMN_STAMP) || n < 2 || n > NCCL_MAX_COLUMNS + 2)
        return n;
    return memchr(words[n - 1].at, ':', words[n - 1].length) != NULL ? n - 1 : n;
}

bool nccl_parse_row(const struct nccl_columns *columns, const struct import_line *line, struct nccl_run *run, const char **why_p)
{
    struct import_word words[NCCL_MAX_COLUMNS + 2];
    const size_t n = row_words(columns, line->text, words);
    struct aligned a;
    *why_p = "a row that does not fit its heading: cut off, or two processes wrote into one line";
    if (n > columns->n || !align(columns, words, n, &a))
        return false;
    struct nccl_row row = *nccl_add_row(run);
    run->nrows--;
    row.line = line->number;
    for (size_t i = 0, times = 0; i < columns->n; i++) {
        times += columns->kind[i] == COLUMN_TIME;
        const size_t place = times < 2 ? 0 : 1;
        if (times > 2 || !parse_head(columns->kind[i], a.word[i], &row))
            return false;
        if (times > 0 && !(place == 0 && a.skip_first) &&
            !parse_figure(columns->kind[i], a.word[i], columns->scale, &row.place[place])) {
            *why_p = "a row with a word where a number is expected";
            return false;
        }
    }
    run->rows[run->nrows++] = row;
    return true;
}
