#include "bench/table.h"

#include "bench/version.h"
#include "core/error.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

const char *table_number(char text[TABLE_NUMBER], double value)
{
    if (!isfinite(value))
        snprintf(text, TABLE_NUMBER, "n/a");
    else
        snprintf(text, TABLE_NUMBER, value >= 99999.5 ? "%.0f" : value >= 9999.95 ? "%.1f" : "%.2f", value);
    return text;
}

void table_preamble(FILE *out, const struct settings *s, const struct table_rank *ranks, int nranks)
{
    static const char *const averages[] = { "rank 0", "the mean of the ranks", "the fastest rank", "the slowest rank" };
    fprintf(out, "# ringbench version %s\n", RINGBENCH_VERSION);
    fprintf(out, "# A sample is that of %s (-a %" PRIu64 "), without a barrier inside; medians are shown.\n", averages[s->average], s->average);
    if (s->graphs > 0)
        fprintf(out, "# Graphs: a sample is %" PRIu64 " launch%s of a graph of %" PRIu64 " calls, over all of them (-G, -m)\n", s->graphs, s->graphs == 1 ? "" : "es",
                s->aggregate > 0 ? s->aggregate : 20);
    if (s->cpu_time > 0)
        fprintf(out, "# Host only: until the GPU has the work, not until it is done; a rank that another launches for only hands its buffers over (-C)\n");
    if (s->blocking == 1)
        fprintf(out, "# Blocking: a barrier between the calls of one sample (-m)\n");
    fprintf(out, "#\n# Using devices\n");
    for (int r = 0; r < nranks; r++) {
        const struct table_rank *k = &ranks[r];
        fprintf(out, "#  Rank %2d Group %2d Pid %6d on %10s device %2d [%s] %s\n", r, 0, k->pid, k->host, k->bus[0] != '\0' ? k->gpu : k->core >= 0 ? k->core : 0,
                k->bus[0] != '\0' ? k->bus : k->core >= 0 ? "core" : "any core", k->device);
    }
    if (nranks == 1)
        fprintf(out, "# One rank: nothing travels, so bandwidths are n/a. Start more with mpirun -n 2.\n");
    fprintf(out, "#\n");
}

static bool is_in_place(int placement)
{
    return placement == 1;
}

static void put_columns(FILE *out, const struct settings *s)
{
    fprintf(out, "#       size         count      type   redop    root");
    for (int p = 0; p < 2; p++) {
        fprintf(out, "     time   algbw   busbw  #wrong");
        if (s->percentiles == 1)
            fprintf(out, "      min     p95     p99 samples");
    }
    fprintf(out, "\n#        (B)    (elements)                        ");
    for (int p = 0; p < 2; p++) {
        fprintf(out, "     (us)  (GB/s)  (GB/s)        ");
        if (s->percentiles == 1)
            fprintf(out, "     (us)    (us)    (us)        ");
    }
    fprintf(out, "\n");
}

void table_head(FILE *out, const struct settings *s, const char *collective, const char *title)
{
    fprintf(out, "# Collective test starting: %s\n", collective);
    fprintf(out,
            "# nThread %" PRIu64 " nGpus %" PRIu64 " minBytes %" PRIu64 " maxBytes %" PRIu64 " step: %" PRIu64 "(%s) warmup iters: %" PRIu64 " iters: %" PRIu64
            " agg iters: %" PRIu64 " validation: %" PRIu64 " graph: %" PRIu64 " unalign: 0\n",
            s->threads, s->gpus, s->min_bytes, s->max_bytes, s->step_factor > 0 ? s->step_factor : s->step_bytes, s->step_factor > 0 ? "factor" : "bytes", s->warmup,
            s->iterations, s->aggregate > 0 ? s->aggregate : 1, s->check, s->graphs);
    fprintf(out, "# %s %s\n#\n", collective, title);
    const int wide = s->percentiles == 1 ? 33 : 0;
    fprintf(out, "#%*s%s%*s%s\n", 64 + wide / 2, "", "out-of-place", 23 + wide, "", "in-place");
    put_columns(out, s);
}

static void put_placement(FILE *out, const struct settings *s, const struct record_case *c)
{
    char time[TABLE_NUMBER], algbw[TABLE_NUMBER], busbw[TABLE_NUMBER], wrong[TABLE_NUMBER] = "N/A";
    if (c != NULL && c->wrong >= 0)
        snprintf(wrong, sizeof wrong, "%" PRId64, c->wrong);
    fprintf(out, "  %7s  %6s  %6s  %6s", table_number(time, c != NULL ? c->time_us.median : (double)NAN),
            table_number(algbw, c != NULL ? c->algbw_GBps : (double)NAN), table_number(busbw, c != NULL ? c->busbw_GBps : (double)NAN),
            wrong);
    if (s->percentiles != 1)
        return;
    char min[TABLE_NUMBER], p95[TABLE_NUMBER], p99[TABLE_NUMBER];
    fprintf(out, "  %7s %7s %7s %7" PRIu64, table_number(min, c != NULL ? c->time_us.min : (double)NAN),
            table_number(p95, c != NULL ? c->time_us.p95 : (double)NAN), table_number(p99, c != NULL ? c->time_us.p99 : (double)NAN),
            c != NULL ? c->time_us.n : 0);
}

void table_row(FILE *out, const struct settings *s, const struct record_case *out_of_place, const struct record_case *in_place)
{
    const struct record_case *any = out_of_place != NULL ? out_of_place : in_place;
    if (any == NULL)
        return;
    fprintf(out, "%12" PRIu64 "  %12" PRIu64 "  %8s  %6s  %6d", any->bytes, any->count, any->type, any->op, any->root);
    for (int p = 0; p < 2; p++)
        put_placement(out, s, is_in_place(p) ? in_place : out_of_place);
    if (s->stamps == 1) {
        char stamp[32];
        const time_t now = time(NULL);
        struct tm local;
        strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &local));
        fprintf(out, "  %s", stamp);
    }
    fprintf(out, "\n");
    fflush(out);
}

void table_count(struct table_totals *t, const struct record_case *c)
{
    if (c == NULL)
        return;
    if (c->wrong > 0)
        t->wrong += c->wrong;
    if (!isfinite(c->busbw_GBps))
        return;
    t->sum += c->busbw_GBps;
    t->best = c->busbw_GBps > t->best ? c->busbw_GBps : t->best;
    t->count++;
}

bool table_foot(FILE *out, const struct table_totals *t, const char *collective, double minimum)
{
    const double average = t->count > 0 ? t->sum / (double)t->count : (double)NAN;
    const bool enough = !(minimum > 0) || average >= 0.9 * minimum;
    fprintf(out, "# Out of bounds values : %" PRId64 " %s\n", t->wrong, t->wrong > 0 ? "FAILED" : "OK");
    if (t->count == 0)
        fprintf(out, "# Avg bus bandwidth    : n/a\n");
    else
        fprintf(out, "# Avg bus bandwidth    : %g %s\n# Peak bus bandwidth   : %g\n", average, minimum > 0 ? (enough ? "OK" : "FAILED") : "", t->best);
    fprintf(out, "#\n# Collective test concluded: %s\n#\n", collective);
    fflush(out);
    return enough;
}

void table_osu_head(FILE *out, const char *collective, const char *title)
{
    fprintf(out, "# OSU-style view of %s %s\n", collective, title);
    fprintf(out, "%-10s%20s%20s%20s%13s\n", "# Size", "Avg Latency(us)", "Min Latency(us)", "Max Latency(us)", "Iterations");
}

void table_osu_row(FILE *out, const struct record_case *c, const struct table_osu *more)
{
    fprintf(out, "%-10" PRIu64 "%20.2f%20.2f%20.2f%13" PRIu64 "\n", c->bytes, more->mean_us, c->time_us.min, more->max_us, c->time_us.n);
    fflush(out);
}
