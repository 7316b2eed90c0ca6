/* Efficiency of a layer against the number of GPUs that share it, for the GPUs that people choose between. */
#include "report/limits.h"
#include "report/plots.h"

#include "core/error.h"

#include <math.h>

enum { MOST = 64, SERVER = 8 };

static const struct line {
    const char *gpu;
    enum limit_link link;
} lines[] = {
    { "H100 SXM 80GB", LIMIT_SCALEUP }, { "H800 SXM 80GB", LIMIT_SCALEUP }, { "A100 SXM 80GB", LIMIT_SCALEUP },
    { "H20 96GB", LIMIT_SCALEUP },      { "RTX 4090", LIMIT_PCIE },         { "H100 SXM 80GB", LIMIT_PCIE },
};

static void draw_line(struct figure *f, const struct limit *l, const struct limit_settings *s, size_t colour)
{
    char title[96];
    const int block = figure_block(f);
    for (double t = 1; t <= MOST; t++) {
        const double e = limit_efficiency(l, s, t);
        if (isfinite(e))
            text_add(&f->data, "%.0f %.4g %d\n", t, 100 * e, (t > l->domain) - (t < l->domain));
    }
    figure_block_end(f);
    snprintf(title, sizeof title, "%s, %.12s %.0f GB/s", l->gpu_name, l->link_name, l->model.bulk.Bps / 1e9);
    figure_draw(f, "$b%d using 1:($3 <= 0 ? $2 : 1/0) with lines lc rgb '%s' lw 2.5", block, figure_colour(colour));
    figure_title(f, title);
    figure_draw(f, "$b%d using 1:($3 >= 0 ? $2 : 1/0) with lines lc rgb '%s' lw 1.2 dt 3", block, figure_colour(colour));
    figure_title(f, NULL);
}

static void caption(struct figure *f, const struct limit_settings *s)
{
    text_add(&f->caption,
             "Share of the time that is arithmetic when t GPUs split each layer: %s of %s, hidden %.0f, sequence %.0f, micro-batch %.0f, %.0f bytes an "
             "element. GB/s: one direction of a GPU, as a collective is planned with. Dotted: more GPUs than one link domain holds. At the red line "
             "communication takes as long as arithmetic. Inputs: GPU catalogue, published GEMM rates, NCCL's latency constants; formula: report/layer.h.",
             s->inference ? "decoding" : "training", s->model_name, s->layer.hidden, s->layer.seq, s->layer.batch, s->layer.bytes);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    if (in->gpus == NULL || in->limit_settings == NULL)
        return "there is no GPU catalogue";
    struct figure *f = figure_add(figures, plot, rb_strdup(plot->name), rb_strdup("Efficiency of a layer shared by t GPUs"));
    figure_set(f, "set logscale x 2\nset xrange [1:%g]\nset xtics (1, 2, 4, 8, 16, 32, 64)\nset xlabel 't (GPUs that share a layer)'", MOST * 1.02);
    figure_set(f, "set yrange [0:100]\nset ylabel 'arithmetic / time [%%]'\nset key maxcols 2");
    figure_set(f, "set arrow from 1, %g to %d, %g nohead lc rgb '#B00020' lw 1.6 dt 2", 100 * in->limit_settings->efficiency, MOST,
               100 * in->limit_settings->efficiency);
    figure_set(f, "set arrow from %d, 0 to %d, 100 nohead lc rgb '#808080' lw 1 dt 2\nset label 'a server of %d' at %g, 4", SERVER, SERVER, SERVER, SERVER * 1.06);
    text_add(&f->narrow, "set key maxcols 1 font ',10'\n");
    for (size_t i = 0; i < RB_LEN(lines); i++) {
        const struct gpu *gpu = catalogue_match_gpu(in->gpus, lines[i].gpu);
        struct limit l;
        if (gpu != NULL && limit_of(&l, in->limit_settings, in->gpus, gpu, lines[i].link) == RB_OK && l.flops_nominal > 0)
            draw_line(f, &l, in->limit_settings, i);
    }
    caption(f, in->limit_settings);
    return NULL;
}

const struct plot plot_efficiency = { .name = "efficiency", .title = "Efficiency against the number of GPUs", .section = "limits", .draw = draw };
