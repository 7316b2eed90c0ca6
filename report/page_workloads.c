/* Section: training steps and decoding, predicted and measured side by side. */
#include "report/html.h"
#include "report/page_sections.h"
#include "report/workloads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void milliseconds(struct text *out, double us)
{
    html_cell_number(out, us / 1e3, 4);
}

static void row(struct text *out, const json_t *w)
{
    char label[WORKLOAD_LABEL];
    const double error = workload_number(w, NULL, "error");
    html_row_begin(out);
    html_cell(out, workload_label(label, w));
    html_cell(out, workload_text(w, NULL, "grid"));
    html_cell_number(out, workload_number(w, NULL, "bytes") / 1e6, 4);
    html_cell_number(out, workload_number(w, NULL, "formula_bytes") / 1e6, 4);
    milliseconds(out, workload_number(w, "predicted", "step_us"));
    milliseconds(out, workload_number(w, "measured", "step_us"));
    html_cell_format(out, "%+.1f\u00a0%%", error * 100);
    html_cell(out, fabs(error) > 0.10 ? workload_text(w, NULL, "worst_term") : "");
    milliseconds(out, workload_number(w, "measured", "compute_us"));
    milliseconds(out, workload_number(w, "measured", "waiting_us"));
    milliseconds(out, workload_number(w, "measured", "exposed_us"));
    milliseconds(out, workload_number(w, "measured", "hidden_us"));
    html_row_end(out);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the absolute errors; NAN without any. */
static double median_error(const json_t *list, size_t *count_p)
{
    double errors[64];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list) && n < 64; i++)
        if (workload_is_measured(json_array_get(list, i)) && workload_text(json_array_get(list, i), NULL, "variant")[0] == '\0')
            errors[n++] = fabs(workload_number(json_array_get(list, i), NULL, "error"));
    *count_p = n;
    if (n == 0)
        return NAN;
    qsort(errors, n, sizeof *errors, ascending);
    return (errors[(n - 1) / 2] + errors[n / 2]) / 2;
}

static void about(struct text *out, const json_t *w, double median, size_t count)
{
    html_paragraph(out, "Steps of %s, made smaller by --scale %g (%.3g million weights in floats), between %g ranks over %s; products by %s. The prediction "
                        "adds prices that were measured apart from the steps; its median error over %zu workloads is %.1f %%. A call takes %.0f %% of its length from the core "
                        "that computes, so at most the rest can be hidden behind products.",
                   workload_text(w, "model", "name"), workload_number(w, "model", "scale"), workload_number(w, "model", "params") / 1e6,
                   workload_number(w, NULL, "ranks"), workload_text(w, NULL, "transport"), workload_text(w, NULL, "compute"), count, median * 100,
                   fmin(workload_number(w, NULL, "core_share"), 1) * 100);
}

static const json_t *first_measured(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (workload_is_measured(json_array_get(list, i)))
            return json_array_get(list, i);
    return NULL;
}

const char *section_workloads(struct text *out, const struct page_input *in)
{
    const json_t *list = in->records->workloads, *first = first_measured(list);
    size_t count;
    const double median = median_error(list, &count);
    if (first == NULL)
        return "no workload was measured: mpirun -n N ringbench workload all";
    about(out, first, median, count);
    html_table_begin(out, "workload|tensor x pipeline x data|>MB moved, all ranks|>by the formula|>predicted, ms|>measured, ms|>error|term that is off|>compute, ms|"
                          ">waiting|>exposed|>hidden");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (workload_is_measured(json_array_get(list, i)))
            row(out, json_array_get(list, i));
    html_table_end(out);
    html_paragraph(out, "Compute: nobody waits for anybody. Waiting: what calls of a single element add (bubbles, start-up). Exposed: what moving the data adds to that. "
                        "Hidden: the calls alone, less exposed.");
    return NULL;
}
