/* The results as tables: a panel a table, a size a row. */
#include "core/units.h"
#include "report/html.h"
#include "report/page_sections.h"
#include "report/plots_panels.h"

#include <math.h>
#include <string.h>

static const struct record_case *point_at(const struct curve *c, uint64_t bytes)
{
    for (size_t i = 0; i < c->npoints; i++)
        if (c->points[i]->bytes == bytes)
            return c->points[i];
    return NULL;
}

static double least_time(const struct panel *p, uint64_t bytes)
{
    double least = INFINITY;
    for (size_t i = 0; i < p->ncurves; i++) {
        const struct record_case *c = point_at(p->curves[i], bytes);
        if (c != NULL && c->baseline[0] == '\0')
            least = fmin(least, c->time_us.median);
    }
    return least;
}

static void cells(struct text *out, const struct record_case *c, bool best)
{
    char time[HTML_NUMBER], rate[HTML_NUMBER];
    const char *mark = best ? " best" : "";
    if (c == NULL) {
        text_add(out, "<td class=\"n\">\u2013</td><td class=\"n\">\u2013</td>");
        return;
    }
    text_add(out, "<td class=\"n%s\">%s</td><td class=\"n%s\">%s</td>", mark, html_number(time, c->time_us.median, 4), mark,
             html_number(rate, c->busbw_GBps, 3));
}

static double best_ratio(const struct panel *p, uint64_t bytes, const struct record_case **case_p)
{
    double best = NAN;
    for (size_t i = 0; i < p->ncurves; i++) {
        const struct record_case *c = point_at(p->curves[i], bytes);
        if (c != NULL && c->ratio > 0 && !(c->ratio <= best)) {
            best = c->ratio;
            *case_p = c;
        }
    }
    return best;
}

static void ratio_cells(struct text *out, const struct panel *p, uint64_t bytes)
{
    const struct record_case *c = NULL;
    html_cell_number(out, best_ratio(p, bytes, &c), 3);
    html_cell_interval(out, c != NULL ? c->ratio_low : NAN, c != NULL ? c->ratio_high : NAN, 3);
}

static bool has_ratio(const struct panel *p)
{
    const struct record_case *c = NULL;
    for (size_t i = 0; i < p->ncurves; i++)
        for (size_t j = 0; j < p->curves[i]->npoints; j++)
            if (isfinite(best_ratio(p, p->curves[i]->points[j]->bytes, &c)))
                return true;
    return false;
}

static void heading(struct text *out, const struct panel *p, bool ratio)
{
    char name[CURVE_NAME];
    text_add(out, "<div class=\"box\"><table><thead><tr><th rowspan=\"2\" class=\"n\">size</th>");
    for (size_t i = 0; i < p->ncurves; i++) {
        text_add(out, "<th colspan=\"2\" class=\"c\">");
        html_text(out, curves_name(name, p->curves[i]->points[0], p->several_transports));
        text_add(out, "</th>");
    }
    text_add(out, "%s</tr><tr>", ratio ? "<th colspan=\"2\" class=\"c\">best of ours / baseline</th>" : "");
    for (size_t i = 0; i < p->ncurves; i++)
        text_add(out, "<th class=\"n\">us</th><th class=\"n\">GB/s</th>");
    text_add(out, "%s</tr></thead><tbody>\n", ratio ? "<th class=\"n\">speed</th><th class=\"n\">95 %</th>" : "");
}

/* The sizes of all curves: the next one above `bytes`, 0 when there is none. */
static uint64_t next_size(const struct panel *p, uint64_t bytes)
{
    uint64_t next = 0;
    for (size_t i = 0; i < p->ncurves; i++)
        for (size_t j = 0; j < p->curves[i]->npoints; j++) {
            const uint64_t b = p->curves[i]->points[j]->bytes;
            if (b > bytes && (next == 0 || b < next))
                next = b;
        }
    return next;
}

static void panel_table(struct text *out, const struct panel *p)
{
    char name[CURVE_NAME], size[UNITS_TEXT];
    const bool ratio = has_ratio(p);
    text_add(out, "<h3>");
    html_text(out, curves_panel_name(name, p->curves[0]->points[0]));
    text_add(out, "</h3>\n");
    heading(out, p, ratio);
    for (uint64_t bytes = next_size(p, 0); bytes > 0; bytes = next_size(p, bytes)) {
        const double least = least_time(p, bytes);
        text_add(out, "<tr><td class=\"n\">%s</td>", units_bytes(size, bytes));
        for (size_t i = 0; i < p->ncurves; i++) {
            const struct record_case *c = point_at(p->curves[i], bytes);
            cells(out, c, c != NULL && c->time_us.median == least && c->baseline[0] == '\0');
        }
        if (ratio)
            ratio_cells(out, p, bytes);
        text_add(out, "</tr>\n");
    }
    html_table_end(out);
}

const char *section_results(struct text *out, const struct page_input *in)
{
    struct panels all;
    panels_make(&all, in->records);
    if (all.count > 0)
        text_add(out, "<p class=\"sub\">Median time of a call on its slowest rank in microseconds, and bus bandwidth as nccl-tests defines it; "
                      "the fastest of ours is bold.</p>\n");
    for (size_t i = 0; i < all.count; i++)
        panel_table(out, &all.list[i]);
    if (all.dropped > 0)
        html_paragraph(out, "%zu more curves are in results.csv.", all.dropped);
    const bool any = all.count > 0;
    panels_free(&all);
    return any ? NULL : "no case has a time between two or more ranks";
}

const char *section_pairs(struct text *out, const struct page_input *in)
{
    const struct records *r = in->records;
    if (r->npairs == 0)
        return "the links between the ranks were not measured one by one (--pairs)";
    html_table_begin(out, ">from|>to|transport|>latency us|>one way GB/s|>both ways GB/s|outlier");
    for (size_t i = 0; i < r->npairs; i++) {
        const struct record_pair *p = &r->pairs[i];
        html_row_begin(out);
        text_add(out, "<td class=\"n\">%d</td><td class=\"n\">%d</td>", p->from, p->to);
        html_cell(out, p->transport);
        html_cell_number(out, p->latency_us, 3);
        html_cell_number(out, p->one_way_GBps, 3);
        html_cell_number(out, p->both_ways_GBps, 3);
        html_cell(out, p->outlier ? "yes" : "");
        html_row_end(out);
    }
    html_table_end(out);
    return NULL;
}
