/* Clusters that were simulated: bus bandwidth and time of the algorithms as the cluster grows. */
#include "core/units.h"
#include "report/html.h"
#include "report/page_sections.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool scaling(const struct record_case *c)
{
    return strcmp(c->evidence, "simulated") == 0 && strncmp(c->label, "scaling", 7) == 0;
}

static void row(struct text *out, const struct record_case *c)
{
    char algorithm[sizeof c->algorithm], size[UNITS_TEXT];
    snprintf(algorithm, sizeof algorithm, "%s", c->algorithm);
    for (char *at = algorithm; *at != '\0'; at++)
        *at = *at == '_' ? ' ' : *at;
    html_row_begin(out);
    html_cell(out, algorithm);
    html_cell(out, c->gpu);
    html_cell_count(out, c->servers > 0 ? (double)c->servers : NAN);
    html_cell_count(out, c->ranks);
    html_cell(out, units_bytes(size, c->bytes));
    html_cell_number(out, c->time_us.median / 1e3, 4);
    html_cell_number(out, c->busbw_GBps, 3);
    html_row_end(out);
}

/* --- training --- */

static double number(const json_t *plan, const char *part, const char *key)
{
    const json_t *v = json_object_get(part != NULL ? json_object_get(plan, part) : plan, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *words(const json_t *plan, const char *key)
{
    const char *s = json_string_value(json_object_get(plan, key));
    return s != NULL ? s : "";
}

static void split_cell(struct text *out, const json_t *plan, const char *part)
{
    html_cell_format(out, "%g x %g x %g", number(plan, part, "tensor"), number(plan, part, "pipeline"), number(plan, part, "data"));
}

static void plan_row(struct text *out, const json_t *plan)
{
    const double step = number(plan, NULL, "step_s");
    const bool fits = json_is_true(json_object_get(plan, "fits"));
    html_row_begin(out);
    html_cell(out, words(plan, "cluster"));
    html_cell(out, words(plan, "model"));
    html_cell_count(out, number(plan, NULL, "gpus"));
    if (fits)
        split_cell(out, plan, "split");
    else
        html_cell(out, "does not fit");
    html_cell_number(out, fits ? step : NAN, 3);
    html_cell_number(out, fits ? 100 * number(plan, NULL, "utilisation") : NAN, 3);
    html_cell_number(out, fits ? 100 * (number(plan, NULL, "tensor_s") + number(plan, NULL, "handover_s") + number(plan, NULL, "gradients_s")) / step : NAN, 3);
    html_cell_number(out, fits ? 100 * number(plan, NULL, "bubble_s") / step : NAN, 3);
    if (fits)
        split_cell(out, plan, "within_10_percent");
    else
        html_cell(out, "");
    html_row_end(out);
}

static void training(struct text *out, const json_t *plans)
{
    if (json_array_size(plans) == 0)
        return;
    html_paragraph(out, "Training: the fastest split of a step of about 4 million tokens over tensor x pipeline x data parallel GPUs, and how far each may go "
                        "while some split takes at most 10 %% longer (each alone: the three need not go together). What of the GPUs' rate, communication and bubble leave of 100 %% "
                        "is computed twice, to save memory. Arithmetic, not simulation: scale/training.h has the model.");
    html_table_begin(out, "cluster|model|>GPUs|tensor x pipeline x data|>step, s|>of the GPUs' rate, %|>communication, %|>bubble, %|each up to");
    for (size_t i = 0; i < json_array_size(plans); i++)
        plan_row(out, json_array_get(plans, i));
    html_table_end(out);
}

const char *section_scale(struct text *out, const struct page_input *in)
{
    const struct records *r = in->records;
    size_t n = 0;
    for (size_t i = 0; i < r->ncases; i++)
        n += strcmp(r->cases[i].evidence, "simulated") == 0;
    if (n == 0 && json_array_size(r->plans) == 0)
        return "no cluster was simulated: ringbench simulate --study all --output FILE";
    training(out, r->plans);
    if (n == 0)
        return NULL;
    html_paragraph(out, "%zu cases, simulated step by step from the schedules that the program itself plays, on clusters built from the catalogues. Links are "
                        "shared fairly; what a link gives of its nominal rate is the median of published logs (data/links.csv).", n);
    text_add(out, "<details><summary>Every algorithm at every size of the cluster</summary>");
    html_table_begin(out, "algorithm|GPU|>servers|>GPUs|size|>time, ms|>busbw, GB/s");
    for (size_t i = 0; i < r->ncases; i++)
        if (scaling(&r->cases[i]))
            row(out, &r->cases[i]);
    html_table_end(out);
    text_add(out, "</details>\n");
    return NULL;
}
