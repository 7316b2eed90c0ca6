/* The fitted lines through what was measured: time against the bytes on the wire. */
#include "report/plots_panels.h"

#include <math.h>
#include <string.h>

enum { STEPS = 24 }; /* of a fitted piece: a straight line is none on logarithmic axes */

static void points_block(struct figure *f, const struct curve *c)
{
    figure_block(f);
    for (size_t i = 0; i < c->npoints; i++)
        text_add(&f->data, "%.9g %.9g\n", curves_wire_bytes(c->points[i]), c->points[i]->time_us.median);
    figure_block_end(f);
}

static void lines_block(struct figure *f, const struct fit *fit)
{
    figure_block(f);
    for (size_t s = 0; s < fit->nsegments; s++) {
        const struct fit_segment *g = &fit->segments[s];
        for (int i = 0; i <= STEPS; i++) {
            const double x = g->from * pow(g->to / g->from, (double)i / STEPS);
            text_add(&f->data, "%.9g %.9g\n", x, g->line.alpha_us + g->line.beta_us * x);
        }
        text_add(&f->data, "\n");
    }
    figure_block_end(f);
}

static void add_breaks(struct figure *f, const struct fit *fit, const char *colour)
{
    for (size_t s = 1; s < fit->nsegments; s++)
        figure_set(f, "set arrow from %.6g, graph 0 to %.6g, graph 1 nohead lc rgb '%s' lw 0.8 dt 3 back",
                   sqrt(fit->segments[s - 1].to * fit->segments[s].from), sqrt(fit->segments[s - 1].to * fit->segments[s].from), colour);
}

static void draw_curve(struct figure *f, const struct panel *p, size_t i, const struct fit *fit)
{
    char name[CURVE_NAME];
    const struct curve *c = p->curves[i];
    const struct figure_style s = figure_style(c->points[0], p->variants[i]);
    points_block(f, c);
    figure_draw(f, "$b%d using 1:2 with points lc rgb '%s' lw 1.4 pt %d ps 0.8", f->nblocks - 1, s.colour, s.point);
    figure_title(f, curves_name(name, c->points[0], p->several_transports));
    if (fit == NULL || fit->refused[0] != '\0')
        return;
    lines_block(f, fit);
    figure_draw(f, "$b%d using 1:2 with lines lc rgb '%s' lw 1.6 dt 1", f->nblocks - 1, s.colour);
    figure_title(f, NULL);
    add_breaks(f, fit, s.colour);
}

static bool any_fit(const struct panel *p, const struct fits *fits)
{
    for (size_t i = 0; i < p->ncurves; i++) {
        const struct fit *fit = fits_find(fits, p->curves[i]->points[0]);
        if (fit != NULL && fit->refused[0] == '\0')
            return true;
    }
    return false;
}

static double median(const struct record_case *c)
{
    return c->time_us.median;
}

static void draw_panel(struct figures *figures, const struct plot *plot, const struct panels *all, const struct panel *p, const struct fits *fits)
{
    char name[CURVE_NAME];
    const struct record_case *c = p->curves[0]->points[0];
    double low, high, from, to;
    curves_panel_name(name, c);
    struct figure *f = figure_add(figures, plot, panel_file(figures, plot->name, c), rb_format("Fit against samples: %s", name));
    panel_range(p, median, &low, &high);
    panel_range(p, curves_wire_bytes, &from, &to);
    figure_size_axis(f, "bytes that the busiest rank sends", from, to);
    figure_log_axis(f, 'y', "time [us]", low, high);
    for (size_t i = 0; i < p->ncurves; i++)
        draw_curve(f, p, i, fits_find(fits, p->curves[i]->points[0]));
    text_add(&f->caption, "Points: medians. Lines: t = alpha + beta x bytes, in pieces where the points ask for them, "
                          "with a dotted line where a piece ends; the numbers are in the table of fits.");
    panel_inputs(&f->caption, all, p);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    struct panels all;
    panels_make(&all, in->records);
    bool any = false;
    for (size_t i = 0; i < all.count; i++)
        if (any_fit(&all.list[i], in->fits)) {
            draw_panel(figures, plot, &all, &all.list[i], in->fits);
            any = true;
        }
    panels_free(&all);
    return any ? NULL : "no curve could be fitted: at least four sizes over two decades are needed";
}

const struct plot plot_fit = { .name = "fit", .title = "Fit against samples", .section = "fits", .draw = draw };
