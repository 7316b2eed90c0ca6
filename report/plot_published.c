/* Published bus bandwidth against size, one figure a GPU model, under the ceilings of its links. */
#include "report/import.h"
#include "report/limits.h"
#include "report/plots.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CURVES = 7 };

static const struct model {
    const char *gpu;
    enum limit_link link;
    const char *transport;
} models[] = {
    { "H800 SXM 80GB", LIMIT_SCALEUP, "nvlink" }, { "H100 SXM 80GB", LIMIT_SCALEUP, "nvlink" }, { "A100 SXM 80GB", LIMIT_SCALEUP, "nvlink" },
    { "H20 96GB", LIMIT_SCALEUP, "nvlink" },      { "B200", LIMIT_SCALEUP, "nvlink" },          { "RTX 4090", LIMIT_PCIE, "pcie" },
};

/* The cases of one log, collective, type and number of GPUs. */
struct line {
    const struct record_case *first;
    double peak;
};

static bool same_line(const struct record_case *a, const struct record_case *b)
{
    return strcmp(a->collective, b->collective) == 0 && a->ranks == b->ranks && strcmp(a->label, b->label) == 0 && strcmp(a->source, b->source) == 0 &&
           strcmp(a->type, b->type) == 0 && strcmp(a->algorithm, b->algorithm) == 0 && strcmp(a->gpu, b->gpu) == 0 && a->in_place == b->in_place;
}

static bool belongs(const struct record_case *k, const struct model *m, const struct catalogue *c, const struct gpu *gpu)
{
    return k->nodes <= 1 && k->ranks > 1 && !k->in_place && strcmp(k->transport, m->transport) == 0 && isfinite(k->busbw_GBps) && k->busbw_GBps > 0 &&
           k->bytes > 0 && catalogue_match_gpu(c, k->gpu) == gpu;
}

static int by_peak(const void *a, const void *b)
{
    const double d = ((const struct line *)b)->peak - ((const struct line *)a)->peak;
    return (d > 0) - (d < 0);
}

/* The lines of a model, the fastest first. The caller frees. */
static struct line *find_lines(const struct records *r, const struct model *m, const struct catalogue *c, size_t *count_p)
{
    const struct gpu *gpu = catalogue_match_gpu(c, m->gpu);
    struct line *lines = rb_calloc(r->ncases, sizeof *lines);
    size_t n = 0;
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *k = &r->cases[i];
        if (gpu == NULL || !belongs(k, m, c, gpu))
            continue;
        size_t at = 0;
        while (at < n && !same_line(lines[at].first, k))
            at++;
        if (at == n)
            lines[n++] = (struct line){ k, 0 };
        lines[at].peak = fmax(lines[at].peak, k->busbw_GBps);
    }
    qsort(lines, n, sizeof *lines, by_peak);
    *count_p = n;
    return lines;
}

static void draw_line(struct figure *f, const struct records *r, const struct line *line, size_t colour)
{
    char title[96];
    const int block = figure_block(f);
    for (size_t i = 0; i < r->ncases; i++)
        if (same_line(line->first, &r->cases[i]) && r->cases[i].bytes > 0 && r->cases[i].busbw_GBps > 0)
            text_add(&f->data, "%llu %.5g\n", (unsigned long long)r->cases[i].bytes, r->cases[i].busbw_GBps);
    figure_block_end(f);
    snprintf(title, sizeof title, "%s, %d GPUs%s%s", line->first->collective, line->first->ranks, line->first->type[0] != '\0' ? ", " : "", line->first->type);
    figure_draw(f, "$b%d using 1:2 with linespoints lc rgb '%s' lw 1.8 pt 7 ps 0.5", block, figure_colour(colour));
    figure_title(f, title);
}

static void draw_ceiling(struct figure *f, double GBps, const char *name, int dash)
{
    if (!isfinite(GBps))
        return;
    figure_set(f, "set arrow from graph 0, first %.5g to graph 1, first %.5g nohead lc rgb '#B00020' lw 1.6 dt %d", GBps, GBps, dash);
    figure_set(f, "set label '%s: %.4g' at graph 0.01, first %.5g offset 0,0.5 font ',11' tc rgb '#B00020'", name, GBps, GBps);
}

static void caption(struct figure *f, const struct limit *l, size_t shown, size_t all)
{
    text_add(&f->caption,
             "Bus bandwidth as nccl-tests counts it, of published logs of the %s on one machine over %s; the %zu fastest of %zu lines. Solid red: nominal, one "
             "direction of all links, which no ring exceeds (an all-reduce inside the switch may). Dashed: what a collective is planned with. Inputs: "
             "data/published with its sources, GPU catalogue; verdicts: ringbench validate.",
             l->gpu_name, l->link_name, shown, all);
}

static bool draw_model(struct figures *figures, const struct plot *plot, const struct page_input *in, const struct records *r, const struct model *m)
{
    struct limit l;
    size_t n = 0;
    struct line *lines = find_lines(r, m, in->gpus, &n);
    const struct gpu *gpu = catalogue_match_gpu(in->gpus, m->gpu);
    if (n > 0 && limit_of(&l, in->limit_settings, in->gpus, gpu, m->link) == RB_OK) {
        const size_t shown = n < MOST_CURVES ? n : MOST_CURVES;
        char *name = rb_format("%s-%.*s", plot->name, (int)strcspn(m->gpu, " "), m->gpu);
        if (strncmp(m->gpu, "RTX ", 4) == 0) {
            free(name);
            name = rb_format("%s-%s", plot->name, m->gpu + 4);
        }
        struct figure *f = figure_add(figures, plot, name, rb_format("%s: published bus bandwidth", m->gpu));
        figure_size_axis(f, "message", 1024, 8589934592.0);
        figure_set(f, "set yrange [0:%.5g]\nset ylabel 'busbw [GB/s]'\nset key maxcols 3", 1.15 * fmax(lines[0].peak, l.Bps_nominal / 1e9));
        text_add(&f->narrow, "set key maxcols 2 font ',10'\n");
        draw_ceiling(f, l.Bps_nominal / 1e9, "nominal", 1);
        draw_ceiling(f, l.Bps_effective / 1e9, "planned", 2);
        for (size_t i = 0; i < shown; i++)
            draw_line(f, r, &lines[i], i);
        caption(f, &l, shown, n);
    }
    free(lines);
    return n > 0;
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    struct import published = {0};
    bool any = false;
    if (in->gpus == NULL || in->limit_settings == NULL)
        return "there is no GPU catalogue";
    if (published_load(&published) != RB_OK)
        return "the published figures could not be read";
    for (size_t i = 0; i < RB_LEN(models); i++)
        any = draw_model(figures, plot, in, &published.records, &models[i]) || any;
    import_free(&published);
    return any ? NULL : "nothing was published of the models of the catalogue";
}

const struct plot plot_published = { .name = "published", .title = "Published bandwidth and its ceilings", .section = "validate", .draw = draw };
