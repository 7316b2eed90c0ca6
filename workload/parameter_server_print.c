/* What the workload parameter-server prints and records. */
#include "workload/parameter_server.h"

#include "core/units.h"

#include <math.h>
#include <string.h>

void parameter_server_print_head(FILE *out, const struct parameter_server_settings *s, int workers, int servers)
{
    char t[UNITS_TEXT];
    if (out == NULL)
        return;
    fprintf(out, "#\n# Asynchronous parameter server: %d worker%s, %d server%s, %s of computing an iteration", workers, workers == 1 ? "" : "s", servers,
            servers == 1 ? "" : "s", units_seconds(t, s->compute_sec));
    fprintf(out, s->compute_by != NULL && strcmp(s->compute_by, "gemm") == 0 ? " (as many products as take so long alone)" : " (by the clock)");
    if (s->slow_worker != 1)
        fprintf(out, ", worker 0 takes %.3g times as long", s->slow_worker);
    fprintf(out, "\n# every answer is compared with the bound and with the data it should hold; behind: iterations whose pushes an iteration has not seen\n");
    fprintf(out, "# %-10s %-6s %12s %10s %8s %8s %10s %8s %8s %10s %10s %10s  %s\n", "weights", "bound", "iterations/s", "predicted", "error", "waiting", "compute /",
            "behind", "most", "server", "iterations", "passed", "behind: share of");
    fprintf(out, "# %-10s %-6s %12s %10s %8s %8s %10s %8s %8s %10s %10s %10s  %s\n", "", "", "all workers", "", "%", "%", "round trip", "mean", "", "GB/s", "a worker",
            "over", "iterations in %");
}

/* "0: 3 %, 1: 97 %"; what is beyond a few bins is summed up. */
static void print_distribution(FILE *out, const struct server_outcome *o)
{
    enum { SHOWN = 5 };
    uint64_t all = 0, rest = 0;
    int bins = 0, last = 0;
    for (int i = 0; i < ASYNC_STALENESS_BINS; i++)
        all += o->staleness[i];
    for (int i = 0; i < ASYNC_STALENESS_BINS; i++) {
        if (o->staleness[i] > 0 && bins < SHOWN) {
            fprintf(out, "%s%d: %.0f", bins++ > 0 ? ", " : "", i, (double)o->staleness[i] / (double)all * 100);
            last = i;
        } else {
            rest += o->staleness[i];
        }
    }
    if (rest > 0)
        fprintf(out, ", > %d: %.0f", last, (double)rest / (double)all * 100);
    fprintf(out, "\n");
}

/* Of an iteration of a worker, by the mean: what is spent computing (messages it handles meanwhile included) and waiting. */
struct iteration {
    double compute_sec, waiting_sec;
};

static struct iteration iteration_measured(const struct server_outcome *o)
{
    const double whole = o->workers / o->per_sec;
    return (struct iteration){ whole * (1 - o->waiting), whole * o->waiting };
}

static struct iteration iteration_predicted(const struct server_outcome *o, double per_sec)
{
    const double compute = o->of.compute_sec * (o->workers - 1 + o->of.slow_factor) / o->workers;
    return (struct iteration){ compute, fmax(o->workers / per_sec - compute, 0) };
}

/* The part in which prediction and measurement differ most; NULL where the whole is right within 10 %. */
static const char *worst_term(const struct server_outcome *o, double predicted_per_sec)
{
    const struct iteration is = iteration_measured(o), was = iteration_predicted(o, predicted_per_sec);
    if (fabs(predicted_per_sec / o->per_sec - 1) <= 0.1)
        return NULL;
    return fabs(is.compute_sec - was.compute_sec) > fabs(is.waiting_sec - was.waiting_sec) ? "compute" : "waiting";
}

static void print_worst(FILE *out, const struct server_outcome *o, double predicted_per_sec)
{
    const char *term = worst_term(o, predicted_per_sec);
    if (term == NULL)
        return;
    const struct iteration is = iteration_measured(o), was = iteration_predicted(o, predicted_per_sec);
    const bool compute = strcmp(term, "compute") == 0;
    char measured[UNITS_TEXT], predicted[UNITS_TEXT];
    fprintf(out, "#   off by more than 10 %%: %s %s an iteration, predicted %s\n", compute ? "computing, with the messages handled meanwhile, took" : "waiting for answers took",
            units_seconds(measured, compute ? is.compute_sec : is.waiting_sec), units_seconds(predicted, compute ? was.compute_sec : was.waiting_sec));
}

void parameter_server_print(FILE *out, const struct server_outcome *o, double predicted_per_sec)
{
    char bytes[UNITS_TEXT], bound[ASYNC_BOUND_TEXT];
    if (out == NULL)
        return;
    fprintf(out, "# %-10s %-6s %12.1f %10.1f %+8.1f %8.1f %10.3g %8.2f %8u %10.3g %10u %10llu  ", units_bytes(bytes, o->of.bytes),
            async_bound_text(bound, o->of.staleness), o->per_sec, predicted_per_sec, (predicted_per_sec / o->per_sec - 1) * 100, o->waiting * 100,
            o->compute_sec / o->roundtrip_sec, o->mean_staleness, o->stalest, o->server_bytes / o->seconds / 1e9, o->of.iterations,
            (unsigned long long)o->passed_over);
    print_distribution(out, o);
    print_worst(out, o, predicted_per_sec);
    fflush(out);
}

/* "-" when the loss was never reached. */
static void print_target(FILE *out, double sec, uint32_t iterations)
{
    if (isnan(sec))
        fprintf(out, " %12s %10s", "-", "-");
    else
        fprintf(out, " %12u %10.1f", iterations, sec * 1e3);
}

void parameter_server_print_solved(FILE *out, const struct solved *list, size_t n)
{
    char bound[ASYNC_BOUND_TEXT];
    if (out == NULL)
        return;
    fprintf(out, "#\n# Least squares by SGD, %d unknowns, to %g of the first loss. Between the ranks; and in simulated time (%g us, %g GB/s, computing +-%g %%,\n"
            "# seed %d), which is the same every time. -: not within %d iterations\n",
            PROBLEM_DIMENSIONS, PROBLEM_TARGET, SIMULATED_LATENCY * 1e6, SIMULATED_RATE / 1e9, SIMULATED_JITTER * 100, SOLVE_SEED, SOLVE_ITERATIONS);
    fprintf(out, "# %-6s %12s %10s %8s %12s %10s %8s %14s\n", "bound", "iterations", "ms", "most", "simulated:", "ms", "most", "iterations/s");
    fprintf(out, "# %-6s %12s %10s %8s %12s %10s %8s %14s\n", "", "", "", "behind", "iterations", "", "behind", "all workers");
    for (size_t i = 0; i < n; i++) {
        const struct solved *s = &list[i];
        fprintf(out, "# %-6s", async_bound_text(bound, s->live.of.staleness));
        print_target(out, s->live.target_sec, s->live.target_iterations);
        fprintf(out, " %8u", s->live.stalest);
        print_target(out, s->simulated.target_sec, s->simulated.target_iterations);
        fprintf(out, " %8u %14.1f\n", s->simulated.stalest, s->simulated.per_sec);
    }
    fflush(out);
}

/* --- servers and the ring --- */

static uint64_t busiest(const struct servers_row *r)
{
    return r->egress > r->ingress ? r->egress : r->ingress;
}

static void print_row(FILE *out, const struct servers_row *r)
{
    char name[32];
    if (r->servers == 0)
        snprintf(name, sizeof name, "ring");
    else
        snprintf(name, sizeof name, "%d server%s%s", r->servers, r->servers == 1 ? "" : "s", r->ranks > r->workers ? "" : " among them");
    fprintf(out, "# %7d  %-22s %12.4g %12.4g %8d %12.4g", r->workers, name, (double)r->total / 1e6, (double)busiest(r) / 1e6, r->incast, r->estimated_sec * 1e3);
    if (isnan(r->measured_sec))
        fprintf(out, " %12s\n", "-");
    else
        fprintf(out, " %12.4g\n", r->measured_sec * 1e3);
}

/* Powers of two, and whatever was measured. */
static bool shown(const struct servers_row *r)
{
    const bool workers = (r->workers & (r->workers - 1)) == 0, servers = r->servers <= 1 || r->servers == r->workers;
    return !isnan(r->measured_sec) || (workers && servers);
}

static void print_statement(FILE *out, const struct servers_study *s)
{
    const struct servers_row *one = servers_find(s, "parameter_server_dedicated", SERVERS_WORKERS, 1), *ring = servers_find(s, "ring_all_reduce", SERVERS_WORKERS, 0),
                             *all = servers_find(s, "parameter_server_colocated", SERVERS_WORKERS, SERVERS_WORKERS);
    if (one == NULL || ring == NULL || all == NULL)
        return;
    fprintf(out, "# Same volume, unequal load: with %d workers one server moves %.4g MB in all, the ring %.4g MB (%.3g times); but the server's port carries\n"
            "# %.4g MB each way, a port of the ring %.4g MB (%.3g times), and the estimate is %.3g times as long. %d servers among the workers: %.4g MB a port.\n",
            SERVERS_WORKERS, (double)one->total / 1e6, (double)ring->total / 1e6, (double)one->total / (double)ring->total, (double)busiest(one) / 1e6,
            (double)busiest(ring) / 1e6, (double)busiest(one) / (double)busiest(ring), one->estimated_sec / ring->estimated_sec, SERVERS_WORKERS,
            (double)busiest(all) / 1e6);
}

void parameter_server_print_servers(FILE *out, const struct servers_study *s)
{
    char bytes[UNITS_TEXT], a[UNITS_TEXT];
    if (out == NULL || s->nrows == 0)
        return;
    fprintf(out, "#\n# Servers and the ring: one push and pull, or all-reduce, of %s. Estimate: every rank has a port of %.3g GB/s and %s a message, which\n"
            "# the ring took here; dedicated servers come on top of the workers. Incast: ranks that send to one%s\n",
            units_bytes(bytes, s->rows[0].bytes), s->links.rate / 1e9, units_seconds(a, s->links.alpha),
            s->nodes == 1 ? ".\n# Measured on one machine: memory and cores are shared, and no rank has a port" : "");
    fprintf(out, "# %7s  %-22s %12s %12s %8s %12s %12s\n", "workers", "", "MB in all", "busiest port", "incast", "estimate", "measured");
    fprintf(out, "# %7s  %-22s %12s %12s %8s %12s %12s\n", "", "", "", "MB each way", "", "ms", "ms");
    for (size_t i = 0; i < s->nrows; i++)
        if (shown(&s->rows[i]))
            print_row(out, &s->rows[i]);
    print_statement(out, s);
    fflush(out);
}

/* --- the record --- */

static json_t *real_or_null(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *histogram(const uint64_t bins[ASYNC_STALENESS_BINS])
{
    json_t *array = json_array();
    int last = ASYNC_STALENESS_BINS - 1;
    while (last > 0 && bins[last] == 0)
        last--;
    for (int i = 0; i <= last; i++)
        json_array_append_new(array, json_integer((json_int_t)bins[i]));
    return array;
}

json_t *parameter_server_json(const struct server_outcome *o, double predicted_per_sec)
{
    char bound[ASYNC_BOUND_TEXT];
    json_t *j = json_pack("{s:s, s:I, s:i, s:i, s:I, s:f, s:f}", "bound", async_bound_text(bound, o->of.staleness), "bytes", (json_int_t)o->of.bytes, "workers",
                          o->workers, "servers", o->of.servers, "iterations", (json_int_t)o->of.iterations, "slow_worker", o->of.slow_factor, "seconds", o->seconds);
    json_object_set_new(j, "asked_compute_us", json_real(o->of.compute_sec * 1e6));
    json_object_set_new(j, "compute_us", json_real(o->compute_sec * 1e6));
    json_object_set_new(j, "roundtrip_us", json_real(o->roundtrip_sec * 1e6));
    json_object_set_new(j, "compute_to_communication", json_real(o->compute_sec / o->roundtrip_sec));
    json_object_set_new(j, "iterations_per_sec", json_real(o->per_sec));
    json_object_set_new(j, "predicted_iterations_per_sec", real_or_null(predicted_per_sec));
    const char *term = worst_term(o, predicted_per_sec);
    json_object_set_new(j, "worst_term", term != NULL ? json_string(term) : json_null());
    json_object_set_new(j, "waiting", json_real(o->waiting));
    json_object_set_new(j, "server_bytes", json_real(o->server_bytes));
    json_object_set_new(j, "staleness", histogram(o->staleness));
    json_object_set_new(j, "mean_staleness", json_real(o->mean_staleness));
    json_object_set_new(j, "stalest", json_integer(o->stalest));
    json_object_set_new(j, "answers", json_integer((json_int_t)o->answers));
    json_object_set_new(j, "passed_over", json_integer((json_int_t)o->passed_over));
    json_object_set_new(j, "blocks_checked", json_integer((json_int_t)o->blocks_checked));
    return j;
}

json_t *parameter_server_solved_json(const struct solved *s)
{
    char bound[ASYNC_BOUND_TEXT], digest[20];
    const struct virtual_result *v = &s->simulated;
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)s->live.digest);
    json_t *simulated = json_object(), *j = json_pack("{s:s, s:i, s:i, s:f}", "bound", async_bound_text(bound, s->live.of.staleness), "workers", s->live.workers,
                                                      "servers", s->live.of.servers, "slow_worker", s->live.of.slow_factor);
    json_object_set_new(j, "target", json_real(PROBLEM_TARGET));
    json_object_set_new(j, "target_iterations", isnan(s->live.target_sec) ? json_null() : json_integer(s->live.target_iterations));
    json_object_set_new(j, "target_sec", real_or_null(s->live.target_sec));
    json_object_set_new(j, "stalest", json_integer(s->live.stalest));
    json_object_set_new(j, "weights_digest", json_string(digest));
    json_object_set_new(simulated, "target_iterations", isnan(v->target_sec) ? json_null() : json_integer(v->target_iterations));
    json_object_set_new(simulated, "target_sec", real_or_null(v->target_sec));
    json_object_set_new(simulated, "iterations_per_sec", json_real(v->per_sec));
    json_object_set_new(simulated, "waiting", json_real(v->waiting));
    json_object_set_new(simulated, "stalest", json_integer(v->stalest));
    json_object_set_new(j, "simulated", simulated);
    return j;
}

static json_t *row_json(const struct servers_row *r)
{
    json_t *j = json_pack("{s:s, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:i}", "algorithm", r->algorithm->name, "workers", r->workers, "servers", r->servers, "ranks",
                          r->ranks, "bytes", (json_int_t)r->bytes, "total_bytes", (json_int_t)r->total, "egress_bytes", (json_int_t)r->egress, "ingress_bytes",
                          (json_int_t)r->ingress, "incast", r->incast);
    json_object_set_new(j, "estimated_us", real_or_null(r->estimated_sec * 1e6));
    json_object_set_new(j, "measured_us", real_or_null(r->measured_sec * 1e6));
    return j;
}

json_t *parameter_server_servers_json(const struct servers_study *s)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < s->nrows; i++)
        json_array_append_new(rows, row_json(&s->rows[i]));
    return json_pack("{s:f, s:f, s:o}", "port_GBps", s->links.rate / 1e9, "message_us", s->links.alpha * 1e6, "rows", rows);
}
