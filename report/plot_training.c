/* How much of its GPUs' rate the best split of a training step uses, and how far each kind of parallelism goes, as the cluster grows. */
#include "report/plot_training.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MODELS = 8 };

/* Every second power of two that occurs. */
void figure_count_axis(struct figure *f, const char *label, const double range[2])
{
    text_add(&f->settings, "set logscale x 2\nset xrange [%.6g:%.6g]\nset xlabel ", range[0] / 1.15, range[1] * 1.15);
    figure_quote(&f->settings, label);
    text_add(&f->settings, "\nset xtics (");
    const double step = range[1] / range[0] > 64 ? 4 : 2;
    for (double at = range[0]; at <= range[1] * 1.01; at *= step)
        text_add(&f->settings, "%s'%.6g' %.6g", at > range[0] ? ", " : "", at, at);
    text_add(&f->settings, ")\n");
}

static double number(const json_t *plan, const char *part, const char *key)
{
    const json_t *v = json_object_get(part != NULL ? json_object_get(plan, part) : plan, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *gpu_of(const json_t *plan)
{
    const char *s = json_string_value(json_object_get(plan, "gpu"));
    return s != NULL ? s : "";
}

/* Clusters of one model: "128x8xH100"; the documents' have names of their own and other trainings. */
static bool shown(const json_t *plan)
{
    const char *name = json_string_value(json_object_get(plan, "cluster"));
    return name != NULL && strstr(name, "x8x") != NULL && json_is_true(json_object_get(plan, "fits")) && number(plan, NULL, "gpus") > 0;
}

static size_t models(const json_t *plans, const char *names[MODELS])
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(plans); i++) {
        const json_t *plan = json_array_get(plans, i);
        size_t k = 0;
        while (k < n && strcmp(names[k], gpu_of(plan)) != 0)
            k++;
        if (k == n && n < MODELS && shown(plan))
            names[n++] = gpu_of(plan);
    }
    return n;
}

struct training_curve {
    const char *part, *key, *title;
    double scale;
};

static int add_points(struct figure *f, const json_t *plans, const char *gpu, const struct training_curve *c)
{
    const int block = figure_block(f);
    for (size_t i = 0; i < json_array_size(plans); i++) {
        const json_t *plan = json_array_get(plans, i);
        if (shown(plan) && strcmp(gpu_of(plan), gpu) == 0)
            text_add(&f->data, "%.9g %.9g\n", number(plan, NULL, "gpus"), c->scale * number(plan, c->part, c->key));
    }
    figure_block_end(f);
    return block;
}

static void axes(struct figure *f, const json_t *plans)
{
    double range[2] = { INFINITY, 0 };
    for (size_t i = 0; i < json_array_size(plans); i++)
        if (shown(json_array_get(plans, i))) {
            const double gpus = number(json_array_get(plans, i), NULL, "gpus");
            range[0] = fmin(range[0], gpus);
            range[1] = fmax(range[1], gpus);
        }
    figure_count_axis(f, "GPUs", range);
    figure_set(f, "set key outside below maxrows 4");
}

static void draw_used(struct figures *figures, const struct plot *plot, const json_t *plans, const char *names[MODELS], size_t n)
{
    static const struct training_curve used = { NULL, "utilisation", "", 100 };
    struct figure *f = figure_add(figures, plot, rb_strdup("scale-7-training"), rb_strdup("What training uses of its GPUs as the cluster grows"));
    axes(f, plans);
    figure_set(f, "set yrange [0:100]");
    figure_set(f, "set ylabel '%% of the rate of matrix products'");
    for (size_t i = 0; i < n; i++) {
        const int block = add_points(f, plans, names[i], &used);
        figure_draw(f, "$b%d using 1:2 with linespoints lc rgb '%s' lw 2 pt 7 ps 0.7", block, figure_colour(i));
        figure_title(f, names[i]);
    }
    text_add(&f->caption, "The fastest tensor x pipeline x data split of a step of about 4 million tokens. Arithmetic; nothing here was measured.");
}

static void draw_limits(struct figures *figures, const struct plot *plot, const json_t *plans, const char *gpu, size_t index)
{
    static const struct training_curve curves[] = { { "within_10_percent", "tensor", "tensor parallel", 1 },
                                           { "within_10_percent", "pipeline", "pipeline parallel", 1 },
                                           { "within_10_percent", "data", "data parallel", 1 } };
    struct figure *f = figure_add(figures, plot, rb_format("scale-8-limits-%zu", index + 1), rb_format("How far each kind of parallelism goes: %s", gpu));
    axes(f, plans);
    figure_set(f, "set logscale y 2");
    figure_set(f, "set yrange [0.8:2048]");
    figure_set(f, "set ylabel 'degree'");
    for (size_t i = 0; i < RB_LEN(curves); i++) {
        const int block = add_points(f, plans, gpu, &curves[i]);
        figure_draw(f, "$b%d using 1:2 with linespoints lc rgb '%s' lw 2 pt 7 ps 0.7", block, figure_colour(i));
        figure_title(f, curves[i].title);
    }
    text_add(&f->caption, "The largest degree with which some split takes at most 10 %% longer than the best. Arithmetic; nothing here was measured.");
}

bool plot_training(struct figures *figures, const struct plot *plot, const json_t *plans)
{
    const char *names[MODELS];
    const size_t n = models(plans, names);
    if (n == 0)
        return false;
    draw_used(figures, plot, plans, names, n);
    for (size_t i = 0; i < n; i++)
        draw_limits(figures, plot, plans, names[i], i);
    return true;
}
