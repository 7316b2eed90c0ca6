/* Bus bandwidth against message size, with the ceiling. */
#include "report/plots_panels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double busbw(const struct record_case *c)
{
    return c->busbw_GBps > 0 ? c->busbw_GBps : NAN;
}

static double ceiling(const struct record_case *c)
{
    return c->ceiling_GBps;
}

/* The highest ceiling at each size: one line for the picture. */
static double ceiling_at(const struct panel *p, uint64_t bytes, const char **from_p)
{
    double best = NAN;
    for (size_t i = 0; i < p->ncurves; i++)
        for (size_t j = 0; j < p->curves[i]->npoints; j++) {
            const struct record_case *c = p->curves[i]->points[j];
            if (c->bytes == bytes && isfinite(c->ceiling_GBps) && !(c->ceiling_GBps < best)) {
                best = c->ceiling_GBps;
                *from_p = c->ceiling_from;
            }
        }
    return best;
}

static void draw_ceiling(struct figure *f, const struct panel *p)
{
    const char *from = "";
    const struct curve *c = p->curves[0];
    double first = NAN, last = NAN;
    const int block = figure_block(f);
    for (size_t i = 0; i < c->npoints; i++) {
        const double v = ceiling_at(p, c->points[i]->bytes, &from);
        if (!isfinite(v))
            continue;
        last = v;
        first = isfinite(first) ? first : v;
        text_add(&f->data, "%llu %.9g\n", (unsigned long long)c->points[i]->bytes, v);
    }
    figure_block_end(f);
    if (!isfinite(last))
        return;
    const char *origin = from[0] != '\0' ? from : "origin unknown";
    char *name = first == last ? rb_format("ceiling %.3g GB/s (%s)", last, origin) : rb_format("ceiling (%s)", origin);
    figure_draw(f, "$b%d using 1:2 with lines lc rgb '#B00020' lw 1.6 dt 2", block);
    figure_title(f, name);
    free(name);
    const struct record_case *one = c->points[0];
    const bool cards = strcmp(one->evidence, "simulated") == 0 && one->nodes > 1;
    text_add(&f->caption, " The dashed red line is the ceiling of %s at that size, %s.",
             cards ? "a GPU's links or of the cards of its node together, whichever is lower," : "one rank's link", from[0] != '\0' ? from : "of unknown origin");
}

static void draw_panel(struct figures *figures, const struct plot *plot, const struct panels *all, const struct panel *p)
{
    char name[CURVE_NAME], style[FIGURE_STYLE];
    const struct record_case *c = p->curves[0]->points[0];
    curves_panel_name(name, c);
    struct figure *f = figure_add(figures, plot, panel_file(figures, plot->name, c), rb_format("Bus bandwidth: %s", name));
    double low, high, top = 0;
    if (panel_range(p, busbw, &low, &top) && panel_range(p, ceiling, &low, &high))
        top = fmax(top, high);
    figure_size_axis(f, "message size", p->low, p->high);
    figure_set(f, "set ylabel 'bus bandwidth [GB/s]'\nset yrange [0:%.6g]", 1.08 * top);
    text_add(&f->caption, "Bus bandwidth is nccl-tests' busbw, one direction: what a link would have to carry if every rank used it to the full.%s",
             c->source[0] == '\0' ? " Median over the iterations, each timed on its slowest rank." : "");
    for (size_t i = 0; i < p->ncurves; i++) {
        const int block = panel_block(f, p->curves[i], busbw);
        if (block < 0)
            continue;
        figure_draw(f, "$b%d using 1:2 with linespoints %s", block, panel_style(style, p, i));
        figure_title(f, curves_name(name, p->curves[i]->points[0], p->several_transports));
    }
    draw_ceiling(f, p);
    panel_inputs(&f->caption, all, p);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    return panels_draw(figures, plot, in->records, busbw, draw_panel) ? NULL : "no case has a bus bandwidth: it needs at least two ranks";
}

const struct plot plot_bandwidth = { .name = "bandwidth", .title = "Bus bandwidth against size", .section = "results", .draw = draw };
