/* Servers compared: what they serve and train for their cost, and what turns the ranking. */
#include "core/error.h"
#include "report/html.h"
#include "report/page_sections.h"
#include "report/purchase.h"
#include "report/sheet_html.h"

static void add(struct text *out, struct sheet *sheet)
{
    sheet_html(out, sheet);
    sheet_free(sheet);
}

const char *section_purchase(struct text *out, const struct page_input *in)
{
    struct purchase p;
    struct purchase_settings s;
    const char *why = purchase_shipped(&p, &s, in->gpus);
    if (why != NULL)
        return why;
    html_paragraph(out, "Serving %s (%.4g G parameters). * as the documents configure it; worth: million tokens for a dollar of capital, power and rack, first "
                   "as the documents count (any batch fits), then at the batch whose weights and caches of %.0f tokens fit.", s.shape.model_name,
                   s.params / 1e9, s.context);
    add(out, purchase_serving_sheet(&p, &s));
    html_paragraph(out, "Training on %.3g tokens at %.0f %% of the rate beside transfers, on as many servers as the memory needs.", s.tokens, 100 * s.utilisation);
    add(out, purchase_training_sheet(&p, &s));
    html_paragraph(out, "Sensitivity of tokens for a dollar: one input of one server changed.");
    add(out, purchase_sensitivity_sheet(&p, &s));
    purchase_free(&p);
    return NULL;
}
