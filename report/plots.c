#include "report/plots.h"

#include "core/error.h"
#include "report/plots_files.h"

#include <stdlib.h>

extern const struct plot plot_limits, plot_bandwidth, plot_latency, plot_ratio, plot_fit, plot_pairs;
extern const struct plot plot_efficiency, plot_roofline, plot_published, plot_tokens, plot_cost, plot_claims, plot_scale, plot_staleness, plot_servers,
    plot_workloads;

/* In the order of the page. */
static const struct plot *const plots[] = {
    &plot_limits, &plot_efficiency, &plot_roofline, &plot_bandwidth, &plot_ratio, &plot_latency, &plot_fit, &plot_pairs,
    &plot_published, &plot_tokens, &plot_cost, &plot_claims, &plot_staleness, &plot_servers, &plot_scale, &plot_workloads,
};

static void add_gap(struct figures *f, const struct plot *plot, const char *why)
{
    f->gaps = rb_realloc(f->gaps, (f->ngaps + 1) * sizeof *f->gaps);
    f->gaps[f->ngaps++] = (struct figure_gap){ plot, why };
}

int plots_make(struct figures *figures, const struct page_input *in)
{
    struct figures all = {0};
    for (size_t i = 0; i < RB_LEN(plots); i++) {
        const char *why = plots[i]->draw(&all, plots[i], in);
        if (why != NULL)
            add_gap(&all, plots[i], why);
    }
    const int rc = plots_files(&all, in->output);
    if (rc != RB_OK) {
        figures_free(&all);
        return rc;
    }
    *figures = all;
    return RB_OK;
}

static void figure_free(struct figure *f)
{
    text_free(&f->caption);
    text_free(&f->data);
    text_free(&f->settings);
    text_free(&f->narrow);
    text_free(&f->drawing);
    free(f->name);
    free(f->title);
}

void figures_free(struct figures *figures)
{
    for (size_t i = 0; i < figures->count; i++)
        figure_free(&figures->list[i]);
    free(figures->list);
    free(figures->gaps);
    free(figures->missing);
    *figures = (struct figures){0};
}
