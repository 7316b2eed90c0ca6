/* Clusters that were simulated: bus bandwidth and time of the algorithms as the cluster grows. */
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
    char algorithm[sizeof c->algorithm];
    snprintf(algorithm, sizeof algorithm, "%s", c->algorithm);
    for (char *at = algorithm; *at != '\0'; at++)
        *at = *at == '_' ? ' ' : *at;
    html_row_begin(out);
    html_cell(out, algorithm);
    html_cell(out, c->gpu);
    html_cell_number(out, c->servers > 0 ? (double)c->servers : NAN, 5);
    html_cell_number(out, c->ranks, 6);
    html_cell_number(out, (double)c->bytes / (1 << 20), 6);
    html_cell_number(out, c->time_us.median / 1e3, 4);
    html_cell_number(out, c->busbw_GBps, 3);
    html_row_end(out);
}

const char *section_scale(struct text *out, const struct page_input *in)
{
    const struct records *r = in->records;
    size_t n = 0;
    for (size_t i = 0; i < r->ncases; i++)
        n += strcmp(r->cases[i].evidence, "simulated") == 0;
    if (n == 0)
        return "no cluster was simulated: ringbench simulate --study all --output FILE";
    html_paragraph(out, "%zu cases, simulated step by step from the schedules that the program itself plays, on clusters built from the catalogues. Links are "
                        "shared fairly; what a link gives of its nominal rate is the median of published logs (data/links.csv).", n);
    text_add(out, "<details><summary>Every algorithm at every size of the cluster</summary>");
    html_table_begin(out, "algorithm|GPU|>servers|>GPUs|>MiB|>time, ms|>busbw, GB/s");
    for (size_t i = 0; i < r->ncases; i++)
        if (scaling(&r->cases[i]))
            row(out, &r->cases[i]);
    html_table_end(out);
    text_add(out, "</details>\n");
    return NULL;
}
