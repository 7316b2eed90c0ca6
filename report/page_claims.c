/* The documents' claims, recomputed: how many of each verdict, and the table. */
#include "core/error.h"
#include "report/claims.h"
#include "report/html.h"
#include "report/page_sections.h"

#include <math.h>
#include <string.h>

static void counts(struct text *out, const struct claims *c)
{
    text_add(out, "<p>");
    for (int v = 0; v < VERDICT_COUNT; v++) {
        size_t n = 0;
        for (size_t i = 0; i < c->count; i++)
            n += c->list[i].verdict == (enum claim_verdict)v;
        text_add(out, "%s<b>%zu</b> %s", v > 0 ? ", " : "", n, claim_verdict_names[v]);
    }
    text_add(out, ".</p>\n");
}

static void row(struct text *out, const struct claim *c)
{
    html_row_begin(out);
    text_add(out, "<td class=\"name\" title=\"");
    html_text(out, c->statement);
    text_add(out, "\">");
    html_text(out, c->id);
    text_add(out, "</td><td class=\"n\">");
    html_text(out, c->printed_text);
    text_add(out, "</td>");
    html_cell_number(out, isfinite(c->assumed) && c->verdict == VERDICT_ASSUMPTION ? c->assumed : c->recomputed, 4);
    html_cell(out, c->unit);
    html_cell(out, claim_verdict_names[c->verdict]);
    text_add(out, "<td class=\"wide\">");
    html_text(out, c->why);
    text_add(out, "</td>");
    html_row_end(out);
}

const char *section_claims(struct text *out, const struct page_input *in)
{
    struct claims c;
    if (in->gpus == NULL)
        return "there is no GPU catalogue to hold the claims against";
    if (claims_load(&c, NULL, in->gpus) != RB_OK)
        return "the claims could not be read";
    counts(out, &c);
    html_table_begin(out, "claim|>printed|>recomputed|unit|verdict|why");
    for (size_t i = 0; i < c.count; i++)
        row(out, &c.list[i]);
    html_table_end(out);
    claims_free(&c);
    return NULL;
}
