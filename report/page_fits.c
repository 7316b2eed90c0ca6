/* The fits as a table: a row a piece. */
#include "core/units.h"
#include "report/html.h"
#include "report/page_sections.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void curve_cells(struct text *out, const struct fit *fit, size_t piece)
{
    char name[CURVE_NAME], collective[CURVE_NAME];
    const struct record_case *c = &fit->curve;
    if (piece > 0) {
        text_add(out, "<td></td><td></td><td></td>");
        return;
    }
    text_add(out, "<td class=\"name\">");
    html_text(out, curves_collective(collective, c));
    text_add(out, "%s</td><td class=\"name\">", c->in_place ? ", in place" : "");
    html_text(out, curves_name(name, c, true));
    text_add(out, "</td><td class=\"n\">%d</td>", c->ranks);
}

static double rate(double beta_us)
{
    return beta_us > 0 ? 1e-3 / beta_us : NAN;
}

static void piece_row(struct text *out, const struct fit *fit, size_t s)
{
    char from[UNITS_TEXT], to[UNITS_TEXT];
    const struct fit_segment *g = &fit->segments[s];
    html_row_begin(out);
    curve_cells(out, fit, s);
    text_add(out, "<td class=\"n\">%s \u2026 %s</td>", units_bytes(from, (uint64_t)g->from), units_bytes(to, (uint64_t)g->to));
    html_cell_number(out, g->line.alpha_us, 3);
    html_cell_interval(out, g->low.alpha_us, g->high.alpha_us, 3);
    html_cell_number(out, rate(g->line.beta_us), 3);
    html_cell_interval(out, rate(g->high.beta_us), rate(g->low.beta_us), 3);
    if (s == 0)
        text_add(out, "<td class=\"n\">%.4f</td><td class=\"n%s\">%.1f %%</td><td class=\"n\">%.1f %%</td>", fit->r2,
                 fit->error_median > FIT_POOR ? " bad" : "", 100 * fit->error_median, 100 * fit->error_max);
    else
        text_add(out, "<td></td><td></td><td></td>");
    html_row_end(out);
}

static void refused_row(struct text *out, const struct fit *fit)
{
    html_row_begin(out);
    curve_cells(out, fit, 0);
    text_add(out, "<td colspan=\"8\">not fitted: ");
    html_text(out, fit->refused);
    text_add(out, "</td>");
    html_row_end(out);
}

static void across_table(struct text *out, const struct fits *fits)
{
    char name[CURVE_NAME];
    text_add(out, "<h3>Over several numbers of ranks: t = a + hops b + bytes c</h3>\n<p class=\"sub\">For another number of ranks; what lies outside "
                  "the ranks that were run is an extrapolation.</p>\n");
    html_table_begin(out, "collective|curve|>ranks|>a us|>b us per hop|>95 %|>1/c GB/s|>95 %|>median error|>largest");
    for (size_t i = 0; i < fits->nacross; i++) {
        const struct fit_across *f = &fits->across[i];
        html_row_begin(out);
        html_cell(out, curves_collective(name, &f->curve));
        html_cell(out, curves_name(name, &f->curve, true));
        text_add(out, "<td class=\"n\">%d \u2026 %d</td>", f->ranks_low, f->ranks_high);
        if (f->refused[0] != '\0') {
            text_add(out, "<td colspan=\"7\">not fitted: %s</td>", f->refused);
        } else {
            html_cell_number(out, f->a_us, 3);
            html_cell_number(out, f->b_us, 3);
            html_cell_interval(out, f->b_ci[0], f->b_ci[1], 3);
            html_cell_number(out, rate(f->c_us), 3);
            html_cell_interval(out, rate(f->c_ci[1]), rate(f->c_ci[0]), 3);
            text_add(out, "<td class=\"n\">%.1f %%</td><td class=\"n\">%.1f %%</td>", 100 * f->error_median, 100 * f->error_max);
        }
        html_row_end(out);
    }
    html_table_end(out);
}

const char *section_fits(struct text *out, const struct page_input *in)
{
    if (in->fits->count == 0)
        return "no case has a time between two or more ranks";
    text_add(out, "<p class=\"sub\">t = alpha + bytes / W for each curve, in pieces where the protocol changes. Bytes are those that leave the busiest "
                  "rank, W is one direction; intervals are 95 %%, errors relative to what was measured. In the first piece alpha is the latency of a "
                  "call; in later ones it is only where the line would begin. A median error over 10 %% (red) means that the times are no lines: read a trend, no numbers.</p>\n");
    html_table_begin(out, "collective|curve|>ranks|>bytes|>alpha us|>95 %|>W GB/s|>95 %|>R2|>median error|>largest");
    for (size_t i = 0; i < in->fits->count; i++) {
        const struct fit *fit = &in->fits->list[i];
        if (fit->refused[0] != '\0')
            refused_row(out, fit);
        for (size_t s = 0; s < fit->nsegments; s++)
            piece_row(out, fit, s);
    }
    html_table_end(out);
    if (in->fits->nacross > 0)
        across_table(out, in->fits);
    return NULL;
}
