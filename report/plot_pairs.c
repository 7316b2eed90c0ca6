/* The bandwidth between every two ranks as a matrix. */
#include "report/plots.h"

#include <math.h>
#include <stdlib.h>

enum { NUMBERED = 16 }; /* ranks: more leave no room for numbers */

static int count_ranks(const struct records *r)
{
    int most = -1;
    for (size_t i = 0; i < r->npairs; i++) {
        most = r->pairs[i].from > most ? r->pairs[i].from : most;
        most = r->pairs[i].to > most ? r->pairs[i].to : most;
    }
    return most + 1;
}

static double one_way(const struct records *r, int from, int to)
{
    for (size_t i = 0; i < r->npairs; i++)
        if (r->pairs[i].from == from && r->pairs[i].to == to)
            return r->pairs[i].one_way_GBps;
    return NAN;
}

static double most(const struct records *r)
{
    double most_GBps = 0;
    for (size_t i = 0; i < r->npairs; i++)
        most_GBps = fmax(most_GBps, r->pairs[i].one_way_GBps);
    return most_GBps;
}

static int matrix_block(struct figure *f, const struct records *r, int n)
{
    const int block = figure_block(f);
    for (int from = 0; from < n; from++) {
        for (int to = 0; to < n; to++) {
            const double v = one_way(r, from, to);
            text_add(&f->data, isfinite(v) ? "%d %d %.6g\n" : "%d %d NaN\n", to, from, v);
        }
        text_add(&f->data, "\n");
    }
    figure_block_end(f);
    return block;
}

/* The numbers in the fields: white ones where the field is dark. */
static void draw_numbers(struct figure *f, const struct records *r, bool dark, double limit)
{
    size_t shown = 0;
    const int block = figure_block(f);
    for (size_t i = 0; i < r->npairs; i++)
        if (isfinite(r->pairs[i].one_way_GBps) && (r->pairs[i].one_way_GBps > limit) == dark) {
            text_add(&f->data, "%d %d %.3g%s\n", r->pairs[i].to, r->pairs[i].from, r->pairs[i].one_way_GBps, r->pairs[i].outlier ? "!" : "");
            shown++;
        }
    figure_block_end(f);
    if (shown == 0)
        return;
    figure_draw(f, "$b%d using 1:2:(stringcolumn(3)) with labels tc rgb '%s'", block, dark ? "#ffffff" : "#202020");
    figure_title(f, NULL);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    const int n = count_ranks(in->records);
    if (n < 2)
        return "the links between the ranks were not measured one by one (--pairs)";
    struct figure *f = figure_add(figures, plot, rb_strdup(plot->name), rb_strdup("Bandwidth between every two ranks"));
    const int block = matrix_block(f, in->records, n);
    figure_set(f, "set xlabel 'to rank'\nset ylabel 'from rank'\nset cblabel 'one way [GB/s]'\nset cbrange [0:*]\nunset grid\nunset key");
    figure_set(f, "set xrange [-0.5:%d.5]\nset yrange [%d.5:-0.5]\nset xtics 1\nset ytics 1", n - 1, n - 1);
    figure_set(f, "set palette defined (0 '#f7fbff', 0.5 '#6baed6', 1 '#08519c')");
    figure_draw(f, "$b%d using 1:2:3 with image pixels", block);
    figure_title(f, NULL);
    for (int dark = 0; dark < 2 && n <= NUMBERED; dark++)
        draw_numbers(f, in->records, dark == 1, 0.6 * most(in->records));
    text_add(&f->caption, "One message stream at a time, from the rank of the row to the rank of the column; "
                          "\u201c!\u201d marks an outlier in latency or bandwidth. Inputs: results.jsonl, records of kind pair.");
    return NULL;
}

const struct plot plot_pairs = { .name = "pairs", .title = "Bandwidth between every two ranks", .section = "pairs", .draw = draw };
