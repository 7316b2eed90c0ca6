#include "workload/suite.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/options.h"
#include "core/text.h"
#include "core/units.h"
#include "workload/gpu_suite.h"
#include "workload/predict.h"
#include "workload/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GRADIENTS_FIT = 64 << 20 }; /* bytes of a rank: a step well under a second on one core */

/* --- settings --- */

/* Calls visit for each name of the list. */
static int each_name(const char *names, int (*visit)(void *context, const struct workload *w), void *context)
{
    if (strcmp(names, "all") == 0) {
        for (size_t i = 0; i < workload_count; i++)
            RB_TRY(visit(context, workloads[i]));
        return RB_OK;
    }
    char *copy = rb_strdup(names), *at = copy;
    int rc = RB_OK;
    for (char *word; rc == RB_OK && (word = strsep(&at, ",")) != NULL;) {
        const struct workload *w = NULL;
        rc = workload_find(word, &w);
        if (rc == RB_OK && visit != NULL)
            rc = visit(context, w);
    }
    free(copy);
    return rc;
}

static int nothing(void *context, const struct workload *w)
{
    (void)context, (void)w;
    return RB_OK;
}

/* "2x4x1": tensor, pipeline, data. */
static int parse_grid(const char *text, struct grid *grid_p)
{
    int t, p, d, end = 0;
    if (sscanf(text, "%dx%dx%d%n", &t, &p, &d, &end) != 3 || text[end] != '\0' || t < 1 || p < 1 || d < 1 || t > 4096 || p > 4096 || d > 4096)
        return rb_fail(RB_EUSAGE, "--grid %s: tensor x pipeline x data is meant, such as 2x2x1", text);
    *grid_p = grid_make(t, d, p);
    return RB_OK;
}

int suite_check(const struct workload_settings *s)
{
    const struct preset *preset;
    struct grid grid;
    RB_TRY(each_name(s->names, nothing, NULL));
    RB_TRY(preset_find(s->model, &preset));
    enum cublas_type type;
    RB_TRY(gpu_suite_type(s, &type));
    if (options_list_has(s->names, "parameter-server"))
        RB_TRY(parameter_server_check(&s->parameter_server));
    return s->grid != NULL ? parse_grid(s->grid, &grid) : RB_OK;
}

static int make_setup(struct workload_suite *s, const struct workload *w)
{
    const struct preset *preset;
    const int n = s->job->nranks;
    RB_TRY(preset_find(s->settings.model, &preset));
    s->setup = (struct workload_setup){ .bucket_bytes = s->settings.bucket_bytes, .micro_batches = (int)s->settings.micro_batches,
                                        .generated = (int)s->settings.generated, .batch = (int)s->settings.batch };
    const double scale = s->settings.scale > 0 ? s->settings.scale : model_scale_that_fits(preset, GRADIENTS_FIT);
    s->setup.model = s->products != NULL ? gpu_suite_model(s, preset) : model_scaled(preset, scale, n);
    s->setup.grid = w != NULL && w->grid != NULL ? w->grid(n) : grid_of_data(n);
    if (w != NULL && s->settings.grid != NULL && strcmp(w->name, "3d") == 0) {
        RB_TRY(parse_grid(s->settings.grid, &s->setup.grid));
        if (s->setup.grid.size[AXIS_ALL] != n)
            return rb_fail(RB_EUSAGE, "--grid %s: %d ranks, here are %d", s->settings.grid, s->setup.grid.size[AXIS_ALL], n);
    }
    return RB_OK;
}

/* --- one workload --- */

struct run_of_one {
    struct program *programs;
    struct groups groups;
    struct player *player;
};

/* One sample of every mode; seconds of the slowest rank. */
static int sample(struct workload_suite *s, struct run_of_one *o, double sec[PLAY_MODES])
{
    for (int mode = 0; mode < PLAY_MODES; mode++)
        RB_TRY(player_step(o->player, (enum play_mode)mode, &sec[mode]));
    return job_reduce(s->job, sec, PLAY_MODES, JOB_MAX);
}

static int measure(struct workload_suite *s, struct run_of_one *o, struct workload_result *r)
{
    double (*all)[PLAY_MODES] = rb_calloc(SUITE_SAMPLES, sizeof *all), warm[PLAY_MODES];
    const double start = clock_sec();
    size_t n = 0;
    double go_on = 1;
    int rc = sample(s, o, warm);
    while (rc == RB_OK && go_on > 0 && n < SUITE_SAMPLES) {
        rc = sample(s, o, all[n++]);
        if (rc == RB_OK)
            rc = prices_turn(&s->prices, &o->groups, &s->compute);
        const double spent = clock_sec() - start;
        go_on = spent < s->settings.budget || (n < SUITE_FEWEST && spent < SUITE_PATIENCE * s->settings.budget);
        if (rc == RB_OK)
            rc = job_broadcast(s->job, &go_on, sizeof go_on, 0);
    }
    r->nsamples = n;
    for (int mode = 0; mode < PLAY_MODES; mode++) {
        double *column = rb_calloc(n + 1, sizeof *column);
        for (size_t i = 0; i < n; i++)
            column[i] = all[i][mode];
        r->measured[mode] = samples_median(column, n);
        if (mode == PLAY_ALL)
            memcpy(r->samples, column, n * sizeof *column);
        free(column);
    }
    free(all);
    return rc;
}

static int check(struct workload_suite *s, struct run_of_one *o, struct workload_result *r)
{
    uint64_t wrong;
    RB_TRY(player_check(o->player, &wrong));
    double sum = (double)wrong;
    RB_TRY(job_reduce(s->job, &sum, 1, JOB_SUM));
    r->wrong += (uint64_t)sum;
    return RB_OK;
}

static int predict_all(struct workload_suite *s, struct run_of_one *o, struct workload_result *r)
{
    prices_settle(&s->prices);
    for (int mode = 0; mode < PLAY_MODES; mode++) {
        double sec = 0;
        RB_TRY(predict(o->programs, &s->setup.grid, &s->prices, (enum play_mode)mode, &sec));
        r->predicted[mode] = sec;
    }
    return job_broadcast(s->job, r->predicted, sizeof r->predicted, 0); /* only rank 0 has the run's fits */
}

static int predict_and_measure(struct workload_suite *s, struct run_of_one *o, struct workload_result *r)
{
    RB_TRY(traffic_count(o->programs, &s->setup.grid, MODEL_BYTES, &r->traffic));
    RB_TRY(groups_open(&o->groups, &s->setup.grid, s->job, s->all, &s->config));
    RB_TRY(prices_measure(&s->prices, o->programs, &o->groups, &s->compute, s->fits));
    RB_TRY(player_open(&o->player, o->programs, &o->groups, &s->compute));
    RB_TRY(check(s, o, r));
    RB_TRY(measure(s, o, r));
    RB_TRY(check(s, o, r));
    return predict_all(s, o, r);
}

static int run_one(struct workload_suite *s, const struct workload *w, struct workload_result *r)
{
    *r = (struct workload_result){ .workload = w, .formula = NAN };
    RB_TRY(make_setup(s, w));
    r->grid = s->setup.grid;
    if (w->run != NULL)
        return w->run(s, r);
    r->skipped = w->refuses != NULL ? w->refuses(&s->setup) : NULL;
    if (r->skipped != NULL)
        return RB_OK;
    r->formula = w->formula(&s->setup);
    if (s->products != NULL)
        return gpu_suite_run(s, w, r);
    struct run_of_one o = { .programs = programs_make(w, &s->setup) };
    const int rc = predict_and_measure(s, &o, r);
    if (rc == RB_OK || rc == RB_EUSAGE || rc == RB_EDATA) { /* after other failures a peer may wait for ever */
        player_close(o.player);
        groups_close(&o.groups);
    }
    programs_free(o.programs, s->job->nranks);
    return rc;
}

/* --- all of them --- */

struct walk {
    struct workload_suite *suite;
    double *errors;
    size_t nerrors;
    uint64_t wrong;
};

static int report(struct workload_suite *s, const struct workload_result *r)
{
    int rc = RB_OK;
    if (s->job->rank == 0) {
        suite_print_result(s, r);
        json_t *object = result_json(s, r);
        rc = s->record != NULL ? s->record(s->context, object) : RB_OK;
        json_decref(object);
    }
    return job_agree(s->job, rc);
}

/* bucket: 0 as asked for; else the same with another one, outside the median. */
static int run_and_report(struct walk *walk, const struct workload *w, uint64_t bucket)
{
    struct workload_suite *s = walk->suite;
    struct workload_result *r = rb_calloc(1, sizeof *r);
    const uint64_t asked = s->settings.bucket_bytes;
    char size[UNITS_TEXT];
    s->settings.bucket_bytes = bucket > 0 ? bucket : asked;
    int rc = run_one(s, w, r);
    s->settings.bucket_bytes = asked;
    if (bucket > 0)
        snprintf(r->variant, sizeof r->variant, "bucket %.20s", units_bytes(size, bucket));
    if (rc == RB_OK)
        rc = report(s, r);
    if (rc == RB_OK && r->skipped == NULL && w->run == NULL && bucket == 0) {
        walk->errors = rb_realloc(walk->errors, (walk->nerrors + 1) * sizeof *walk->errors);
        walk->errors[walk->nerrors++] = fabs(result_error(r).relative);
    }
    walk->wrong += r->wrong + r->rivals_wrong;
    json_decref(r->more);
    free(r);
    return rc;
}

static int visit(void *context, const struct workload *w)
{
    static const uint64_t buckets[] = { 1 << 20, 5 << 20, UINT64_C(1) << 40 };
    struct walk *walk = context;
    struct workload_suite *s = walk->suite;
    if (s->config.heartbeat != NULL)
        heartbeat_phase(s->config.heartbeat, PHASE_TIME);
    RB_TRY(run_and_report(walk, w, 0));
    for (size_t i = 0; i < RB_LEN(buckets) && w->buckets && s->job->nranks > 1; i++) {
        const uint64_t whole = model_params(&s->setup.model) * MODEL_BYTES, bytes = buckets[i] < whole ? buckets[i] : whole;
        if (bytes != s->settings.bucket_bytes && (bytes < whole || s->settings.bucket_bytes < whole))
            RB_TRY(run_and_report(walk, w, bytes));
    }
    return RB_OK;
}

int suite_run(struct workload_suite *s)
{
    struct walk walk = { .suite = s };
    RB_TRY(suite_check(&s->settings));
    const bool gpu = comm_on_gpu(s->all);
    RB_TRY(gpu ? gpu_suite_open(s) : compute_open(&s->compute, s->settings.compute));
    int rc = make_setup(s, NULL);
    if (rc == RB_OK)
        rc = job_reduce(s->job, &s->compute.flops, 1, JOB_MIN); /* all ranks slice alike */
    if (rc == RB_OK && s->job->rank == 0)
        suite_print_head(s);
    if (rc == RB_OK)
        rc = each_name(s->settings.names, visit, &walk);
    if (rc == RB_OK && s->job->rank == 0)
        suite_print_end(s, walk.errors, walk.nerrors);
    free(walk.errors);
    prices_free(&s->prices);
    if (gpu)
        gpu_suite_close(s, rc);
    else
        compute_close(&s->compute);
    if (rc == RB_OK && walk.wrong > 0)
        rc = s->job->rank == 0 ? rb_fail(RB_EDATA, "workloads: %llu wrong elements", (unsigned long long)walk.wrong) : RB_EDATA;
    return rc;
}
