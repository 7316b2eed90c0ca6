/* Time of a call against message size, both logarithmic. */
#include "report/plots_panels.h"

#include <math.h>

static double median(const struct record_case *c)
{
    return c->time_us.median;
}

static double worst(const struct record_case *c)
{
    return isfinite(c->time_us.p99) ? c->time_us.p99 : NAN;
}

static void draw_panel(struct figures *figures, const struct plot *plot, const struct panels *all, const struct panel *p)
{
    char name[CURVE_NAME], style[FIGURE_STYLE];
    const struct record_case *c = p->curves[0]->points[0];
    double low, high, top;
    curves_panel_name(name, c);
    struct figure *f = figure_add(figures, plot, panel_file(figures, plot->name, c), rb_format("Time of a call: %s", name));
    panel_range(p, median, &low, &high);
    const bool tails = panel_range(p, worst, &top, &top);
    figure_size_axis(f, "message size", p->low, p->high);
    figure_log_axis(f, 'y', "time [us]", low, tails ? fmax(high, top) : high);
    for (size_t i = 0; i < p->ncurves; i++) {
        panel_style(style, p, i);
        figure_draw(f, "$b%d using 1:2 with linespoints %s", panel_block(f, p->curves[i], median), style);
        figure_title(f, curves_name(name, p->curves[i]->points[0], p->several_transports));
        const int tail = panel_block(f, p->curves[i], worst);
        if (tail < 0)
            continue;
        figure_draw(f, "$b%d using 1:2 with lines lc rgb '%s' lw 0.7 dt 3", tail, figure_style(p->curves[i]->points[0], p->variants[i]).colour);
        figure_title(f, NULL);
    }
    text_add(&f->caption, c->source[0] == '\0' ? "Median time of one call on its slowest rank%s; no barrier inside." : "Time of one call%s.",
             tails ? ", and the 99th percentile as thin dots" : "");
    panel_inputs(&f->caption, all, p);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    struct panels all;
    panels_make(&all, in->records);
    const bool any = all.count > 0;
    for (size_t i = 0; i < all.count; i++)
        draw_panel(figures, plot, &all, &all.list[i]);
    panels_free(&all);
    return any ? NULL : "no case has a time: nothing moves with one rank";
}

const struct plot plot_latency = { .name = "latency", .title = "Time against size", .section = "results", .draw = draw };
