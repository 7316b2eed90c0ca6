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

static void draw_split(struct figures *figures, const struct plot *plot, const struct records *r, size_t n)
{
    struct figure *f = figure_add(figures, plot, rb_strdup("workloads-split"), rb_strdup("Where a step's time goes"));
    text_add(&f->caption, "For each workload the measurement (thick bar) and its prediction (thin bar below), in per cent of the measured step. What lies beyond the end "
                          "of the step's own parts went on beside the compute.");
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
    figure_set(f, "set yrange [0.4:%.1f]", (double)n + 0.8);
    figure_set(f, "set xrange [0:*]\nset xlabel 'per cent of the measured step'\nset key outside top center horizontal\nset grid x\nset style fill solid noborder");
    f->height = (int)(140 + 34 * n);
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

static void draw_agreement(struct figures *figures, const struct plot *plot, const struct records *r)
{
    struct figure *f = figure_add(figures, plot, rb_strdup("workloads-predicted"), rb_strdup("Predicted against measured"));
    char label[WORKLOAD_LABEL];
    double low = INFINITY, high = 0;
    text_add(&f->caption, "Steps of all workloads, predicted from the prices of their parts; the dashed lines are 10 %% either way.");
    const int block = figure_block(f);
    for (size_t i = 0; i < json_array_size(r->workloads); i++) {
        const json_t *w = json_array_get(r->workloads, i);
        const double x = workload_number(w, "measured", "step_us") / 1e3, y = workload_number(w, "predicted", "step_us") / 1e3;
        if (!workload_is_measured(w) || !(x > 0) || !(y > 0))
            continue;
        text_add(&f->data, "%.6g %.6g ", x, y);
        text_add(&f->data, "\"%s\"\n", workload_label(label, w));
        low = fmin(low, fmin(x, y));
        high = fmax(high, fmax(x, y));
    }
    figure_block_end(f);
    if (high / low > 4) {
        figure_log_axis(f, 'x', "measured, ms a step", low, high);
        figure_log_axis(f, 'y', "predicted, ms a step", low, high);
    } else { /* too near each other for decades */
        figure_set(f, "set xlabel 'measured, ms a step'\nset ylabel 'predicted, ms a step'\nset xrange [%.4g:%.4g]\nset yrange [%.4g:%.4g]", low * 0.8,
                   high * 1.3, low * 0.8, high * 1.3);
    }
    figure_set(f, "set grid\nset key top left");
    f->height = 520;
    figure_draw(f, "x with lines lc rgb '#606060' lw 1.5");
    figure_title(f, "equal");
    figure_draw(f, "1.1*x with lines lc rgb '#909090' dt 2");
    figure_title(f, NULL);
    figure_draw(f, "x/1.1 with lines lc rgb '#909090' dt 2");
    figure_title(f, NULL);
    figure_draw(f, "$b%d using 1:2 with points lc rgb '#0072B2' pt 7 ps 0.9", block);
    figure_title(f, NULL);
    figure_draw(f, "$b%d using 1:2:3 with labels left offset 0.8,-0.3 font ',9'", block);
    figure_title(f, NULL);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    const size_t n = measured_count(in->records);
    if (n == 0)
        return "no workload was measured: ringbench workload all";
    draw_split(figures, plot, in->records, n);
    draw_agreement(figures, plot, in->records);
    return NULL;
}

const struct plot plot_workloads = { .name = "workloads", .title = "Time of a step, and its prediction", .section = "workloads", .draw = draw };
