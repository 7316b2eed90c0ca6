/* Where the time of a training step goes, and how well it was predicted. */
#include "report/plots.h"
#include "report/workloads.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The parts in the order of the bar; hidden lies beyond the step's end. */
static const struct part {
    const char *key, *title, *colour;
} parts[] = {
    { "compute_us", "compute", "#0072B2" },
    { "waiting_us", "waiting for each other", "#E69F00" },
    { "exposed_us", "exposed communication", "#D55E00" },
    { "hidden_us", "hidden communication (beside compute)", "#BFC7CE" },
};

static size_t measured_count(const struct records *r)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(r->workloads); i++)
        n += workload_is_measured(json_array_get(r->workloads, i));
    return n;
}

/* Shares of the measured step in per cent, part by part; the measurement above, the prediction below it. */
static void add_bar(struct figure *f, const json_t *w, size_t part, double at)
{
    static const struct {
        const char *what;
        double low, high;
    } bars[] = { { "measured", 0.02, 0.40 }, { "predicted", -0.24, -0.02 } };
    const double step = workload_number(w, "measured", "step_us");
    for (size_t b = 0; b < RB_LEN(bars); b++) {
        double from = 0;
        for (size_t i = 0; i < part; i++)
            from += workload_number(w, bars[b].what, parts[i].key);
        const double to = from + workload_number(w, bars[b].what, parts[part].key);
        if (to > from && step > 0)
            text_add(&f->data, "%.5g %.5g %.3f %.3f\n", 100 * from / step, 100 * to / step, at + bars[b].low, at + bars[b].high);
    }
}

/* A row a workload, the first on top. */
static void name_rows(struct figure *f, const struct records *r, size_t n)
{
    char label[WORKLOAD_LABEL];
    text_add(&f->settings, "set ytics (");
    for (size_t i = 0, at = 0; i < json_array_size(r->workloads); i++) {
        const json_t *w = json_array_get(r->workloads, i);
        if (!workload_is_measured(w))
            continue;
        text_add(&f->settings, "%s", at > 0 ? ", " : "");
        figure_quote(&f->settings, workload_label(label, w));
        text_add(&f->settings, " %zu", n - at++);
    }
    text_add(&f->settings, ")\n");
    figure_set(f, "set yrange [0.4:%.1f]\nset grid x", (double)n + 0.8);
    f->height = (int)(140 + 34 * n);
}

static void draw_split(struct figures *figures, const struct plot *plot, const struct records *r, size_t n)
{
    struct figure *f = figure_add(figures, plot, rb_strdup("workloads-split"), rb_strdup("Where a step's time goes"));
    text_add(&f->caption, "For each workload the measurement (thick bar) and its prediction (thin bar below), in per cent of the measured step. What lies beyond the end "
                          "of the step's own parts went on beside the compute.");
    name_rows(f, r, n);
    figure_set(f, "set xrange [0:*]\nset xlabel 'per cent of the measured step'\nset key outside top center horizontal\nset style fill solid noborder");
    for (size_t part = 0; part < RB_LEN(parts); part++) {
        const int block = figure_block(f);
        size_t rows = f->data.length;
        for (size_t i = 0, at = 0; i < json_array_size(r->workloads); i++)
            if (workload_is_measured(json_array_get(r->workloads, i)))
                add_bar(f, json_array_get(r->workloads, i), part, (double)(n - at++));
        rows = f->data.length - rows;
        figure_block_end(f);
        if (rows == 0)
            continue;
        figure_draw(f, "$b%d using (($1+$2)/2):(($3+$4)/2):1:2:3:4 with boxxyerror lc rgb '%s'", block, parts[part].colour);
        figure_title(f, parts[part].title);
    }
}

static void draw_agreement(struct figures *figures, const struct plot *plot, const struct records *r, size_t n)
{
    struct figure *f = figure_add(figures, plot, rb_strdup("workloads-predicted"), rb_strdup("Predicted against measured"));
    double low = INFINITY, high = 0;
    text_add(&f->caption, "The bar is the measured step, 10 %% either way; the ring is what was predicted from the prices of its parts.");
    name_rows(f, r, n);
    const int block = figure_block(f);
    for (size_t i = 0, at = 0; i < json_array_size(r->workloads); i++) {
        const json_t *w = json_array_get(r->workloads, i);
        const double measured = workload_number(w, "measured", "step_us") / 1e3, predicted = workload_number(w, "predicted", "step_us") / 1e3;
        if (!workload_is_measured(w))
            continue;
        text_add(&f->data, "%.6g %.6g %zu\n", measured, predicted, n - at++);
        low = fmin(low, fmin(measured * 0.9, predicted));
        high = fmax(high, fmax(measured * 1.1, predicted));
    }
    figure_block_end(f);
    figure_log_axis(f, 'x', "ms a step", low > 0 ? low : 1e-3, high > 0 ? high : 1);
    figure_set(f, "set key outside top center horizontal\nset bars 1");
    figure_draw(f, "$b%d using 1:3:(0.9*$1):(1.1*$1) with xerrorbars lc rgb '#0072B2' lw 2 pt 7 ps 0.8", block);
    figure_title(f, "measured, and 10 % of it");
    figure_draw(f, "$b%d using 2:3 with points lc rgb '#D55E00' lw 2 pt 6 ps 1.3", block);
    figure_title(f, "predicted");
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    const size_t n = measured_count(in->records);
    if (n == 0)
        return "no workload was measured: ringbench workload all";
    draw_split(figures, plot, in->records, n);
    draw_agreement(figures, plot, in->records, n);
    return NULL;
}

const struct plot plot_workloads = { .name = "workloads", .title = "Time of a step, and its prediction", .section = "workloads", .draw = draw };
