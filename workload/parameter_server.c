/* The documents' parameter server: workers that run ahead of it within a bound, what that does to a real problem, and one server
 * against several against the ring. Who comes first decides, so this workload runs itself. */
#include "workload/parameter_server.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "workload/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 16, WHOLE_ITERATIONS = 3, FEWEST = 10, MOST = 400, PREDICTED = 1000, STUDY_BYTES = 4 << 20 };
static const uint64_t LARGEST = UINT64_C(1) << 30; /* a worker holds four times as much */

struct plan_of_runs {
    uint32_t bounds[LISTED];
    int servers[LISTED];
    uint64_t bytes[LISTED];
    size_t nbounds, nservers, nbytes;
};

struct stage {
    struct workload_suite *suite;
    const struct parameter_server_settings *settings;
    struct plan_of_runs plan;
    struct servers_study study;
    double latency, rate; /* of the messages of asynchronous pushes and answers; see calibrate() */
    json_t *runs, *solved;
};

/* --- settings --- */

/* Calls take for each word of the list; false: the word is wrong. */
static int each_word(const char *option, const char *list, const char *right, bool (*take)(struct plan_of_runs *p, const char *word), struct plan_of_runs *p)
{
    char *copy = rb_strdup(list), *rest = copy;
    int rc = RB_OK;
    for (char *word; rc == RB_OK && (word = strsep(&rest, ",")) != NULL;)
        if (!take(p, word))
            rc = rb_fail(RB_EUSAGE, "%s: '%s' is not %s; at most %d of them", option, word, right, LISTED);
    free(copy);
    return rc;
}

static bool take_bound(struct plan_of_runs *p, const char *word)
{
    return p->nbounds < LISTED && async_bound_parse(word, &p->bounds[p->nbounds]) && ++p->nbounds > 0;
}

static bool take_servers(struct plan_of_runs *p, const char *word)
{
    uint64_t k;
    if (p->nservers == LISTED || !units_parse_count(word, &k) || k < 1 || k > 1 << 20)
        return false;
    p->servers[p->nservers++] = (int)k;
    return true;
}

/* Two sizes tell a latency and a rate; what is asked for comes instead. */
static void take_sizes(struct plan_of_runs *p, const struct parameter_server_settings *s)
{
    const uint64_t min = s->min_bytes > 0 ? s->min_bytes : s->max_bytes > 0 ? s->max_bytes : 64 << 10;
    const uint64_t max = s->max_bytes > 0 ? s->max_bytes : s->min_bytes > 0 ? s->min_bytes : 4 << 20;
    const uint64_t factor = s->step_factor > 1 ? s->step_factor : 64;
    for (uint64_t bytes = min; bytes <= max && bytes <= LARGEST && p->nbytes < LISTED; bytes *= factor)
        p->bytes[p->nbytes++] = bytes;
}

static int make_plan(struct plan_of_runs *p, const struct parameter_server_settings *s, int nranks)
{
    *p = (struct plan_of_runs){0};
    const bool automatic = s->servers == NULL || strcmp(s->servers, "auto") == 0;
    RB_TRY(each_word("--staleness", s->staleness, "a number of iterations or inf", take_bound, p));
    if (s->servers != NULL && strcmp(s->servers, "all") == 0)
        for (int k = 1; k < nranks && k <= LISTED; k++)
            p->servers[p->nservers++] = k;
    else
        RB_TRY(each_word("--servers", automatic ? "1" : s->servers, "a number of servers", take_servers, p));
    take_sizes(p, s);
    char most[UNITS_TEXT];
    if (p->nbytes == 0)
        return rb_fail(RB_EUSAGE, "parameter-server: -b is larger than weights may be here, %s", units_bytes(most, LARGEST));
    return RB_OK;
}

int parameter_server_check(const struct parameter_server_settings *s)
{
    struct plan_of_runs p;
    return s->staleness != NULL ? make_plan(&p, s, LISTED) : RB_OK;
}

/* --- runs --- */

static bool computes_products(const struct parameter_server_settings *s)
{
    return s->compute_by != NULL && strcmp(s->compute_by, "gemm") == 0;
}

static struct server_case case_of(const struct stage *b, int servers, uint64_t bytes, uint32_t bound)
{
    return (struct server_case){ .servers = servers, .bytes = bytes, .staleness = bound, .compute_sec = b->settings->compute_sec,
                                 .slow_factor = b->settings->slow_worker, .iterations = WHOLE_ITERATIONS,
                                 .compute = computes_products(b->settings) ? &b->suite->compute : NULL };
}

/* What messages cost when nobody computes, at the smallest and the largest size: in simulated time all pushes go through the server's
 * port one after the other, then all answers: 2 (latency + workers x bytes / rate). */
static int calibrate(struct stage *b, int servers)
{
    const struct plan_of_runs *p = &b->plan;
    const uint64_t large = p->bytes[p->nbytes - 1], small = p->bytes[0] < large ? p->bytes[0] : large / 16;
    const uint64_t sizes[2] = { small, large };
    double sec[2];
    for (int i = 0; i < 2; i++) {
        struct server_case c = case_of(b, servers, sizes[i], 0);
        struct server_outcome o;
        c.compute_sec = 0;
        c.iterations = FEWEST;
        RB_TRY(server_measure(b->suite->job, b->suite->all, &c, &o));
        sec[i] = o.seconds / FEWEST;
    }
    const double workers = b->suite->job->nranks - servers, share = workers / servers;
    b->rate = 2 * share * (double)(large - small) / fmax(sec[1] - sec[0], 1e-9);
    b->latency = fmax(sec[0] / 2 - share * (double)small / b->rate, 0);
    return RB_OK;
}

/* The same rules in simulated time. */
static double predict_per_sec(const struct stage *b, const struct server_case *c, int workers)
{
    struct problem problem;
    struct virtual_result v;
    problem_init(&problem, workers, SOLVE_SEED);
    virtual_run(&(struct virtual_setup){ .problem = &problem, .staleness = c->staleness, .compute_sec = c->compute_sec,
                                         .iterations = c->iterations < PREDICTED ? c->iterations : PREDICTED, .slow_worker = 0,
                                         .slow_factor = c->slow_factor, .latency_sec = b->latency, .bytes_per_sec = b->rate,
                                         .bytes = c->bytes / (uint64_t)c->servers }, &v);
    problem_free(&problem);
    return v.per_sec;
}

/* First a few iterations in which every element is compared: they also tell how many fit the budget. */
static int run_bound(struct stage *b, struct server_case c)
{
    struct server_outcome first, o;
    struct job *job = b->suite->job;
    c.whole = true;
    RB_TRY(server_measure(job, b->suite->all, &c, &first));
    const double share = b->suite->settings.budget / (double)(b->plan.nbounds * b->plan.nbytes * b->plan.nservers);
    double n = b->settings->iterations > 0 ? (double)b->settings->iterations : share / (first.seconds / WHOLE_ITERATIONS);
    if (b->settings->iterations == 0)
        n = n < FEWEST ? FEWEST : n > MOST ? MOST : n;
    RB_TRY(job_broadcast(job, &n, sizeof n, 0));
    c.whole = false;
    c.iterations = (uint32_t)n;
    RB_TRY(server_measure(job, b->suite->all, &c, &o));
    if (job->rank == 0) {
        const double predicted = predict_per_sec(b, &c, o.workers);
        parameter_server_print(b->suite->out, &o, predicted);
        json_array_append_new(b->runs, parameter_server_json(&o, predicted));
    }
    return RB_OK;
}

static int run_servers(struct stage *b, int servers)
{
    const struct plan_of_runs *p = &b->plan;
    if (b->suite->job->rank == 0)
        parameter_server_print_head(b->suite->out, b->settings, b->suite->job->nranks - servers, servers);
    RB_TRY(calibrate(b, servers));
    for (size_t i = 0; i < p->nbytes; i++)
        for (size_t k = 0; k < p->nbounds; k++)
            RB_TRY(run_bound(b, case_of(b, servers, p->bytes[i], p->bounds[k])));
    return RB_OK;
}

static int solve(struct stage *b)
{
    const struct plan_of_runs *p = &b->plan;
    struct problem problem;
    struct solved solved[LISTED];
    int rc = RB_OK;
    problem_init(&problem, b->suite->job->nranks - 1, SOLVE_SEED);
    for (size_t i = 0; rc == RB_OK && i < p->nbounds; i++) {
        struct server_case c = case_of(b, 1, PROBLEM_DIMENSIONS * sizeof(double), p->bounds[i]);
        c.problem = &problem;
        c.iterations = SOLVE_ITERATIONS;
        rc = server_measure(b->suite->job, b->suite->all, &c, &solved[i].live);
        virtual_run(&(struct virtual_setup){ .problem = &problem, .staleness = c.staleness, .iterations = c.iterations, .compute_sec = c.compute_sec,
                                             .jitter = SIMULATED_JITTER, .slow_worker = 0, .slow_factor = c.slow_factor, .latency_sec = SIMULATED_LATENCY,
                                             .bytes_per_sec = SIMULATED_RATE, .bytes = c.bytes, .seed = SOLVE_SEED }, &solved[i].simulated);
        json_array_append_new(b->solved, rc == RB_OK ? parameter_server_solved_json(&solved[i]) : json_null());
    }
    problem_free(&problem);
    if (rc == RB_OK && b->suite->job->rank == 0)
        parameter_server_print_solved(b->suite->out, solved, p->nbounds);
    return rc;
}

static int check_ranks(const struct stage *b)
{
    const int n = b->suite->job->nranks;
    for (size_t i = 0; i < b->plan.nservers; i++)
        if (b->plan.servers[i] >= n)
            return b->suite->job->rank == 0 ? rb_fail(RB_EUSAGE, "--servers %d: with %d ranks there can be 1 to %d, the others work", b->plan.servers[i], n, n - 1)
                                            : RB_EUSAGE;
    return RB_OK;
}

static int run_all(struct stage *b)
{
    RB_TRY(make_plan(&b->plan, b->settings, b->suite->job->nranks));
    RB_TRY(check_ranks(b));
    RB_TRY(servers_study(b->suite->job, b->suite->all, STUDY_BYTES, &b->study));
    for (size_t i = 0; i < b->plan.nservers; i++)
        RB_TRY(run_servers(b, b->plan.servers[i]));
    RB_TRY(solve(b));
    if (b->suite->job->rank == 0)
        parameter_server_print_servers(b->suite->out, &b->study);
    return RB_OK;
}

static int run(struct workload_suite *suite, struct workload_result *r)
{
    if (suite->job->nranks < 2) {
        r->skipped = "a worker and a server are two ranks; this is one";
        return RB_OK;
    }
    struct stage b = { .suite = suite, .settings = &suite->settings.parameter_server, .runs = json_array(), .solved = json_array() };
    const int rc = run_all(&b);
    r->more = json_pack("{s:o, s:o}", "runs", b.runs, "solved", b.solved);
    if (rc == RB_OK)
        json_object_set_new(r->more, "servers", parameter_server_servers_json(&b.study));
    servers_free(&b.study);
    return rc;
}

const struct workload workload_parameter_server = {
    .name = "parameter-server", .summary = "workers push gradients and pull weights, up to --staleness iterations ahead of each other",
    .moves = "push and pull of P: 2 w P through the servers for w workers; beside it the ring's 2 (w-1) P", .run = run,
};
