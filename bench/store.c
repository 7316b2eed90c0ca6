#include "bench/store.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct store {
    char *folder, *path;
    FILE *file; /* NULL until the run line of a run that does not resume */
    struct record_case *cases; /* without samples */
    size_t ncases, capacity;
};

static int make_folder(const char *path)
{
    char *copy = rb_strdup(path);
    int rc = RB_OK;
    for (char *slash = copy + 1; rc == RB_OK && (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            rc = rb_fail(RB_EUSAGE, "--output %s: %s: %s", path, copy, strerror(errno));
        *slash = '/';
    }
    if (rc == RB_OK && mkdir(path, 0777) != 0 && errno != EEXIST)
        rc = rb_fail(RB_EUSAGE, "--output %s: %s", path, strerror(errno));
    struct stat about;
    if (rc == RB_OK && (stat(path, &about) != 0 || !S_ISDIR(about.st_mode)))
        rc = rb_fail(RB_EUSAGE, "--output %s: not a folder", path);
    free(copy);
    return rc;
}

/* Tried by opening for appending: nothing that is there is lost. */
static int check_writable(const char *label, const char *path)
{
    const bool was_there = access(path, F_OK) == 0;
    FILE *f = fopen(path, "ae");
    if (f == NULL)
        return rb_fail(RB_EUSAGE, "%s%s: cannot be written: %s", label, path, strerror(errno));
    fclose(f);
    if (!was_there)
        unlink(path);
    return RB_OK;
}

static void remember(struct store *s, const struct record_case *c)
{
    if (s->ncases == s->capacity) {
        s->capacity = 2 * s->capacity + 64;
        s->cases = rb_realloc(s->cases, s->capacity * sizeof *s->cases);
    }
    s->cases[s->ncases] = *c;
    s->cases[s->ncases].samples_us = NULL;
    s->cases[s->ncases++].nsamples = 0;
}

static int check_same_settings(const struct records *old, const struct settings *settings)
{
    json_t *now = settings_json(settings);
    const json_t *then = json_object_get(old->run, "settings");
    const char *name = then != NULL ? settings_difference(then, now) : NULL;
    const char *was = name != NULL ? json_string_value(json_object_get(then, name)) : NULL;
    const char *is = name != NULL ? json_string_value(json_object_get(now, name)) : NULL;
    const int rc = name == NULL ? RB_OK
                                : rb_fail(RB_EUSAGE, "--resume: %s was measured with %s '%s', not '%s'; give the same options, or another --output",
                                          old->path, name, was != NULL ? was : "?", is != NULL ? is : "?");
    json_decref(now);
    return rc;
}

/* A killed run may have left half a line: it is cut off, else the next record would hang on it. */
static int cut_half_line(const char *path)
{
    FILE *f = fopen(path, "r+e");
    if (f == NULL)
        return rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    long whole = 0, at = 0;
    for (int c; (c = getc(f)) != EOF;) {
        at++;
        if (c == '\n')
            whole = at;
    }
    const int rc = whole < at && ftruncate(fileno(f), whole) != 0 ? rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno)) : RB_OK;
    fclose(f);
    return rc;
}

static int take_up(struct store *s, const struct settings *settings)
{
    struct records old;
    RB_TRY(records_read(&old, s->path, true));
    int rc = check_same_settings(&old, settings);
    for (size_t i = 0; rc == RB_OK && i < old.ncases; i++)
        remember(s, &old.cases[i]);
    records_free(&old);
    return rc == RB_OK ? cut_half_line(s->path) : rc;
}

/* A run that failed before its first result leaves nothing that is worth keeping. */
static bool holds_results(const char *path)
{
    char line[512];
    bool found = false;
    FILE *f = fopen(path, "re");
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
        found = strstr(line, "\"kind\":\"case\"") != NULL || strstr(line, "\"kind\":\"pair\"") != NULL;
    if (f != NULL)
        fclose(f);
    return found;
}

static int set_aside(const char *path, const char *folder)
{
    if (!holds_results(path))
        return RB_OK;
    char *previous = rb_format("%s/results.previous.jsonl", folder);
    const int rc = rename(path, previous);
    const int why = errno;
    if (rc == 0)
        rb_note("the results that were in %s are now in %s", path, previous);
    free(previous);
    return rc == 0 || why == ENOENT ? RB_OK : rb_fail(RB_EUSAGE, "%s: cannot be set aside: %s", path, strerror(why));
}

static int open_as(struct store *s, const char *mode)
{
    s->file = fopen(s->path, mode);
    return s->file != NULL ? RB_OK : rb_fail(RB_EUSAGE, "%s: %s", s->path, strerror(errno));
}

static int check_files(struct store *s, const struct settings *settings)
{
    const bool exists = access(s->path, F_OK) == 0;
    RB_TRY(check_writable("", s->path));
    if (settings->file != NULL)
        RB_TRY(check_writable("-J ", settings->file));
    if (!settings->resume || !exists)
        return RB_OK;
    RB_TRY(take_up(s, settings));
    return open_as(s, "ae");
}

int store_open(struct store **s_p, const struct settings *settings)
{
    RB_TRY(make_folder(settings->output));
    struct store *s = rb_calloc(1, sizeof *s);
    s->folder = rb_strdup(settings->output);
    s->path = rb_format("%s/results.jsonl", settings->output);
    const int rc = check_files(s, settings);
    if (rc != RB_OK) {
        store_close(s);
        return rc;
    }
    *s_p = s;
    return RB_OK;
}

const char *store_path(const struct store *s)
{
    return s->path;
}

int store_add_run(struct store *s, const json_t *run)
{
    if (s->file == NULL) {
        RB_TRY(set_aside(s->path, s->folder));
        RB_TRY(open_as(s, "we"));
    }
    return records_write_json(s->file, "run", run);
}

int store_add_note(struct store *s, const json_t *note)
{
    return records_write_json(s->file, "note", note);
}

int store_add_workload(struct store *s, const json_t *workload)
{
    return records_write_json(s->file, "workload", workload);
}

int store_add_gemm(struct store *s, const json_t *gemm)
{
    return records_write_json(s->file, "gemm", gemm);
}

int store_add_case(struct store *s, struct record_case *c)
{
    const int rc = records_write_case(s->file, c);
    free(c->samples_us);
    c->samples_us = NULL;
    c->nsamples = 0;
    remember(s, c);
    return rc;
}

int store_add_pair(struct store *s, const struct record_pair *p)
{
    return records_write_pair(s->file, p);
}

static bool is_same(const struct record_case *a, const struct record_case *b)
{
    return records_same_case(a, b) && strcmp(a->algorithm, b->algorithm) == 0 && strcmp(a->transport, b->transport) == 0 &&
           strcmp(a->baseline, b->baseline) == 0 && a->servers == b->servers &&
           (b->protocol[0] == '\0' || strcmp(a->protocol, b->protocol) == 0);
}

const struct record_case *store_find(const struct store *s, const struct record_case *name)
{
    for (size_t i = 0; i < s->ncases; i++)
        if (is_same(&s->cases[i], name))
            return &s->cases[i];
    return NULL;
}

const struct record_case *store_cases(const struct store *s, size_t *count_p)
{
    *count_p = s->ncases;
    return s->cases;
}

int store_read(const struct store *s, struct records *r)
{
    return records_read(r, s->path, true);
}

int store_write_json(FILE *out, const struct records *r)
{
    json_t *document = json_object(), *cases = json_array();
    for (size_t i = 0; i < r->ncases; i++)
        json_array_append_new(cases, record_case_json(&r->cases[i]));
    json_object_set_new(document, "schema", json_integer(RECORD_SCHEMA));
    json_object_set(document, "run", r->run != NULL ? r->run : json_null());
    json_object_set_new(document, "cases", cases);
    int rc = json_dumpf(document, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    json_decref(document);
    if (rc == 0 && (fputc('\n', out) == EOF || fflush(out) != 0))
        rc = -1;
    return rc == 0 ? RB_OK : rb_fail(RB_EUSAGE, "the JSON cannot be written: %s", strerror(errno));
}

static int write_table(const char *path, const struct records *r, int (*write)(FILE *, const struct records *))
{
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    const int rc = write(f, r);
    return fclose(f) == 0 || rc != RB_OK ? rc : rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
}

int store_write_tables(const struct store *s, const struct settings *settings)
{
    struct records r;
    RB_TRY(store_read(s, &r));
    char *csv = rb_format("%s/results.csv", settings->output);
    int rc = write_table(csv, &r, records_write_csv);
    if (rc == RB_OK && settings->file != NULL)
        rc = write_table(settings->file, &r, text_ends_with(settings->file, ".json") ? store_write_json : records_write_csv);
    if (rc == RB_OK && strcmp(settings->format, "json") == 0)
        rc = store_write_json(stdout, &r);
    if (rc == RB_OK && strcmp(settings->format, "csv") == 0)
        rc = records_write_csv(stdout, &r);
    free(csv);
    records_free(&r);
    return rc;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->file != NULL)
        fclose(s->file);
    free(s->cases);
    free(s->folder);
    free(s->path);
    free(s);
}
