/* What a staleness bound does to the asynchronous parameter server: iterations per second, waiting, and a real problem. */
#include "report/parameter_server.h"
#include "report/plots.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES = 6, SERIES_NAME = 64 };

struct bound_axis {
    const char *bounds[PARAMETER_SERVER_BOUNDS];
    size_t n;
};

static size_t place_of(const struct bound_axis *a, const json_t *run)
{
    const char *bound = json_string_value(json_object_get(run, "bound"));
    size_t i = 0;
    while (i < a->n && (bound == NULL || strcmp(a->bounds[i], bound) != 0))
        i++;
    return i;
}

static void draw_axis(struct figure *f, const struct bound_axis *a)
{
    figure_set(f, "set xlabel 'staleness bound in iterations; inf: none'");
    figure_set(f, "set xrange [-0.3:%g]", (double)a->n - 0.7);
    text_add(&f->settings, "set xtics (");
    for (size_t i = 0; i < a->n; i++)
        text_add(&f->settings, "%s'%s' %zu", i > 0 ? ", " : "", a->bounds[i], i);
    text_add(&f->settings, ")\nset key outside below maxrows 4\n");
}

/* "64 KiB, 3 workers, 1 server": what a curve of runs has in common. */
static void name_of(char name[SERIES_NAME], const json_t *run)
{
    char bytes[UNITS_TEXT];
    const int workers = (int)parameter_server_number(run, "workers"), servers = (int)parameter_server_number(run, "servers");
    snprintf(name, SERIES_NAME, "%s, %d worker%s, %d server%s", units_bytes(bytes, (uint64_t)fmax(parameter_server_number(run, "bytes"), 0)), workers,
             workers == 1 ? "" : "s", servers, servers == 1 ? "" : "s");
}

static size_t names_of(const json_t *runs, char names[SERIES][SERIES_NAME])
{
    size_t n = 0, i;
    const json_t *run;
    json_array_foreach(runs, i, run)
    {
        char name[SERIES_NAME];
        size_t k = 0;
        name_of(name, run);
        while (k < n && strcmp(names[k], name) != 0)
            k++;
        if (k == n && n < SERIES)
            snprintf(names[n++], SERIES_NAME, "%s", name);
    }
    return n;
}

/* A block of (place, value * scale); name NULL: all runs. Returns its number, -1 when it would be empty. */
static int block_of(struct figure *f, const struct bound_axis *a, const json_t *runs, const char *name, const char *key, double scale)
{
    struct text rows = {0};
    size_t i;
    const json_t *run;
    json_array_foreach(runs, i, run)
    {
        char own[SERIES_NAME];
        name_of(own, run);
        const double v = parameter_server_number(run, key) * scale;
        if (isfinite(v) && place_of(a, run) < a->n && (name == NULL || strcmp(own, name) == 0))
            text_add(&rows, "%zu %.9g\n", place_of(a, run), v);
    }
    const int block = rows.length > 0 ? figure_block(f) : -1;
    if (block >= 0) {
        text_add(&f->data, "%s", rows.chars);
        figure_block_end(f);
    }
    text_free(&rows);
    return block;
}

static void draw_series(struct figure *f, int block, size_t colour, bool estimate, const char *title)
{
    if (block < 0)
        return;
    figure_draw(f, "$b%d using 1:2 with linespoints lc rgb '%s' lw %s dt %d pt %d ps 0.8", block, figure_colour(colour), estimate ? "1.5" : "2", estimate ? 2 : 1,
                estimate ? 6 : 7);
    figure_title(f, title);
}

static void caption(struct figure *f, const json_t *record, const char *what)
{
    const json_t *run = json_array_get(json_object_get(record, "runs"), 0);
    const double slow = parameter_server_number(run, "slow_worker");
    char t[UNITS_TEXT];
    text_add(&f->caption, "%s Every worker computes %s an iteration", what, units_seconds(t, parameter_server_number(run, "asked_compute_us") * 1e-6));
    if (slow > 1)
        text_add(&f->caption, ", worker 0 %.3g times as long", slow);
    text_add(&f->caption, "; every answer was checked against the bound.");
}

static void draw_rate(struct figures *figures, const struct plot *plot, const json_t *record, const struct bound_axis *a)
{
    char names[SERIES][SERIES_NAME], predicted[SERIES_NAME + 16];
    const json_t *runs = json_object_get(record, "runs");
    const size_t n = names_of(runs, names);
    struct figure *f = figure_add(figures, plot, rb_strdup("staleness"), rb_strdup("Iterations per second against the staleness bound"));
    draw_axis(f, a);
    figure_set(f, "set ylabel 'iterations per second, all workers'\nset logscale y 10\nset format y '%%g'");
    for (size_t i = 0; i < n; i++) {
        draw_series(f, block_of(f, a, runs, names[i], "iterations_per_sec", 1), i, false, names[i]);
        snprintf(predicted, sizeof predicted, "%.*s, predicted", SERIES_NAME - 1, names[i]);
        draw_series(f, block_of(f, a, runs, names[i], "predicted_iterations_per_sec", 1), i, true, predicted);
    }
    caption(f, record, "Measured, and predicted from messages alone and the time of computing.");
}

static void draw_waiting(struct figures *figures, const struct plot *plot, const json_t *record, const struct bound_axis *a)
{
    char names[SERIES][SERIES_NAME];
    const json_t *runs = json_object_get(record, "runs");
    const size_t n = names_of(runs, names);
    struct figure *f = figure_add(figures, plot, rb_strdup("staleness-waiting"), rb_strdup("How long workers wait"));
    draw_axis(f, a);
    figure_set(f, "set ylabel 'share of the time in per cent'\nset yrange [0:100]");
    for (size_t i = 0; i < n; i++)
        draw_series(f, block_of(f, a, runs, names[i], "waiting", 100), i, false, names[i]);
    caption(f, record, "Time in which a worker does not compute.");
}

static void draw_solved(struct figures *figures, const struct plot *plot, const json_t *record, const char *name, const char *title, const char *label,
                        const char *key, double scale)
{
    const json_t *solved = json_object_get(record, "solved");
    char simulated[48];
    struct bound_axis a;
    a.n = parameter_server_bounds(solved, a.bounds);
    snprintf(simulated, sizeof simulated, "simulated.%s", key);
    struct figure *f = figure_add(figures, plot, rb_strdup(name), rb_strdup(title));
    draw_axis(f, &a);
    figure_set(f, "set ylabel '%s'\nset yrange [0:*]", label);
    draw_series(f, block_of(f, &a, solved, NULL, key, scale), 0, false, "between the ranks");
    draw_series(f, block_of(f, &a, solved, NULL, simulated, scale), 2, true, "in simulated time, the same every time");
    text_add(&f->caption, "Least squares by SGD with a rate near the largest that converges, until the loss is %g of what it was. A bound without a point was not there "
                          "in time.", parameter_server_number(json_array_get(solved, 0), "target"));
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    const json_t *record = parameter_server_record(in->records);
    struct bound_axis a;
    a.n = parameter_server_bounds(json_object_get(record, "runs"), a.bounds);
    if (record == NULL || a.n == 0)
        return "no asynchronous parameter server was measured: ringbench workload parameter-server";
    draw_rate(figures, plot, record, &a);
    draw_waiting(figures, plot, record, &a);
    if (json_array_size(json_object_get(record, "solved")) > 0) {
        draw_solved(figures, plot, record, "staleness-iterations", "Iterations to a given loss", "iterations of a worker", "target_iterations", 1);
        draw_solved(figures, plot, record, "staleness-time", "Time to a given loss", "milliseconds", "target_sec", 1e3);
    }
    return NULL;
}

const struct plot plot_staleness = { .name = "staleness", .title = "Staleness of the parameter server", .section = "parameter-server", .draw = draw };
