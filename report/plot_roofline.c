/* A roofline of links: what a GPU can compute while its link brings the bytes, against the FLOP that the model offers for each byte. */
#include "report/limits.h"
#include "report/plots.h"

#include "core/error.h"

#include <math.h>

static const struct roof {
    const char *gpu;
    enum limit_link link;
} roofs[] = {
    { "H100 SXM 80GB", LIMIT_SCALEUP }, { "H800 SXM 80GB", LIMIT_SCALEUP }, { "A100 SXM 80GB", LIMIT_SCALEUP },
    { "B200", LIMIT_SCALEUP },          { "RTX 4090", LIMIT_PCIE },         { "H100 SXM 80GB", LIMIT_PCIE },
};
static const double FROM = 300, TO = 40000; /* FLOP per byte */

/* The roof bends where FLOP per byte is F/W. */
static void draw_roof(struct figure *f, const struct limit *l, size_t colour)
{
    char title[96];
    const double F = l->flops_nominal / 1e12, W = l->Bps_nominal / 1e12;
    const int block = figure_block(f);
    text_add(&f->data, "%.6g %.6g\n%.6g %.6g\n%.6g %.6g\n", FROM, fmin(F, FROM * W), fmin(fmax(F / W, FROM), TO), F, TO, fmin(F, TO * W));
    figure_block_end(f);
    snprintf(title, sizeof title, "%s, %.12s: needs %.0f FLOP/B", l->gpu_name, l->link_name, F / W);
    figure_draw(f, "$b%d using 1:2 with lines lc rgb '%s' lw 2.5 dt %d", block, figure_colour(colour), l->link == LIMIT_PCIE ? 4 : 1);
    figure_title(f, title);
}

/* 2*3*h/(t*bytes) for a few t. */
static void mark_offers(struct figure *f, const struct limit_settings *s)
{
    for (int t = 1; t <= 32; t *= 2) {
        const double offered = document_limit(s->layer.hidden, s->layer.bytes, 1, 1) / t;
        if (offered < FROM || offered > TO)
            continue;
        figure_set(f, "set arrow from %.6g, graph 0 to %.6g, graph 1 nohead lc rgb '#808080' lw 1 dt 2", offered, offered);
        figure_set(f, "set label 't = %d' at %.6g, graph 0.03 rotate by 90 left offset -0.8,0 font ',12' tc rgb '#505050'", t,
                   offered);
    }
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    if (in->gpus == NULL || in->limit_settings == NULL)
        return "there is no GPU catalogue";
    const struct limit_settings *s = in->limit_settings;
    struct figure *f = figure_add(figures, plot, rb_strdup(plot->name), rb_strdup("Roofline of the links: FLOP needed and offered for a byte"));
    figure_set(f, "set logscale xy 10\nset xrange [%g:%g]\nset yrange [8:4000]\nset xlabel 'FLOP for each byte that a GPU sends; upright: what the model offers on t GPUs'", FROM, TO);
    figure_set(f, "set ylabel 'attainable TFLOP/s of a GPU'\nset xtics (300, 1000, 3000, 10000, 30000)\nset ytics (10, 30, 100, 300, 1000, 3000)");
    f->height = 560;
    text_add(&f->narrow, "set key font ',10'\nset xlabel 'FLOP for a byte; upright: model on t GPUs'\nset xtics (300, 3000, 30000)\n");
    mark_offers(f, s);
    for (size_t i = 0; i < RB_LEN(roofs); i++) {
        const struct gpu *gpu = catalogue_match_gpu(in->gpus, roofs[i].gpu);
        struct limit l;
        if (gpu != NULL && limit_of(&l, s, in->gpus, gpu, roofs[i].link) == RB_OK && l.flops_nominal > 0 && l.Bps_nominal > 0)
            draw_roof(f, &l, i);
    }
    text_add(&f->caption,
             "A GPU computes at its dense 16-bit rate F (FP32 accumulation) only where a byte brings at least F/W FLOP: the bend, W one direction of all "
             "links, nominal. Upright lines: what %s (hidden %.0f, %.0f bytes an element) offers when t GPUs share it, 2\u00b73\u00b7h/(t\u00b7bytes). "
             "A line right of the bend: arithmetic binds; left of it: the link. Inputs: GPU catalogue; formula: report/layer.h.",
             s->model_name, s->layer.hidden, s->layer.bytes);
    return NULL;
}

const struct plot plot_roofline = { .name = "roofline", .title = "Required against offered FLOP per byte", .section = "limits", .draw = draw };
