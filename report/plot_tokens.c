/* Tokens for a dollar: every server and split, as the documents count and with a batch that fits. */
#include "report/plots.h"
#include "report/purchase.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>

enum { ROW = 42, MARGIN = 190 };

static const struct series {
    enum serving_form form;
    bool fits;
    const char *title;
    int point;
    double offset;
} all_series[] = {
    { FORM_TENSOR, false, "tensor", 7, 0.24 },     { FORM_PIPELINE, false, "pipeline", 5, 0 },     { FORM_HYBRID, false, "tensor x 2 stages", 9, -0.24 },
    { FORM_TENSOR, true, "tensor, fits", 6, 0.24 }, { FORM_PIPELINE, true, "pipeline, fits", 4, 0 }, { FORM_HYBRID, true, "2 stages, fits", 8, -0.24 },
};

static void draw_series(struct figure *f, const struct purchase *p, const struct purchase_settings *set, const struct series *s)
{
    const int block = figure_block(f);
    for (size_t i = 0; i < p->count; i++) {
        struct offer o;
        if (!purchase_offer(&o, &p->servers[i], set, s->form) || (s->fits && o.fit_batch < 1))
            continue;
        text_add(&f->data, "%.5g %.3g\n", (s->fits ? o.fit_tokens_per_usd : o.tokens_per_usd) / 1e6, (double)(p->count - 1 - i) + s->offset);
    }
    figure_block_end(f);
    figure_draw(f, "$b%d using 1:2 with points lc rgb '%s' lw 2 pt %d ps 1.2", block, figure_colour(s->form), s->point);
    figure_title(f, s->title);
}

static void name_rows(struct figure *f, const struct purchase *p)
{
    text_add(&f->settings, "set ytics (");
    for (size_t i = 0; i < p->count; i++) {
        text_add(&f->settings, "%s", i > 0 ? ", " : "");
        figure_quote(&f->settings, p->servers[i].name);
        text_add(&f->settings, " %zu", p->count - 1 - i);
    }
    text_add(&f->settings, ")\nset yrange [-0.6:%.1f]\n", (double)p->count - 0.4);
    text_add(&f->narrow, "set ytics font ',9'\nset key maxcols 2 font ',10'\n");
}

static void fill(struct figure *f, const struct purchase *p, const struct purchase_settings *set)
{
    f->height = (int)p->count * ROW + MARGIN;
    figure_log_axis(f, 'x', "million tokens for a dollar", 0.3, 50);
    figure_set(f, "set key maxcols 3");
    name_rows(f, p);
    for (size_t i = 0; i < RB_LEN(all_series); i++)
        draw_series(f, p, set, &all_series[i]);
    text_add(&f->caption,
             "What a dollar of capital, power and rack buys when %s (%.0f G parameters) is served. Filled: at the batch where memory and arithmetic balance, "
             "as the documents count, whether or not it fits. Hollow: at the largest batch whose weights and caches of %.0f tokens fit. Transfers run "
             "beside arithmetic. Inputs: data/servers.csv (the documents' servers), GPU catalogue; formulas: report/purchase_model.h.",
             set->shape.model_name, set->params / 1e9, set->context);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    struct purchase p;
    struct purchase_settings set;
    const char *why = purchase_shipped(&p, &set, in->gpus);
    if (why != NULL)
        return why;
    fill(figure_add(figures, plot, rb_strdup(plot->name), rb_strdup("Tokens for a dollar")), &p, &set);
    purchase_free(&p);
    return NULL;
}

const struct plot plot_tokens = { .name = "tokens", .title = "Tokens for a dollar", .section = "purchase", .draw = draw };
