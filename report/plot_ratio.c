/* How much faster than the baseline, pair by pair, with the interval as a band. */
#include "report/plots_panels.h"

#include <math.h>
#include <string.h>

static double ratio(const struct record_case *c)
{
    return c->ratio > 0 ? c->ratio : NAN;
}

static double ratio_low(const struct record_case *c)
{
    return c->ratio_low > 0 ? c->ratio_low : ratio(c);
}

static double ratio_high(const struct record_case *c)
{
    return c->ratio_high > 0 ? c->ratio_high : ratio(c);
}

static int band_block(struct figure *f, const struct curve *c)
{
    const int block = figure_block(f);
    for (size_t i = 0; i < c->npoints; i++)
        if (isfinite(ratio(c->points[i])))
            text_add(&f->data, "%llu %.6g %.6g\n", (unsigned long long)c->points[i]->bytes, ratio_low(c->points[i]), ratio_high(c->points[i]));
    figure_block_end(f);
    return block;
}

static const char *baseline_word(const struct panel *p)
{
    const char *name = "";
    for (size_t i = 0; i < p->ncurves; i++)
        if (p->curves[i]->points[0]->baseline[0] != '\0')
            name = p->curves[i]->points[0]->baseline;
    return strcmp(name, "mpi") == 0 ? "MPI" : strcmp(name, "nccl") == 0 ? "NCCL" : "the baseline";
}

static void draw_curve(struct figure *f, const struct panel *p, size_t i)
{
    char name[CURVE_NAME], style[FIGURE_STYLE];
    const struct record_case *c = p->curves[i]->points[0];
    const int line = panel_block(f, p->curves[i], ratio);
    if (line < 0)
        return;
    figure_draw(f, "$b%d using 1:2:3 with filledcurves fs transparent solid 0.18 noborder lc rgb '%s'", band_block(f, p->curves[i]),
                figure_style(c, p->variants[i]).colour);
    figure_title(f, NULL);
    figure_draw(f, "$b%d using 1:2 with linespoints %s", line, panel_style(style, p, i));
    figure_title(f, curves_name(name, c, p->several_transports));
}

static void draw_panel(struct figures *figures, const struct plot *plot, const struct panels *all, const struct panel *p)
{
    char name[CURVE_NAME];
    const struct record_case *c = p->curves[0]->points[0];
    double low, high, unused;
    panel_range(p, ratio_low, &low, &unused);
    panel_range(p, ratio_high, &unused, &high);
    curves_panel_name(name, c);
    struct figure *f = figure_add(figures, plot, panel_file(figures, plot->name, c), rb_format("Speed against the baseline: %s", name));
    figure_size_axis(f, "message size", p->low, p->high);
    figure_log_axis(f, 'y', "baseline's time / our time", fmin(low, 0.5), fmax(high, 2));
    figure_draw(f, "1 with lines lc rgb '#202020' lw 1.4 dt 1");
    text_add(&f->drawing, " title 'equal to %s'", baseline_word(p));
    for (size_t i = 0; i < p->ncurves; i++)
        draw_curve(f, p, i);
    text_add(&f->caption, "Above 1 ours is faster. Ratio of times measured in turns on the same buffers; "
                          "the band is the 95 %% interval of the paired ratio.");
    panel_inputs(&f->caption, all, p);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    return panels_draw(figures, plot, in->records, ratio, draw_panel) ? NULL : "no baseline was measured beside our algorithms";
}

const struct plot plot_ratio = { .name = "ratio", .title = "Speed against the baseline", .section = "results", .draw = draw };
