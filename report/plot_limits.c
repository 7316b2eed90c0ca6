/* The TP limit of every GPU model over its fastest link, three ways, with the line at eight. */
#include "report/limits.h"
#include "report/plots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW = 18, MARGIN = 170, SERVER = 8 };

struct rows {
    const struct limit **list;
    size_t count;
};

/* PCIe only where there is no faster link. */
static bool is_fastest(const struct limits *all, const struct limit *l)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].gpu == l->gpu && all->list[i].Bps_nominal > l->Bps_nominal)
            return false;
    return true;
}

static double centre(const struct limit *l)
{
    return isfinite(l->layer.value) ? l->layer.value : l->measured.value;
}

static int by_limit(const void *a, const void *b)
{
    const struct limit *x = *(const struct limit *const *)a, *y = *(const struct limit *const *)b;
    const double d = centre(x) - centre(y);
    return d != 0 ? (d > 0) - (d < 0) : strcmp(y->gpu_name, x->gpu_name);
}

static struct rows take_rows(const struct limits *all)
{
    struct rows r = { rb_calloc(all->count, sizeof *r.list), 0 };
    for (size_t i = 0; i < all->count; i++)
        if (isfinite(centre(&all->list[i])) && is_fastest(all, &all->list[i]))
            r.list[r.count++] = &all->list[i];
    qsort(r.list, r.count, sizeof *r.list, by_limit);
    return r;
}

struct series {
    const char *title, *colour;
    int point;
    double offset;
    size_t range; /* of struct limit_range in struct limit */
    bool simulated; /* of measured: rests on simulated records */
};

static const struct series all_series[] = {
    { "document's rule", "#0072B2", 7, 0.22, offsetof(struct limit, document), false },
    { "whole layer", "#009E73", 5, 0, offsetof(struct limit, layer), false },
    { "measured", "#D55E00", 13, -0.22, offsetof(struct limit, measured), false },
    { "simulated", "#CC79A7", 12, -0.22, offsetof(struct limit, measured), true },
};

static void draw_series(struct figure *f, const struct rows *r, const struct series *s)
{
    size_t shown = 0;
    const int block = figure_block(f);
    for (size_t i = 0; i < r->count; i++) {
        const struct limit_range *v = (const void *)((const char *)r->list[i] + s->range);
        if (!isfinite(v->value) || (s->range == offsetof(struct limit, measured) && r->list[i]->simulated != s->simulated))
            continue;
        text_add(&f->data, "%.4g %.2f %.4g %.4g\n", v->value, (double)i + s->offset, isfinite(v->low) ? v->low : v->value,
                 isfinite(v->high) ? v->high : v->value);
        shown++;
    }
    figure_block_end(f);
    if (shown == 0)
        return;
    figure_draw(f, "$b%d using 1:2:3:4 with xerrorbars lc rgb '%s' lw 1.5 pt %d ps 0.7", block, s->colour, s->point);
    figure_title(f, s->title);
}

static void name_rows(struct figure *f, const struct rows *r)
{
    text_add(&f->settings, "set ytics (");
    for (size_t i = 0; i < r->count; i++) {
        const struct limit *l = r->list[i];
        char *name = rb_format("%s%s%s", l->gpu_name, l->link == LIMIT_PCIE && l->gpu != NULL ? ", PCIe" : "", l->weak ? " ?" : "");
        text_add(&f->settings, "%s", i > 0 ? ", " : "");
        figure_quote(&f->settings, name);
        text_add(&f->settings, " %zu", i);
        free(name);
    }
    text_add(&f->settings, ") font ',12'\nset yrange [-0.7:%.1f]\n", (double)r->count - 0.3);
    text_add(&f->narrow, "set ytics font ',9'\nset xtics (1, 4, 8, 16, 64)\nset xlabel 'GPUs'\n");
}

static void caption(struct figure *f, const struct limit_settings *s)
{
    text_add(&f->caption,
             "GPUs that may share a layer before communication takes more than %.0f %% of the time: %s of %s, sequence %.0f, micro-batch %.0f, "
             "%.0f bytes an element, over the fastest link of each GPU (one direction). Bars run from the careful to the hopeful reading of the "
             "figures; \u201c?\u201d rests on one weak source. \u201cMeasured\u201d and \u201csimulated\u201d: the layer with such an all-reduce. "
             "Right of the red line a server of eight is worth filling. Inputs: the GPU catalogue, published logs, results.jsonl; formulas: ringbench limits.",
             100 * (1 - s->efficiency), s->inference ? "inference" : "training", s->model_name, s->layer.seq, s->layer.batch, s->bytes);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    if (in->limits == NULL)
        return "there is no GPU catalogue";
    struct rows r = take_rows(in->limits);
    if (r.count > 0) {
        struct figure *f = figure_add(figures, plot, rb_strdup(plot->name), rb_strdup("GPUs that may share a layer"));
        f->height = (int)r.count * ROW + MARGIN;
        figure_set(f, "set logscale x 2\nset xrange [0.9:150]\nset xtics (1, 2, 4, 8, 16, 32, 64, 128)\nset xlabel 'GPUs (tensor-parallel degree)'");
        figure_set(f, "set arrow from %d, graph 0 to %d, graph 1 nohead lc rgb '#B00020' lw 1.6 dt 2 front", SERVER, SERVER);
        name_rows(f, &r);
        for (size_t i = 0; i < sizeof all_series / sizeof all_series[0]; i++)
            draw_series(f, &r, &all_series[i]);
        caption(f, in->limit_settings);
    }
    const bool any = r.count > 0;
    free(r.list);
    return any ? NULL : "no GPU of the catalogue has both a rate and a link";
}

const struct plot plot_limits = { .name = "limits", .title = "All models over their fastest link", .section = "limits", .draw = draw };
