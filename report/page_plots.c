/* The pictures, each inside the page: a wide one, and a narrow one for a phone. */
#include "report/html.h"
#include "report/page_sections.h"
#include "report/plots.h"

#include "core/error.h"

#include <string.h>

enum { SVG_BYTES = 16 << 20 };

/* False when the picture cannot be read: it is then left out. */
static bool data_address(struct text *out, const struct page_input *in, const char *name, const char *end)
{
    struct text svg;
    char *path = rb_format("%s/plots/%s%s", in->output, name, end);
    const int rc = text_read_file(&svg, path, SVG_BYTES);
    free(path);
    if (rc != RB_OK)
        return false;
    text_add(out, "data:image/svg+xml;base64,");
    html_base64(out, svg.chars, svg.length);
    text_free(&svg);
    return true;
}

static void picture(struct text *out, const struct page_input *in, const struct figure *f)
{
    struct text wide = {0}, narrow = {0};
    if (data_address(&wide, in, f->name, ".svg") && data_address(&narrow, in, f->name, "-narrow.svg")) {
        text_add(out, "<figure id=\"plot-%s\"><picture><source media=\"(max-width:620px)\" srcset=\"", f->name);
        text_add_bytes(out, narrow.chars, narrow.length);
        text_add(out, "\"><img alt=\"");
        html_text(out, f->title);
        text_add(out, "\" src=\"");
        text_add_bytes(out, wide.chars, wide.length);
        text_add(out, "\"></picture><figcaption>");
        html_text(out, f->caption.chars != NULL ? f->caption.chars : "");
        text_add(out, "</figcaption></figure>\n");
    }
    text_free(&wide);
    text_free(&narrow);
}

bool page_figures(struct text *out, const struct page_input *in, const char *section)
{
    const struct plot *last = NULL;
    for (size_t i = 0; in->figures != NULL && i < in->figures->count; i++) {
        const struct figure *f = &in->figures->list[i];
        if (!f->drawn || strcmp(f->plot->section, section) != 0)
            continue;
        if (f->plot != last)
            text_add(out, "<h3>%s</h3>\n", f->plot->title);
        last = f->plot;
        picture(out, in, f);
    }
    return last != NULL;
}
