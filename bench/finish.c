#include "bench/finish.h"

#include "bench/environment.h"
#include "bench/measure.h"
#include "bench/pcie.h"
#include "bench/stats.h"
#include "bench/summary.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool speaks(const struct sweep *s)
{
    const struct settings *settings = s->session->settings;
    return s->session->job->rank == 0 && strcmp(settings->format, "table") == 0 && !settings->osu;
}

int finish_cycle(struct sweep *s, uint64_t cycle)
{
    if (s->session->job->rank != 0)
        return job_agree(s->session->job, RB_OK);
    double worst;
    size_t which;
    char what[160];
    const double drift = sweep_drift(s, &worst, &which);
    sweep_describe(s, (int)which, what, sizeof what);
    if (speaks(s)) {
        printf("# Cycle %llu: %+.2f %% against the first (geometric mean of the medians); most: %+.2f %%, %s\n#\n", (unsigned long long)cycle + 1,
               (drift - 1) * 100, (worst - 1) * 100, what);
        fflush(stdout);
    }
    json_t *note = json_pack("{s:s, s:I, s:f, s:f, s:s}", "text", "cycle", "cycle", (json_int_t)cycle + 1, "drift_percent", (drift - 1) * 100,
                             "most_percent", (worst - 1) * 100, "most_case", what);
    const int rc = note != NULL ? store_add_note(s->store, note) : RB_OK;
    json_decref(note);
    return job_agree(s->session->job, rc);
}

/* What a sample costs when nothing is moved: an all-reduce of one element over the null transport. Median, seconds. */
static int harness_cost(struct session *s, double *sec_p)
{
    enum { SAMPLES = 2000 };
    struct comm *comm;
    struct operation *op;
    double *sec = rb_calloc(SAMPLES, sizeof *sec);
    float in = 1, out = 0;
    const struct call call = { .algorithm = algorithm_of(COLLECTIVE_ALL_REDUCE, "ring"), .group = { .nranks = s->job->nranks, .servers = 1 },
                               .count = 1, .type = TYPE_FLOAT, .op = OP_SUM };
    RB_TRY(comm_open(&comm, s->job, &(struct comm_config){ .transport = "null", .heartbeat = s->heartbeat }));
    RB_TRY(comm_prepare(comm, &call, &op));
    for (size_t i = 0; i < SAMPLES; i++) {
        const uint64_t start = clock_ns();
        RB_TRY(operation_run(op, &in, &out));
        sec[i] = (double)(clock_ns() - start) * 1e-9;
    }
    operation_free(op);
    comm_close(comm);
    struct stats stats;
    stats_of(&stats, sec, SAMPLES);
    free(sec);
    *sec_p = stats.median;
    return job_reduce(s->job, sec_p, 1, JOB_MAX);
}

static int note_end(struct sweep *s, double harness_sec)
{
    const struct session *session = s->session;
    double all = 0, stolen = 0, share = 0;
    if (environment_steal(&all, &stolen) && all > session->cpu_ticks)
        share = (stolen - session->stolen_ticks) / (all - session->cpu_ticks);
    if (share > 0.01)
        rb_warn("another machine on this host took %.1f %% of the processors meanwhile (steal): expect noise", share * 100);
    json_t *machine = environment_machine();
    json_t *note = json_pack("{s:s, s:f, s:f, s:O}", "text", "end of the run", "harness_us", harness_sec * 1e6, "steal_percent", share * 100, "load_after",
                             json_object_get(machine, "load"));
    const int rc = note != NULL ? store_add_note(s->store, note) : RB_OK;
    json_decref(note);
    json_decref(machine);
    json_t *pcie = pcie_json(session);
    const int told = pcie != NULL ? store_add_note(s->store, pcie) : RB_OK;
    json_decref(pcie);
    return rc == RB_OK ? told : rc;
}

static int print_summary(struct sweep *s, double harness_sec)
{
    size_t count;
    const struct record_case *cases = store_cases(s->store, &count);
    char cost[UNITS_TEXT], clock[UNITS_TEXT];
    summary_ratios(stdout, cases, count, strcmp(s->session->settings->protocols, "auto") != 0);
    printf("# Harness: %s a sample when nothing is moved (null transport, two readings of the clock, %s of it)\n", units_seconds(cost, harness_sec),
           units_seconds(clock, s->session->clock_sec));
    summary_network(stdout, cases, count, strcmp(s->session->settings->protocols, "auto") != 0);
    pcie_print(stdout, s->session);
    summary_absent(stdout, s->session);
    summary_unmatched(stdout, s->cases);
    summary_missing(stdout, s->session);
    struct records r;
    RB_TRY(store_read(s->store, &r));
    summary_limits(stdout, &r);
    records_free(&r);
    return RB_OK;
}

static int write_report(struct sweep *s)
{
    const struct settings *settings = s->session->settings;
    struct records r;
    RB_TRY(store_read(s->store, &r));
    const int rc = report_write(&r, settings->output, NULL);
    records_free(&r);
    if (rc == RB_OK && speaks(s))
        printf("# Report: %s/report.html; records: %s\n", settings->output, store_path(s->store));
    return rc;
}

/* On rank 0, after everything is measured: nothing that fails here loses a record. */
static int conclude(struct sweep *s, double harness_sec)
{
    const struct settings *settings = s->session->settings;
    RB_TRY(note_end(s, harness_sec));
    if (speaks(s))
        RB_TRY(print_summary(s, harness_sec));
    RB_TRY(store_write_tables(s->store, settings));
    if (!settings->no_report)
        RB_TRY(write_report(s));
    fflush(stdout);
    return RB_OK;
}

int finish_run(struct sweep *s)
{
    struct session *session = s->session;
    double harness = NAN;
    RB_TRY(harness_cost(session, &harness));
    heartbeat_phase(session->heartbeat, PHASE_REPORT);
    int rc = session->job->rank == 0 ? conclude(s, harness) : RB_OK;
    rc = job_agree(session->job, rc);
    heartbeat_phase(session->heartbeat, PHASE_END);
    if (rc == RB_OK && (s->wrong > 0 || s->refused > 0 || s->below_minimum))
        return RB_EDATA;
    return rc;
}
