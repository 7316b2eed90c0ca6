/* The H800's links: nominal, planned, published and queried, side by side. */
#include "core/error.h"
#include "report/html.h"
#include "report/page_sections.h"
#include "report/sheet_html.h"
#include "report/validate.h"

static void sources(struct text *out, const struct validation *v)
{
    size_t last = 0;
    text_add(out, "<ol>\n");
    for (size_t i = 0; i < v->count; i++)
        if (validation_source(v, i) > last) {
            last++;
            text_add(out, "<li>");
            html_text(out, v->list[i].source);
            text_add(out, "</li>\n");
        }
    text_add(out, "</ol>\n");
}

const char *section_validate(struct text *out, const struct page_input *in)
{
    struct validate_settings s = { .gpu = "H800 SXM", .tolerance = 0.1 };
    struct validation v;
    if (in->gpus == NULL || in->limit_settings == NULL)
        return "there is no GPU catalogue";
    s.model = *in->limit_settings;
    if (validate(&v, &s, in->gpus, NULL, 0) != RB_OK)
        return "the evidence could not be read";
    struct sheet *sheet = validation_sheet(&v);
    html_paragraph(out, "Verdict: %s: %s.", v.verdict, v.why);
    html_paragraph(out, "%s", v.sentence);
    sheet_html(out, sheet);
    html_paragraph(out, "GB/s one direction of a GPU; links: numbers of links that fit the figure; TP: GPUs that may share a layer at that bandwidth. "
                   "Other models and own logs: ringbench validate --gpu MODEL FILE. Sources:");
    sources(out, &v);
    sheet_free(sheet);
    validation_free(&v);
    return NULL;
}
