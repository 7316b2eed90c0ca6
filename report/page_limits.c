/* The TP limits per GPU model as a table. */
#include "report/html.h"
#include "report/limits.h"
#include "report/page_sections.h"

#include <math.h>
#include <stdio.h>

/* digits 0: a count of GPUs. */
static const char *figure(char buffer[HTML_NUMBER], double v, int digits)
{
    if (digits > 0 || !isfinite(v))
        return html_number(buffer, v, digits);
    snprintf(buffer, HTML_NUMBER, "%.0f", v);
    return buffer;
}

static void range_cell(struct text *out, struct limit_range r, int digits, const char *mark)
{
    char value[HTML_NUMBER], low[HTML_NUMBER], high[HTML_NUMBER];
    text_add(out, "<td class=\"n\">%s", figure(value, r.value, digits));
    if (isfinite(r.value) && isfinite(r.low) && isfinite(r.high) && r.high > r.low)
        text_add(out, " <span class=\"soft\">(%s \u2026 %s)</span>", figure(low, r.low, digits), figure(high, r.high, digits));
    text_add(out, "%s</td>", mark);
}

static void row(struct text *out, const struct limit *l)
{
    html_row_begin(out);
    text_add(out, "<td class=\"name\">");
    html_text(out, l->gpu_name);
    text_add(out, "%s</td><td class=\"name\">", l->weak ? " ?" : "");
    html_text(out, l->link_name);
    text_add(out, "</td>");
    html_cell_number(out, l->flops_nominal / 1e12, 3);
    html_cell_number(out, l->Bps_nominal / 1e9, 3);
    html_cell_number(out, l->flops_nominal / l->Bps_nominal, 3);
    range_cell(out, l->document, 2, "");
    range_cell(out, l->layer, 0, "");
    range_cell(out, l->measured, 0, l->simulated ? " simulated" : "");
    html_cell_number(out, l->usable, 1);
    if (isfinite(l->at_usable))
        text_add(out, "<td class=\"n\">%.0f %%</td>", 100 * l->at_usable);
    else
        html_cell_number(out, NAN, 1);
    html_cell(out, l->binds);
    html_row_end(out);
}

static void network_table(struct text *out, const struct limits *l)
{
    if (l->nnetwork == 0)
        return;
    text_add(out, "<p class=\"sub\">Between hosts, a GPU each: how many may share the training by tensor, pipeline (without its bubble) and data "
                  "parallel, over the network that was measured and over the links inside a node; %d and more are not told apart.</p>\n", LAYER_MOST);
    html_table_begin(out, "GPU|over|>W GB/s|>tensor|>pipeline|>data");
    for (size_t i = 0; i < l->nnetwork; i++) {
        const struct limit_network *w = &l->network[i];
        html_row_begin(out);
        html_cell(out, w->gpu_name);
        html_cell(out, w->over);
        html_cell_number(out, w->Bps / 1e9, 3);
        text_add(out, "<td class=\"n\">%.0f</td><td class=\"n\">%.0f</td><td class=\"n\">%.0f</td>", w->tensor, w->pipeline, w->data);
        html_row_end(out);
    }
    html_table_end(out);
}

const char *section_limits(struct text *out, const struct page_input *in)
{
    if (in->limits == NULL)
        return "there is no GPU catalogue";
    const struct limit_settings *s = in->limit_settings;
    text_add(out, "<p class=\"sub\">Efficiency at least %.0f %%, ", 100 * s->efficiency);
    html_text(out, s->model_name);
    text_add(out, ", %s, hidden %.0f, sequence %.0f, micro-batch %.0f, %.0f bytes an element. F is the dense 16-bit rate, W all links of a GPU in one "
                  "direction. <b>document</b>: t \u2264 2\u00b73\u00b7h/bytes / (F/W). <b>layer</b>: a whole layer with the latency of its messages. "
                  "<b>measured</b>: the same with a measured all-reduce of that GPU, or with a simulated one where it says so. <b>use</b>: the power of two within limit, link domain and heads. "
                  "? marks one weak source.</p>\n",
             s->inference ? "inference" : "training", s->layer.hidden, s->layer.seq, s->layer.batch, s->bytes);
    html_table_begin(out, "GPU|link|>F TFLOP/s|>W GB/s|>F/W FLOP/B|>document|>layer|>measured|>use|>efficiency|what stops more");
    for (size_t i = 0; i < in->limits->count; i++)
        row(out, &in->limits->list[i]);
    html_table_end(out);
    network_table(out, in->limits);
    return NULL;
}
