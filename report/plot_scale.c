/* What was simulated on clusters: the studies of `ringbench simulate --study`, told apart by the labels of their cases. */
#include "report/plots.h"

#include "core/error.h"
#include "core/units.h"
#include "report/plot_scale.h"
#include "report/plot_training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES = 12, SERIES_NAME = 80 };

/* One picture: the cases whose label begins with `prefix`, one curve for every name that `series` gives. */
struct view {
    const char *prefix, *title, *x_label, *y_label, *caption;
    double (*x)(const struct record_case *c);
    double (*y)(const struct record_case *c);
    void (*series)(char name[SERIES_NAME], const struct record_case *c);
    bool sizes; /* x is bytes */
};

static double ranks(const struct record_case *c)
{
    return c->ranks;
}

static double bytes(const struct record_case *c)
{
    return (double)c->bytes;
}

/* "oversubscription scattered 4" -> 4 */
static double label_number(const struct record_case *c)
{
    const char *last = strrchr(c->label, ' ');
    double v;
    return last != NULL && units_parse_number(last + 1, &v) ? v : NAN;
}

static double bus(const struct record_case *c)
{
    return c->busbw_GBps;
}

static double seconds(const struct record_case *c)
{
    return c->time_us.median / 1e6;
}

static void by_algorithm(char name[SERIES_NAME], const struct record_case *c)
{
    snprintf(name, SERIES_NAME, "%.40s%s", c->algorithm, strchr(c->label, ',') != NULL ? ", as many servers as nodes" : "");
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '_' ? ' ' : *at;
}

static void by_servers(char name[SERIES_NAME], const struct record_case *c)
{
    snprintf(name, SERIES_NAME, "%d server%s", c->servers, c->servers == 1 ? "" : "s");
}

static void by_gpu_and_ranks(char name[SERIES_NAME], const struct record_case *c)
{
    snprintf(name, SERIES_NAME, "%d x %.40s", c->ranks, c->gpu);
}

/* The label without its number. */
static void by_algorithm_and_label(char name[SERIES_NAME], const struct record_case *c)
{
    char algorithm[SERIES_NAME];
    const char *last = strrchr(c->label, ' '), *first = strchr(c->label, ' ');
    by_algorithm(algorithm, c);
    if (strncmp(c->label, "slow_", 5) == 0)
        snprintf(name, SERIES_NAME, "%.40s of %d, one %s", algorithm, c->ranks, strncmp(c->label + 5, "gpu", 3) == 0 ? "GPU" : "node");
    else
        snprintf(name, SERIES_NAME, "%.40s%s", algorithm, first != last ? ", scattered" : "");
}

static const struct view views[] = {
    { "scaling", "Flat ring, two levels, tree, parameter server", "GPUs", "bus bandwidth in GB/s", "All-reduce, simulated step by step; the tree in 16 pieces, all else in whole chunks.", ranks, bus,
      by_algorithm, false },
    { "scaling", "Time of an all-reduce as the cluster grows", "GPUs", "seconds", "The same simulations.", ranks, seconds, by_algorithm, false },
    { "gpus", "H800 beside H100", "message size", "bus bandwidth in GB/s", "Two-level all-reduce over NVLink and one card a GPU; simulated.", bytes, bus,
      by_gpu_and_ranks, true },
    { "oversubscription", "Cost of oversubscription", "uplinks carry 1 / this", "bus bandwidth in GB/s",
      "512 GPUs. In order, neighbouring nodes share a leaf switch and the uplinks hardly matter; scattered, every hop between nodes crosses them. The tree in 16 pieces.", label_number,
      bus, by_algorithm_and_label, false },
    { "slow", "Cost of one slow GPU or node", "share of the usual rate", "bus bandwidth in GB/s", "One GPU's port and card, or those of one node, are slow; the tree in 16 pieces; 4 GiB where there are 16384 GPUs.", label_number, bus,
      by_algorithm_and_label, false },
    { "incast", "Incast of the servers", "GPUs, servers among them", "seconds", "Push and pull with dedicated servers, which neither give nor take; simulated.", ranks, seconds,
      by_servers, false },
};

static bool shown(const struct view *v, const struct record_case *c)
{
    return strcmp(c->evidence, "simulated") == 0 && strncmp(c->label, v->prefix, strlen(v->prefix)) == 0 && v->x(c) > 0 && v->y(c) > 0;
}

static size_t names_of(const struct view *v, const struct records *r, char names[SERIES][SERIES_NAME])
{
    size_t n = 0;
    for (size_t i = 0; i < r->ncases; i++) {
        char name[SERIES_NAME];
        size_t k = 0;
        if (!shown(v, &r->cases[i]))
            continue;
        v->series(name, &r->cases[i]);
        while (k < n && strcmp(names[k], name) != 0)
            k++;
        if (k == n && n < SERIES)
            snprintf(names[n++], SERIES_NAME, "%s", name);
    }
    return n;
}

static void draw_series(struct figure *f, const struct view *v, const struct records *r, const char *name, size_t index)
{
    const int block = figure_block(f);
    for (size_t i = 0; i < r->ncases; i++) {
        char own[SERIES_NAME];
        if (!shown(v, &r->cases[i]))
            continue;
        v->series(own, &r->cases[i]);
        if (strcmp(own, name) == 0)
            text_add(&f->data, "%.9g %.9g\n", v->x(&r->cases[i]), v->y(&r->cases[i]));
    }
    figure_block_end(f);
    const double width = fmax(1.2, 4.5 - 0.6 * (double)index); /* a curve that another hides stands out at its edges */
    figure_draw(f, "$b%d using 1:2 with linespoints lc rgb '%s' lw %.2g dt %d pt %d ps 0.7", block, figure_colour(index), width, index < 8 ? 1 : 3,
                5 + 2 * (int)(index % 5));
    figure_title(f, name);
}

static void range_of(const struct view *v, const struct records *r, double (*value)(const struct record_case *), double range[2])
{
    range[0] = INFINITY;
    range[1] = 0;
    for (size_t i = 0; i < r->ncases; i++)
        if (shown(v, &r->cases[i])) {
            range[0] = fmin(range[0], value(&r->cases[i]));
            range[1] = fmax(range[1], value(&r->cases[i]));
        }
}

static bool seen_before(const struct view *v, const struct records *r, size_t at, bool size)
{
    for (size_t i = 0; i < at; i++)
        if (shown(v, &r->cases[i]) && (size ? r->cases[i].bytes == r->cases[at].bytes : strcmp(r->cases[i].gpu, r->cases[at].gpu) == 0))
            return true;
    return false;
}

/* The GPUs, and the sizes where they are not an axis. */
static void name_what(struct figure *f, const struct view *v, const struct records *r)
{
    char size[UNITS_TEXT];
    const char *comma = " ";
    for (int sizes = 0; sizes <= !v->sizes; sizes++)
        for (size_t i = 0; i < r->ncases; i++)
            if (shown(v, &r->cases[i]) && !seen_before(v, r, i, sizes)) {
                text_add(&f->caption, "%s%s", comma, sizes ? units_bytes(size, r->cases[i].bytes) : r->cases[i].gpu);
                comma = ", ";
            }
    text_add(&f->caption, ".");
}

size_t scale_keeps_half(const struct records *r, size_t first)
{
    const struct record_case *c = &r->cases[first];
    size_t k = first;
    while (k + 1 < r->ncases && strcmp(r->cases[k + 1].algorithm, c->algorithm) == 0 && strcmp(r->cases[k + 1].label, c->label) == 0 &&
           r->cases[k + 1].busbw_GBps >= c->busbw_GBps / 2)
        k++;
    return k;
}

static size_t first_of(const struct view *v, const struct records *r, const char *name)
{
    for (size_t i = 0; i < r->ncases; i++) {
        char own[SERIES_NAME];
        if (!shown(v, &r->cases[i]))
            continue;
        v->series(own, &r->cases[i]);
        if (strcmp(own, name) == 0)
            return i;
    }
    return 0;
}

static void say_where_it_ends(struct figure *f, const struct view *v, const struct records *r, char names[SERIES][SERIES_NAME], size_t n)
{
    text_add(&f->caption, " Half of what the fewest GPUs reach is kept up to");
    for (size_t i = 0; i < n; i++)
        text_add(&f->caption, "%s %.0f (%s)", i == 0 ? "" : ",", ranks(&r->cases[scale_keeps_half(r, first_of(v, r, names[i]))]), names[i]);
    text_add(&f->caption, ".");
}

static bool draw_view(struct figures *figures, const struct plot *plot, const struct view *v, const struct records *r)
{
    char names[SERIES][SERIES_NAME];
    double x[2], y[2];
    const size_t n = names_of(v, r, names);
    if (n == 0)
        return false;
    range_of(v, r, v->x, x);
    range_of(v, r, v->y, y);
    struct figure *f = figure_add(figures, plot, rb_format("scale-%td-%s", v - views + 1, v->prefix), rb_strdup(v->title));
    if (v->sizes) {
        figure_size_axis(f, v->x_label, x[0], x[1]);
        figure_set(f, "set xtics font ',11'");
    }
    if (!v->sizes && x[0] < 1)
        figure_log_axis(f, 'x', v->x_label, x[0], x[1]);
    if (!v->sizes && x[0] >= 1)
        figure_count_axis(f, v->x_label, x);
    figure_log_axis(f, 'y', v->y_label, y[0], y[1]);
    figure_set(f, "set key outside below maxrows 6");
    for (size_t i = 0; i < n; i++)
        draw_series(f, v, r, names[i], i);
    text_add(&f->caption, "%s", v->caption);
    name_what(f, v, r);
    if (v->x == ranks && v->y == bus)
        say_where_it_ends(f, v, r, names, n);
    text_add(&f->caption, " From the catalogues of GPUs, cards and links; nothing here was measured.");
    return true;
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    bool any = false;
    for (size_t i = 0; i < RB_LEN(views); i++)
        any = draw_view(figures, plot, &views[i], in->records) || any;
    any = plot_training(figures, plot, in->records->plans) || any;
    return any ? NULL : "no cluster was simulated: ringbench simulate --study all --output FILE";
}

const struct plot plot_scale = { .name = "scale", .title = "Clusters, simulated", .section = "scale", .draw = draw };
