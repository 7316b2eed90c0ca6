/* Cost of an hour against tokens a second, with lines of equal worth. */
#include "report/plots.h"
#include "report/purchase.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>

static const double LOW_USD = 1, MIDDLE_USD = 6, HIGH_USD = 20, LOW_RATE = 200, HIGH_RATE = 1000000;

static void draw_form(struct figure *f, const struct purchase *p, const struct purchase_settings *set, enum serving_form form)
{
    static const int points[FORM_COUNT] = { 7, 5, 9 };
    const int block = figure_block(f);
    for (size_t i = 0; i < p->count; i++) {
        struct offer o;
        if (purchase_offer(&o, &p->servers[i], set, form))
            text_add(&f->data, "%.5g %.6g\n", cost_hour(&p->servers[i].cost), o.served.tokens_per_s);
    }
    figure_block_end(f);
    figure_draw(f, "$b%d using 1:2 with points lc rgb '%s' pt %d ps 1.4", block, figure_colour(form), points[form]);
    figure_title(f, serving_form_names[form]);
}

/* Each server's best point carries its name. */
static void name_servers(struct figure *f, const struct purchase *p, const struct purchase_settings *set)
{
    for (size_t i = 0; i < p->count; i++) {
        double best = 0;
        for (int form = 0; form < FORM_COUNT; form++) {
            struct offer o;
            if (purchase_offer(&o, &p->servers[i], set, (enum serving_form)form))
                best = fmax(best, o.served.tokens_per_s);
        }
        text_add(&f->settings, "set label %zu ", i + 1);
        figure_quote(&f->settings, p->servers[i].name);
        text_add(&f->settings, " at %.5g, %.6g rotate by 35 left offset 0,0.7 font ',11'\n", cost_hour(&p->servers[i].cost), best);
        text_add(&f->narrow, "set label %zu rotate by 90 left offset 0,0.5 font ',8'\n", i + 1);
    }
}

/* tokens/s = worth * USD/h / 3600 */
static void draw_worth(struct figure *f, double million_tokens)
{
    const double per_usd_hour = million_tokens * 1e6 / 3600;
    const int block = figure_block(f);
    text_add(&f->data, "%g %.6g\n%g %.6g\n", LOW_USD, LOW_USD * per_usd_hour, HIGH_USD, HIGH_USD * per_usd_hour);
    figure_block_end(f);
    figure_draw(f, "$b%d using 1:2 with lines lc rgb '#a0a0a0' lw 1 dt 2", block);
    figure_title(f, NULL);
    figure_set(f, "set label '%g M a dollar' at %g, %.6g center font ',10' tc rgb '#707070' offset 0,0.5", million_tokens, MIDDLE_USD, MIDDLE_USD * per_usd_hour);
}

static void fill(struct figure *f, const struct purchase *p, const struct purchase_settings *set)
{
    static const double worths[] = { 1, 3, 10, 30 };
    figure_set(f, "set logscale xy 10\nset xrange [%g:%g]\nset yrange [%g:%g]", LOW_USD, HIGH_USD, LOW_RATE, HIGH_RATE);
    figure_set(f, "set xtics (1, 2, 5, 10, 20)\nset ytics ('300' 300, '1000' 1000, '3000' 3000, '10 000' 10000, '30 000' 30000, '100 000' 100000, '1 000 000' 1000000)");
    figure_set(f, "set xlabel 'cost of an hour [USD]'\nset ylabel 'tokens a second'");
    text_add(&f->narrow, "set xtics font ',9'\n");
    name_servers(f, p, set);
    for (size_t i = 0; i < RB_LEN(worths); i++)
        draw_worth(f, worths[i]);
    for (int form = 0; form < FORM_COUNT; form++)
        draw_form(f, p, set, (enum serving_form)form);
    text_add(&f->caption,
             "Throughput of a whole server against what it costs an hour (capital over its years, power, rack), serving %s (%.0f G parameters) at the batch "
             "where memory and arithmetic balance, any batch assumed to fit as the documents do. Grey: equal tokens for a dollar. Inputs: data/servers.csv, "
             "GPU catalogue; formulas: report/purchase_model.h.",
             set->shape.model_name, set->params / 1e9);
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    struct purchase p;
    struct purchase_settings set;
    const char *why = purchase_shipped(&p, &set, in->gpus);
    if (why != NULL)
        return why;
    fill(figure_add(figures, plot, rb_strdup(plot->name), rb_strdup("Cost against throughput")), &p, &set);
    purchase_free(&p);
    return NULL;
}

const struct plot plot_cost = { .name = "cost", .title = "Cost against throughput", .section = "purchase", .draw = draw };
