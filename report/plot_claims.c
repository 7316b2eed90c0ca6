/* Every claim at the ratio of recomputed to printed figure, by topic and verdict. */
#include "report/claims.h"
#include "report/plots.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW = 24, MARGIN = 170, MOST_TOPICS = 40 };

static const char *const colours[VERDICT_COUNT] = { "#0072B2", "#56B4E9", "#B00020", "#E69F00", "#909090" };
static const int points[VERDICT_COUNT] = { 7, 5, 9, 11, 13 };

struct topics {
    const char *names[MOST_TOPICS];
    size_t seen[MOST_TOPICS]; /* claims placed so far, to set them side by side */
    size_t count;
};

static size_t topic_of(struct topics *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->names[i], name) == 0)
            return i;
    if (t->count == MOST_TOPICS)
        return MOST_TOPICS - 1;
    t->names[t->count] = name;
    return t->count++;
}

/* -0.3 .. 0.3 within the row, so that claims of one ratio do not hide each other. */
static double spread(size_t n)
{
    return 0.3 - 0.15 * (double)(n % 5);
}

static void draw_verdict(struct figure *f, const struct claims *c, struct topics *topics, enum claim_verdict verdict)
{
    size_t shown = 0;
    const int block = figure_block(f);
    for (size_t i = 0; i < c->count; i++) {
        const struct claim *k = &c->list[i];
        const double ratio = k->recomputed / k->printed;
        if (k->verdict != verdict || !isfinite(ratio) || ratio <= 0)
            continue;
        const size_t topic = topic_of(topics, k->topic);
        text_add(&f->data, "%.5g %.3f\n", ratio, -(double)topic + spread(topics->seen[topic]++));
        shown++;
    }
    figure_block_end(f);
    if (shown == 0)
        return;
    char title[64];
    snprintf(title, sizeof title, "%s (%zu)", claim_verdict_names[verdict], shown);
    figure_draw(f, "$b%d using 1:2 with points lc rgb '%s' pt %d ps 0.9", block, colours[verdict], points[verdict]);
    figure_title(f, title);
}

static void name_rows(struct figure *f, const struct topics *t)
{
    text_add(&f->settings, "set ytics (");
    for (size_t i = 0; i < t->count; i++) {
        text_add(&f->settings, "%s", i > 0 ? ", " : "");
        figure_quote(&f->settings, t->names[i]);
        text_add(&f->settings, " %d", -(int)i);
    }
    text_add(&f->settings, ")\nset yrange [%.1f:0.6]\n", -(double)t->count + 0.4);
    text_add(&f->narrow, "set ytics font ',9'\nset key maxcols 1 font ',10'\nset xtics (0.25, 1, 2)\n");
}

static void fill(struct figure *f, const struct claims *c)
{
    struct topics topics = {0};
    size_t left_out = 0;
    for (size_t i = 0; i < c->count; i++) {
        topic_of(&topics, c->list[i].topic);
        const double ratio = c->list[i].recomputed / c->list[i].printed;
        left_out += !isfinite(ratio) || ratio <= 0;
    }
    f->height = (int)topics.count * ROW + MARGIN;
    figure_set(f, "set logscale x 2\nset xrange [0.15:3]\nset xtics (0.25, 0.5, 0.8, 1, 1.25, 2)\nset xlabel 'recomputed / printed'\nset key maxcols 2");
    figure_set(f, "set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb '#808080' lw 1");
    name_rows(f, &topics);
    for (int v = 0; v < VERDICT_COUNT; v++)
        draw_verdict(f, c, &topics, (enum claim_verdict)v);
    text_add(&f->caption,
             "The %zu quantitative claims of the documents, each recomputed from its inputs, at the ratio of the recomputed to the printed figure; %zu without a "
             "ratio are left out. Up and down within a topic means nothing. Inputs: data/claims.csv, GPU catalogue; all figures: ringbench claims.",
             c->count, left_out);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    struct claims c;
    if (in->gpus == NULL)
        return "there is no GPU catalogue";
    if (claims_load(&c, NULL, in->gpus) != RB_OK)
        return "the claims could not be read";
    fill(figure_add(figures, plot, rb_strdup(plot->name), rb_strdup("Claims: recomputed against printed")), &c);
    claims_free(&c);
    return NULL;
}

const struct plot plot_claims = { .name = "claims", .title = "Claims, recomputed against printed", .section = "claims", .draw = draw };
