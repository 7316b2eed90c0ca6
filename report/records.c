#include "report/records.h"

#include "core/error.h"
#include "core/text.h"
#include "report/records_fields.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIGITS = 10, MAX_LINE = 16 << 20 };

/* --- writing --- */

static int flush(FILE *out)
{
    const bool broken = ferror(out) != 0 || fflush(out) != 0;
    /* A pipe or a terminal has no disk to reach. */
    if (broken || (fsync(fileno(out)) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS))
        return rb_fail(RB_EUSAGE, "cannot write the results: %s", strerror(errno));
    return RB_OK;
}

int records_put_json(FILE *out, const char *kind, const json_t *object)
{
    json_t *all = json_pack("{s:i, s:s}", "schema", RECORD_SCHEMA, "kind", kind);
    json_t *copy = json_copy((json_t *)(uintptr_t)object);
    json_object_del(copy, "schema");
    json_object_del(copy, "kind");
    json_object_update(all, copy);
    char *line = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    json_decref(copy);
    json_decref(all);
    if (line == NULL)
        return rb_fail(RB_EINTERNAL, "a record of kind %s cannot be made JSON", kind);
    const size_t length = strlen(line);
    line[length] = '\n'; /* one write for the whole line: a killed run leaves at most its last line in halves */
    const bool whole = fwrite(line, 1, length + 1, out) == length + 1;
    free(line);
    return whole ? RB_OK : rb_fail(RB_EUSAGE, "cannot write the results: %s", strerror(errno));
}

int records_write_json(FILE *out, const char *kind, const json_t *object)
{
    RB_TRY(records_put_json(out, kind, object));
    return flush(out);
}

json_t *record_case_json(const struct record_case *c)
{
    json_t *j = fields_json(&case_table, c);
    if (c->samples_us != NULL) {
        json_t *samples = json_array();
        for (size_t i = 0; i < c->nsamples; i++)
            json_array_append_new(samples, isfinite(c->samples_us[i]) ? json_real(c->samples_us[i]) : json_null());
        json_object_set_new(j, "samples_us", samples);
    }
    return j;
}

static int write_new(FILE *out, const char *kind, json_t *object)
{
    const int rc = records_write_json(out, kind, object);
    json_decref(object);
    return rc;
}

int records_write_case(FILE *out, const struct record_case *c)
{
    return write_new(out, case_table.kind, record_case_json(c));
}

int records_write_pair(FILE *out, const struct record_pair *p)
{
    return write_new(out, pair_table.kind, fields_json(&pair_table, p));
}

int records_write_note(FILE *out, const char *about, const char *text)
{
    return write_new(out, "note", json_pack("{s:s, s:s}", "about", about, "text", text));
}

int records_write_csv(FILE *out, const struct records *r)
{
    fields_csv_header(out, &case_table);
    for (size_t i = 0; i < r->ncases; i++)
        fields_csv_row(out, &case_table, &r->cases[i]);
    return flush(out);
}

/* --- a list in memory --- */

/* Room for one more; capacities are powers of two, so the count tells when to grow. */
static void *grow(void *list, size_t count, size_t size)
{
    return (count & (count - 1)) == 0 ? rb_realloc(list, (count == 0 ? 1 : 2 * count) * size) : list;
}

void records_add_case(struct records *r, const struct record_case *c)
{
    r->cases = grow(r->cases, r->ncases, sizeof *r->cases);
    r->cases[r->ncases++] = *c;
}

void records_add_pair(struct records *r, const struct record_pair *p)
{
    r->pairs = grow(r->pairs, r->npairs, sizeof *r->pairs);
    r->pairs[r->npairs++] = *p;
}

void records_free(struct records *r)
{
    for (size_t i = 0; i < r->ncases; i++)
        free(r->cases[i].samples_us);
    free(r->cases);
    free(r->pairs);
    free(r->path);
    json_decref(r->run);
    json_decref(r->notes);
    json_decref(r->workloads);
    json_decref(r->gemms);
    json_decref(r->plans);
    *r = (struct records){0};
}

/* --- reading --- */

static bool parse_samples(struct record_case *c, const json_t *object, char why[160])
{
    const json_t *list = json_object_get(object, "samples_us");
    const size_t n = json_array_size(list);
    c->samples_us = NULL;
    c->nsamples = 0;
    if (list == NULL || json_is_null(list))
        return true;
    bool whole = json_is_array(list);
    double *samples = rb_calloc(n, sizeof *samples);
    for (size_t i = 0; i < n && whole; i++) {
        const json_t *v = json_array_get(list, i);
        samples[i] = json_is_null(v) ? NAN : json_number_value(v);
        whole = json_is_null(v) || (json_is_number(v) && samples[i] >= 0);
    }
    if (!whole) {
        free(samples);
        snprintf(why, 160, "\"samples_us\": an array of times is expected here");
        return false;
    }
    c->samples_us = samples;
    c->nsamples = n;
    return true;
}

static bool take_case(struct records *r, json_t *object, char why[160])
{
    struct record_case c;
    memset(&c, 0, sizeof c);
    if (!fields_parse(&case_table, object, &c, why) || !parse_samples(&c, object, why))
        return false;
    records_add_case(r, &c);
    return true;
}

static bool take_pair(struct records *r, json_t *object, char why[160])
{
    struct record_pair p;
    memset(&p, 0, sizeof p);
    if (!fields_parse(&pair_table, object, &p, why))
        return false;
    records_add_pair(r, &p);
    return true;
}

static bool take_run(struct records *r, json_t *object, char why[160])
{
    (void)why;
    json_decref(r->run);
    r->run = json_incref(object);
    return true;
}

static bool take_note(struct records *r, json_t *object, char why[160])
{
    if (!json_is_string(json_object_get(object, "text"))) {
        snprintf(why, 160, "\"text\": a text is expected here");
        return false;
    }
    if (r->notes == NULL)
        r->notes = json_array();
    json_array_append(r->notes, object);
    return true;
}

static bool take_plan(struct records *r, json_t *object, char why[160])
{
    if (!json_is_string(json_object_get(object, "cluster"))) {
        snprintf(why, 160, "\"cluster\": a text is expected here");
        return false;
    }
    if (r->plans == NULL)
        r->plans = json_array();
    json_array_append(r->plans, object);
    return true;
}

static bool take_workload(struct records *r, json_t *object, char why[160])
{
    if (!json_is_string(json_object_get(object, "name"))) {
        snprintf(why, 160, "\"name\": a text is expected here");
        return false;
    }
    if (r->workloads == NULL)
        r->workloads = json_array();
    json_array_append(r->workloads, object);
    return true;
}

static bool take_gemm(struct records *r, json_t *object, char why[160])
{
    if (!json_is_string(json_object_get(object, "type")) || !json_is_number(json_object_get(object, "tflops"))) {
        snprintf(why, 160, "\"type\", \"tflops\": a text and a number are expected here");
        return false;
    }
    if (r->gemms == NULL)
        r->gemms = json_array();
    json_array_append(r->gemms, object);
    return true;
}

static bool take_derived(struct records *r, json_t *object, char why[160])
{
    (void)r, (void)object, (void)why;
    return true;
}

static const struct kind {
    const char *name;
    bool (*take)(struct records *r, json_t *object, char why[160]);
} kinds[] = {
    { "run", take_run }, { "case", take_case }, { "pair", take_pair }, { "note", take_note }, { "workload", take_workload },
    { "plan", take_plan }, { "gemm", take_gemm },
    { "fit", take_derived }, { "limit", take_derived },
};

static bool check_head(const json_t *object, char why[160])
{
    const json_t *schema = json_object_get(object, "schema");
    if (!json_is_object(object))
        snprintf(why, 160, "an object is expected on every line");
    else if (!json_is_integer(schema))
        snprintf(why, 160, "\"schema\": a whole number is expected in every record");
    else if (json_integer_value(schema) != RECORD_SCHEMA)
        snprintf(why, 160, "schema %lld; this program reads schema %d", (long long)json_integer_value(schema), RECORD_SCHEMA);
    else if (!json_is_string(json_object_get(object, "kind")))
        snprintf(why, 160, "\"kind\": a text is expected in every record");
    else
        return true;
    return false;
}

static bool take_line(struct records *r, const struct text *line, char why[160])
{
    json_error_t error;
    json_t *object = json_loadb(line->chars, line->length, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        snprintf(why, 160, "not JSON at column %d: %.100s", error.column, error.text);
        return false;
    }
    bool good = check_head(object, why);
    if (good) {
        const char *name = json_string_value(json_object_get(object, "kind"));
        size_t i = 0;
        while (i < RB_LEN(kinds) && strcmp(kinds[i].name, name) != 0)
            i++;
        /* A kind that a later version adds is no damage. */
        good = i == RB_LEN(kinds) || kinds[i].take(r, object, why);
    }
    json_decref(object);
    return good;
}

/* Without its newline; *ended_p tells whether there was one. False: the end. Longer lines than MAX_LINE are cut. */
static bool read_line(FILE *f, struct text *line, bool *ended_p)
{
    char block[4096];
    size_t n = 0;
    int c;
    line->length = 0;
    while ((c = getc_unlocked(f)) != EOF && c != '\n') {
        block[n++] = (char)c;
        if (n == sizeof block) {
            if (line->length < MAX_LINE)
                text_add_bytes(line, block, n);
            n = 0;
        }
    }
    text_add_bytes(line, block, n);
    *ended_p = c == '\n';
    return c == '\n' || line->length > 0;
}

static bool is_blank(const struct text *line)
{
    return strspn(line->chars, " \t\r") == line->length;
}

static int read_lines(struct records *r, FILE *f, bool tolerant)
{
    struct text line = {0};
    bool ended = true;
    int rc = RB_OK;
    for (size_t number = 1; rc == RB_OK && read_line(f, &line, &ended); number++) {
        char why[160];
        if (is_blank(&line) || take_line(r, &line, why))
            continue;
        r->damaged++;
        if (!ended)
            rb_note("%s:%zu: the last line is cut off, as a killed run leaves it; it is left out", r->path, number);
        else if (tolerant)
            rb_warn("%s:%zu: %s; the line is left out", r->path, number, why);
        else
            rc = rb_fail(RB_EUSAGE, "%s:%zu: %s", r->path, number, why);
    }
    if (rc == RB_OK && ferror(f))
        rc = rb_fail(RB_EUSAGE, "%s: %s", r->path, strerror(errno));
    text_free(&line);
    return rc;
}

static int read_stream(struct records *r, const char *path, FILE *f, bool tolerant)
{
    struct records all = { .path = rb_strdup(path) };
    int rc = read_lines(&all, f, tolerant);
    if (rc == RB_OK && all.ncases == 0 && all.npairs == 0 && all.run == NULL)
        rc = rb_fail(RB_EUSAGE, "%s: no usable record; a results.jsonl of ringbench is expected", path);
    if (rc != RB_OK) {
        records_free(&all);
        return rc;
    }
    *r = all;
    return RB_OK;
}

int records_read(struct records *r, const char *path, bool tolerant)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    const int rc = read_stream(r, path, f, tolerant);
    fclose(f);
    return rc;
}

int records_read_memory(struct records *r, const char *path, const char *bytes, size_t length, bool tolerant)
{
    if (length == 0)
        return rb_fail(RB_EUSAGE, "%s: empty; a results.jsonl of ringbench is expected", path);
    FILE *f = fmemopen((void *)(uintptr_t)bytes, length, "rb");
    if (f == NULL)
        return rb_fail(RB_EINTERNAL, "%s: %s", path, strerror(errno));
    const int rc = read_stream(r, path, f, tolerant);
    fclose(f);
    return rc;
}

/* --- same --- */

/* Numbers first: most pairs differ there already. */
static bool same_but_bytes(const struct record_case *a, const struct record_case *b)
{
    return a->ranks == b->ranks && a->nodes == b->nodes && a->root == b->root && a->in_place == b->in_place && strcmp(a->type, b->type) == 0 &&
           strcmp(a->op, b->op) == 0 && strcmp(a->collective, b->collective) == 0;
}

bool records_same_case(const struct record_case *a, const struct record_case *b)
{
    return a->bytes == b->bytes && same_but_bytes(a, b);
}

bool records_same_curve(const struct record_case *a, const struct record_case *b)
{
    return a->servers == b->servers && same_but_bytes(a, b) && strcmp(a->algorithm, b->algorithm) == 0 && strcmp(a->transport, b->transport) == 0 &&
           strcmp(a->baseline, b->baseline) == 0 && strcmp(a->label, b->label) == 0;
}
