#include "bench/sweep.h"

#include "bench/measure.h"
#include "bench/outcome.h"
#include "bench/progress.h"
#include "bench/suite_tables.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A run without options must end within a minute, report included; on a busy machine everything takes longer. Longer lists
 * get what each case needs to say anything. */
static const double least_total_sec = 38, least_per_weight = 0.02, most_per_subject = 2;
static const uint64_t reference_bytes = (uint64_t)64 << 20;

/* What unit takes more: large messages need as many samples, and each takes longer. */
static double weight_of(const struct suite *suite, const struct size *size)
{
    return (double)suite->nsubjects * (1 + 9 * sqrt((double)size->bytes / (double)reference_bytes));
}

static double suite_weight(const struct suite *suite)
{
    double sum = 0;
    for (size_t i = 0; i < suite->nsizes; i++)
        sum += weight_of(suite, &suite->sizes[i]);
    return sum * suite_placements(suite);
}

static double whole_weight(const struct cases *c)
{
    double sum = 0;
    for (size_t i = 0; i < c->nsuites; i++)
        sum += suite_weight(&c->suites[i]);
    return sum;
}

static double planned_sec(const struct cases *c)
{
    return fmax(least_total_sec, least_per_weight * whole_weight(c));
}

/* How far a sweep has come; on rank 0. */
struct pace {
    const struct settings *settings;
    double weight_left, weight_whole, deadline;
    struct progress progress;
};

static double budget_of(const struct pace *p, const struct suite *suite, const struct size *size)
{
    const double subjects = (double)suite->nsubjects;
    if (p->settings->budget > 0)
        return p->settings->budget * subjects;
    const double left = p->deadline - clock_sec(), share = left * weight_of(suite, size) / p->weight_left;
    return share < 0.001 * subjects ? 0.001 * subjects : share > most_per_subject * subjects ? most_per_subject * subjects : share;
}

double sweep_estimate(const struct settings *settings, const struct cases *cases)
{
    const struct pace p = { .settings = settings, .weight_left = whole_weight(cases), .deadline = clock_sec() + planned_sec(cases) };
    double sum = 0;
    for (size_t i = 0; i < cases->nsuites; i++)
        for (size_t j = 0; j < cases->suites[i].nsizes; j++)
            sum += budget_of(&p, &cases->suites[i], &cases->suites[i].sizes[j]) * suite_placements(&cases->suites[i]);
    return sum;
}

/* Case numbers: suite by suite, size by size, placement by placement, subject by subject. */
static int case_number(const struct cases *c, const struct suite *suite, size_t size, int placement)
{
    size_t id = 0;
    for (const struct suite *s = c->suites; s != suite; s++)
        id += s->nsubjects * s->nsizes * (size_t)suite_placements(s);
    return (int)(id + (size * (size_t)suite_placements(suite) + (size_t)placement) * suite->nsubjects);
}

void sweep_describe(const void *context, int case_id, char *text, size_t room)
{
    const struct sweep *sweep = context;
    const struct cases *c = sweep->cases;
    size_t id = (size_t)case_id, i = 0;
    for (; i < c->nsuites; i++) {
        const size_t own = c->suites[i].nsubjects * c->suites[i].nsizes * (size_t)suite_placements(&c->suites[i]);
        if (id < own)
            break;
        id -= own;
    }
    if (i == c->nsuites) {
        snprintf(text, room, "case %d", case_id);
        return;
    }
    const struct suite *suite = &c->suites[i];
    const size_t placements = (size_t)suite_placements(suite);
    const struct subject *subject = &suite->subjects[id % suite->nsubjects];
    const struct comm *comm = session_comm(sweep->session, subject->transport);
    char bytes[UNITS_TEXT];
    snprintf(text, room, "%s %s over %s, %s%s", collective_get(suite->collective)->name,
             subject->algorithm != NULL ? subject->algorithm->family : "baseline", comm != NULL ? comm_transport(comm) : subject->transport,
             units_bytes(bytes, suite->sizes[id / suite->nsubjects / placements].bytes), id / suite->nsubjects % placements == 1 ? ", in place" : "");
}

/* What rank 0 tells the others before each unit. */
struct instruction {
    double budget;
    bool skip;
};

static bool is_known(const struct sweep *s, const struct unit *u)
{
    for (size_t i = 0; i < u->suite->nsubjects; i++) {
        struct record_case name;
        outcome_name(&name, s->session, u, i);
        if (store_find(s->store, &name) == NULL)
            return false;
    }
    return true;
}

static void note_median(struct sweep *s, const struct unit *u, size_t subject, const struct record_case *c, uint64_t cycle)
{
    double *at = cycle == 0 ? s->first_us : s->now_us;
    at[(size_t)u->case_id + subject] = c->time_us.median;
}

/* On rank 0: rows for the tables, records for the file. */
static int keep_unit(struct sweep *s, struct suite_tables *tables, const struct unit *u, uint64_t cycle)
{
    for (size_t i = 0; i < u->suite->nsubjects; i++) {
        if (u->trials[i].absent != NULL)
            continue;
        struct record_case c;
        outcome_record(&c, s->session, u, i);
        note_median(s, u, i, &c, cycle);
        suite_tables_add(tables, u, i, &c);
        if (cycle == 0 && store_find(s->store, &c) == NULL)
            RB_TRY(store_add_case(s->store, &c));
        else
            free(c.samples_us);
    }
    return RB_OK;
}

static void show_known(struct sweep *s, struct suite_tables *tables, const struct unit *u)
{
    for (size_t i = 0; i < u->suite->nsubjects; i++) {
        struct record_case name;
        outcome_name(&name, s->session, u, i);
        const struct record_case *c = store_find(s->store, &name);
        if (c != NULL)
            suite_tables_add(tables, u, i, c);
    }
}

static void add_wrong(struct sweep *s, const struct unit *u)
{
    s->refused += u->refused;
    for (size_t i = 0; i < u->suite->nsubjects; i++)
        if (u->trials[i].wrong > 0)
            s->wrong += (uint64_t)u->trials[i].wrong;
}

static int run_unit(struct sweep *s, struct suite_tables *tables, struct unit *u, struct pace *pace, uint64_t cycle)
{
    const bool first = s->session->job->rank == 0;
    struct instruction todo = {0};
    if (first) {
        todo.budget = budget_of(pace, u->suite, u->size);
        todo.skip = cycle == 0 && s->session->settings->resume && is_known(s, u);
    }
    RB_TRY(job_broadcast(s->session->job, &todo, sizeof todo, 0));
    if (todo.skip) {
        if (first)
            show_known(s, tables, u);
        return RB_OK;
    }
    RB_TRY(unit_measure(s->session, u, todo.budget));
    add_wrong(s, u);
    const int rc = first ? keep_unit(s, tables, u, cycle) : RB_OK;
    unit_free(u);
    return job_agree(s->session->job, rc);
}

static void show_progress(const struct sweep *s, struct pace *pace, const struct unit *u)
{
    char what[96];
    sweep_describe(s, u->case_id, what, sizeof what);
    progress_show(&pace->progress, 1 - pace->weight_left / pace->weight_whole, what);
}

static int run_suite(struct sweep *s, const struct suite *suite, struct pace *pace, uint64_t cycle)
{
    struct suite_tables tables;
    suite_tables_open(&tables, s->session, suite);
    int rc = RB_OK;
    for (size_t i = 0; rc == RB_OK && i < suite->nsizes; i++)
        for (int placement = 0; rc == RB_OK && placement < suite_placements(suite); placement++) {
            struct unit u = { .suite = suite, .size = &suite->sizes[i], .in_place = placement == 1,
                              .case_id = case_number(s->cases, suite, i, placement) };
            show_progress(s, pace, &u);
            rc = run_unit(s, &tables, &u, pace, cycle);
            pace->weight_left -= weight_of(suite, &suite->sizes[i]);
        }
    progress_clear(&pace->progress);
    if (s->session->job->rank == 0)
        s->below_minimum |= !suite_tables_print(&tables, stdout);
    suite_tables_close(&tables);
    return rc;
}

int sweep_run(struct sweep *s, uint64_t cycle)
{
    const struct settings *settings = s->session->settings;
    struct pace pace = { .settings = settings, .weight_left = whole_weight(s->cases), .deadline = clock_sec() + planned_sec(s->cases) };
    pace.weight_whole = pace.weight_left;
    if (s->first_us == NULL) {
        s->first_us = rb_calloc(s->cases->total, sizeof *s->first_us);
        s->now_us = rb_calloc(s->cases->total, sizeof *s->now_us);
    }
    progress_start(&pace.progress, s->session->job->rank == 0);
    for (size_t i = 0; i < s->cases->nsuites; i++)
        RB_TRY(run_suite(s, &s->cases->suites[i], &pace, cycle));
    double below = s->below_minimum;
    RB_TRY(job_broadcast(s->session->job, &below, sizeof below, 0));
    s->below_minimum = below > 0;
    return RB_OK;
}

double sweep_drift(const struct sweep *s, double *worst_ratio_p, size_t *worst_p)
{
    double sum = 0;
    size_t n = 0;
    *worst_ratio_p = NAN;
    *worst_p = 0;
    for (size_t i = 0; i < s->cases->total; i++) {
        if (!(s->first_us[i] > 0) || !(s->now_us[i] > 0))
            continue;
        const double ratio = s->now_us[i] / s->first_us[i];
        sum += log(ratio);
        n++;
        if (!(*worst_ratio_p >= ratio)) {
            *worst_ratio_p = ratio;
            *worst_p = i;
        }
    }
    return n > 0 ? exp(sum / (double)n) : (double)NAN;
}

void sweep_free(struct sweep *s)
{
    free(s->first_us);
    free(s->now_us);
}
