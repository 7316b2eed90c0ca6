#include "bench/suite_tables.h"

#include "bench/outcome.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void suite_tables_open(struct suite_tables *t, const struct session *s, const struct suite *suite)
{
    *t = (struct suite_tables){ .session = s, .suite = suite };
    if (s->job->rank == 0)
        t->rows = rb_calloc(suite->nsubjects * suite->nsizes * 2, sizeof *t->rows);
}

void suite_tables_close(struct suite_tables *t)
{
    free(t->rows);
}

static struct shown *row_of(const struct suite_tables *t, size_t subject, size_t size, int placement)
{
    return &t->rows[(subject * t->suite->nsizes + size) * 2 + (size_t)placement];
}

void suite_tables_add(struct suite_tables *t, const struct unit *u, size_t subject, const struct record_case *c)
{
    struct shown *row = row_of(t, subject, (size_t)(u->size - t->suite->sizes), u->in_place);
    row->there = true;
    row->c = *c;
    row->c.samples_us = NULL;
    row->osu = (struct table_osu){ NAN, NAN };
    if (c->nsamples == 0)
        return;
    double sum = 0, most = 0;
    for (size_t i = 0; i < c->nsamples; i++) {
        sum += c->samples_us[i];
        most = c->samples_us[i] > most ? c->samples_us[i] : most;
    }
    row->osu = (struct table_osu){ sum / (double)c->nsamples, most };
}

static const struct record_case *shown_case(const struct shown *row)
{
    return row->there ? &row->c : NULL;
}

/* Auto takes slots for short messages and direct access for long ones. */
static const char *protocol_of(const struct suite_tables *t, size_t subject, const struct record_case *c)
{
    for (size_t i = 0; i < t->suite->nsizes; i++)
        for (int p = 0; p < 2; p++) {
            const struct shown *row = row_of(t, subject, i, p);
            if (row->there && strcmp(row->c.protocol, c->protocol) != 0)
                return "slots or direct, by size";
        }
    return c->protocol;
}

/* The largest size whose calls were too short for the clock; NULL when -m says how many, or none was. */
static const struct record_case *last_aggregated(const struct suite_tables *t, size_t subject)
{
    const struct record_case *last = NULL;
    for (size_t i = 0; t->session->settings->aggregate == 0 && i < t->suite->nsizes; i++)
        for (int p = 0; p < 2; p++) {
            const struct shown *row = row_of(t, subject, i, p);
            if (row->there && row->c.aggregate > 1)
                last = &row->c;
        }
    return last;
}

/* A resumed run may show rows of a baseline that is not there now. */
static const char *version_of(const struct suite_tables *t, const char *name)
{
    const struct baseline_subject *who = baselines_find(&t->session->baselines, name);
    return who != NULL && who->open != NULL ? who->open->version : "of a run before";
}

/* "by ring over shm (direct), sum of float" */
static char *title_of(const struct suite_tables *t, size_t subject, const struct record_case *c)
{
    const struct subject *who = &t->suite->subjects[subject];
    struct text title = {0};
    if (who->algorithm == NULL)
        text_add(&title, "by the baseline %s: %s", who->transport, version_of(t, who->transport));
    else
        text_add(&title, "by %s over %s", c->algorithm, c->transport);
    if (who->algorithm != NULL && c->protocol[0] != '\0')
        text_add(&title, " (%s)", protocol_of(t, subject, c));
    if (c->servers > 0 && who->algorithm != NULL)
        text_add(&title, ", %d server%s", c->servers, c->servers == 1 ? "" : "s");
    text_add(&title, ", %s%s%s", strcmp(c->op, "none") == 0 ? "" : c->op, strcmp(c->op, "none") == 0 ? "" : " of ", c->type);
    const struct record_case *last = last_aggregated(t, subject);
    char bytes[UNITS_TEXT];
    if (last != NULL)
        text_add(&title, "; up to %s a sample is of %d calls or more", units_bytes(bytes, last->bytes), last->aggregate);
    if (c->label[0] != '\0')
        text_add(&title, " (%s)", c->label);
    return title.chars;
}

static const struct record_case *any_case(const struct suite_tables *t, size_t subject)
{
    for (size_t i = 0; i < t->suite->nsizes; i++)
        for (int p = 0; p < 2; p++)
            if (row_of(t, subject, i, p)->there)
                return &row_of(t, subject, i, p)->c;
    return NULL;
}

static double minimum_from_environment(void)
{
    const char *text = getenv("NCCL_TESTS_MIN_BW");
    return text != NULL ? strtod(text, NULL) : 0;
}

static void print_rows(const struct suite_tables *t, size_t subject, struct table_totals *totals, FILE *out)
{
    const struct settings *s = t->session->settings;
    for (size_t i = 0; i < t->suite->nsizes; i++) {
        const struct record_case *a = shown_case(row_of(t, subject, i, 0)), *b = shown_case(row_of(t, subject, i, 1));
        if (out != NULL)
            table_row(out, s, a, b);
        table_count(totals, a);
        table_count(totals, b);
    }
}

static void print_osu(const struct suite_tables *t, size_t subject, const char *collective, const char *title, FILE *out)
{
    table_osu_head(out, collective, title);
    for (size_t i = 0; i < t->suite->nsizes; i++)
        if (row_of(t, subject, i, 0)->there)
            table_osu_row(out, &row_of(t, subject, i, 0)->c, &row_of(t, subject, i, 0)->osu);
}

/* False when it is one of ours and below the environment's minimum. */
static bool print_table(const struct suite_tables *t, size_t subject, double *best, FILE *out)
{
    const struct record_case *c = any_case(t, subject);
    if (c == NULL)
        return true;
    const struct settings *s = t->session->settings;
    const bool ours = t->suite->subjects[subject].algorithm != NULL && strcmp(c->transport, "null") != 0;
    const double minimum = ours ? minimum_from_environment() : 0;
    struct table_totals totals = {0};
    bool enough = true;
    char *title = title_of(t, subject, c);
    if (strcmp(s->format, "table") != 0) {
        print_rows(t, subject, &totals, NULL);
        enough = totals.count == 0 || totals.sum / (double)totals.count >= 0.9 * minimum;
    } else if (s->osu) {
        print_osu(t, subject, c->collective, title, out);
    } else {
        table_head(out, s, c->collective, title);
        print_rows(t, subject, &totals, out);
        enough = table_foot(out, &totals, c->collective, minimum);
    }
    free(title);
    if (ours && totals.best > *best)
        *best = totals.best;
    return enough;
}

bool suite_tables_print(const struct suite_tables *t, FILE *out)
{
    const size_t n = t->suite->nsubjects;
    bool enough = true;
    double best = 0;
    for (int ours = 0; ours < 2; ours++)
        for (size_t i = 0; i < n; i++)
            if ((t->suite->subjects[i].algorithm != NULL) == (ours == 1))
                enough &= print_table(t, i, &best, out);
    const double asked = t->session->settings->min_busbw;
    if (asked > 0 && !(best > 0)) {
        rb_fail(RB_EDATA, "%s: --min-busbw %.3g cannot be judged: nothing travels between the ranks", collective_get(t->suite->collective)->name, asked);
        return false;
    }
    if (asked > 0 && best < asked) {
        rb_fail(RB_EDATA, "%s: the best busbw is %.3g GB/s, below --min-busbw %.3g", collective_get(t->suite->collective)->name, best, asked);
        return false;
    }
    return enough;
}
