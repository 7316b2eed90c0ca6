/* The pictures, each inside the page: a wide one, and a narrow one for a phone. */
#include "report/html.h"
#include "report/page_sections.h"
#include "report/plots.h"

#include "core/error.h"

#include <stdlib.h>
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

static void image(struct text *out, const struct figure *f, const struct text *address)
{
    text_add(out, "<img alt=\"");
    html_text(out, f->title);
    text_add(out, "\" src=\"");
    text_add_bytes(out, address->chars, address->length);
    text_add(out, "\">");
}

/* A picture of its own is wide where there is room. */
static void wide_picture(struct text *out, const struct page_input *in, const struct figure *f)
{
    struct text wide = {0}, narrow = {0};
    if (data_address(&wide, in, f->name, ".svg") && data_address(&narrow, in, f->name, "-narrow.svg")) {
        text_add(out, "<picture><source media=\"(max-width:620px)\" srcset=\"");
        text_add_bytes(out, narrow.chars, narrow.length);
        text_add(out, "\">");
        image(out, f, &wide);
        text_add(out, "</picture>");
    }
    text_free(&wide);
    text_free(&narrow);
}

static void narrow_picture(struct text *out, const struct page_input *in, const struct figure *f)
{
    struct text narrow = {0};
    if (data_address(&narrow, in, f->name, "-narrow.svg"))
        image(out, f, &narrow);
    text_free(&narrow);
}

static const char *caption_of(const struct figure *f)
{
    return f->caption.chars != NULL ? f->caption.chars : "";
}

static void caption(struct text *out, const struct figure *f)
{
    text_add(out, "<figcaption>");
    html_text(out, caption_of(f));
    text_add(out, "</figcaption>");
}

static bool one_caption(const struct figure *const *list, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strcmp(caption_of(list[0]), caption_of(list[i])) != 0)
            return false;
    return true;
}

static void single(struct text *out, const struct page_input *in, const struct figure *f)
{
    text_add(out, "<figure id=\"plot-%s\" class=\"large\">", f->name);
    wide_picture(out, in, f);
    caption(out, f);
    text_add(out, "</figure>\n");
}

/* Those of one plot side by side, as small multiples; a caption that all share is given once, below. */
static void group(struct text *out, const struct page_input *in, const struct figure *const *list, size_t n)
{
    const bool shared = one_caption(list, n);
    text_add(out, "<div class=\"small\">\n");
    for (size_t i = 0; i < n; i++) {
        text_add(out, "<figure id=\"plot-%s\">", list[i]->name);
        narrow_picture(out, in, list[i]);
        if (!shared)
            caption(out, list[i]);
        text_add(out, "</figure>\n");
    }
    text_add(out, "</div>\n");
    if (shared) {
        text_add(out, "<p class=\"sub\">");
        html_text(out, caption_of(list[0]));
        text_add(out, "</p>\n");
    }
}

static void figures_of_plot(struct text *out, const struct page_input *in, const struct figure *const *list, size_t n)
{
    text_add(out, "<h3>%s</h3>\n", list[0]->plot->title);
    if (n == 1)
        single(out, in, list[0]);
    else
        group(out, in, list, n);
}

bool page_figures(struct text *out, const struct page_input *in, const char *section)
{
    bool any = false;
    const size_t count = in->figures != NULL ? in->figures->count : 0;
    const struct figure **list = rb_calloc(count, sizeof *list);
    for (size_t i = 0, n = 0; i < count; i++) {
        const struct figure *f = &in->figures->list[i];
        if (f->drawn && strcmp(f->plot->section, section) == 0)
            list[n++] = f;
        if (n > 0 && (i + 1 == count || in->figures->list[i + 1].plot != list[0]->plot)) {
            figures_of_plot(out, in, list, n);
            any = true;
            n = 0;
        }
    }
    free(list);
    return any;
}
