#include "report/page.h"

#include "core/error.h"
#include "report/html.h"
#include "report/page_sections.h"
#include "report/plots.h"

#include <stdlib.h>

/* In the order of the page; the answer comes first. */
static const struct page_section sections[] = {
    { "answer", "The answer", section_answer },
    { "limits", "TP limit per GPU model", section_limits },
    { "results", "Results", section_results },
    { "pairs", "Between every two ranks", section_pairs },
    { "fits", "Fit", section_fits },
    { "machine", "Machine and environment", section_machine },
    { "validate", "Are the links of an H800 what they are sold as", section_validate },
    { "purchase", "Servers: cost, tokens, training", section_purchase },
    { "workloads", "Training steps and decoding", section_workloads },
    { "parameter-server", "Parameter server", section_parameter_server },
    { "scale", "Clusters that nobody here owns", section_scale },
    { "claims", "Claims of the documents, recomputed", section_claims },
    { "notes", "Not measured, and why", section_notes },
};

static const char style[] =
    ":root{color-scheme:light dark;--fg:#1c2024;--soft:#5b6570;--bg:#fff;--card:#f5f7f9;--line:#dde2e7;--accent:#0b62a4;--warn:#fff4dd}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e4e8ec;--soft:#9aa5b0;--bg:#14171a;--card:#1d2226;--line:#333b43;--accent:#6cb6f0;"
    "--warn:#3a2f14}figure img{filter:invert(1) hue-rotate(180deg)}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1.2rem 1rem 3rem;max-width:72rem;background:var(--bg);color:var(--fg);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;overflow-wrap:anywhere}"
    "h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0}h2{font-size:1.3rem;margin:2.4rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}"
    "h3{font-size:1.05rem;margin:1.4rem 0 .4rem}p{margin:.5rem 0}.soft,figcaption,.sub{color:var(--soft);font-size:.9rem}"
    "nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.8rem 0;font-size:.95rem}a{color:var(--accent)}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.8rem;margin:1rem 0}"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem}"
    ".tile b{display:block;font-size:1.7rem;line-height:1.25}.tile span{color:var(--soft);font-size:.9rem}"
    ".warn{background:var(--warn);border-radius:.4rem;padding:.4rem .8rem}"
    ".box{overflow:auto;max-width:100%;max-height:34rem;border:1px solid var(--line);border-radius:.4rem;margin:.6rem 0}"
    "table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}"
    "th,td{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}"
    "thead{position:sticky;top:0}tbody tr:last-child td{border-bottom:0}th{background:var(--card);font-weight:600;vertical-align:bottom}"
    "th.n,td.n{text-align:right}th.c{text-align:center}td.n{white-space:nowrap}td.best{font-weight:700}td.bad{color:#c62828;font-weight:600}td.name{white-space:nowrap}td.wide{min-width:16rem}"
    "p,li,figcaption{max-width:52rem}figure{margin:.6rem 0}.large{max-width:60rem}"
    ".small{display:grid;gap:0 1.2rem;grid-template-columns:repeat(auto-fit,minmax(min(21rem,100%),1fr))}figure img{display:block;width:100%;height:auto}details{margin:.6rem 0}summary{cursor:pointer}"
    "code{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:.9em}li{margin:.2rem 0}"
    "@media print{.box{max-height:none}}";

static const char *run_text(const struct page_input *in, const char *key)
{
    const char *s = json_string_value(json_object_get(in->records->run, key));
    return s != NULL ? s : "";
}

static void write_head(struct text *out, const struct page_input *in)
{
    text_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                  "<title>ringbench report</title><link rel=\"icon\" href=\"data:,\"><style>%s</style></head>\n<body>\n",
             style);
    text_add(out, "<header><h1>How far can a model be split before the links set the speed?</h1><p class=\"soft\">ringbench%s", run_text(in, "version")[0] != '\0' ? " " : "");
    html_text(out, run_text(in, "version"));
    text_add(out, "%s", run_text(in, "date")[0] != '\0' ? ", run of " : "");
    html_text(out, run_text(in, "date"));
    text_add(out, ", from <code>");
    html_text(out, in->records->path != NULL ? in->records->path : "results.jsonl");
    text_add(out, "</code></p></header>\n");
}

static void write_navigation(struct text *out, const char *const *gaps)
{
    text_add(out, "<nav>");
    for (size_t i = 0; i < RB_LEN(sections); i++)
        if (gaps[i] == NULL)
            text_add(out, "<a href=\"#%s\">%s</a>", sections[i].id, sections[i].title);
    text_add(out, "</nav>\n");
}

static void write_gaps(struct text *out, const char *const *gaps, const struct figures *figures)
{
    struct text list = {0};
    for (size_t i = 0; i < RB_LEN(sections); i++)
        if (gaps[i] != NULL)
            text_add(&list, "<li>%s: %s.</li>\n", sections[i].title, gaps[i]);
    for (size_t i = 0; figures != NULL && i < figures->ngaps; i++)
        text_add(&list, "<li>Plot \u201c%s\u201d: %s.</li>\n", figures->gaps[i].plot->title, figures->gaps[i].why);
    if (figures != NULL && figures->missing != NULL) {
        text_add(&list, "<li>Plots: ");
        html_text(&list, figures->missing);
        text_add(&list, ".</li>\n");
    }
    if (list.length > 0)
        text_add(out, "<section id=\"gaps\"><h2>Left out of this page</h2><ul>\n%s</ul></section>\n", list.chars);
    text_free(&list);
}

/* NULL, or why the section has nothing to show. */
static const char *write_section(struct text *out, const struct page_section *s, const struct page_input *in)
{
    const bool pictures = page_figures(out, in, s->id);
    const char *why = s->write(out, in);
    return pictures ? NULL : why;
}

void page_write(struct text *out, const struct page_input *in)
{
    struct text bodies[RB_LEN(sections)] = {{0}};
    const char *gaps[RB_LEN(sections)];
    for (size_t i = 0; i < RB_LEN(sections); i++)
        gaps[i] = write_section(&bodies[i], &sections[i], in);
    write_head(out, in);
    write_navigation(out, gaps);
    text_add(out, "<main>\n");
    for (size_t i = 0; i < RB_LEN(sections); i++) {
        if (gaps[i] == NULL)
            text_add(out, "<section id=\"%s\"><h2>%s</h2>\n%s</section>\n", sections[i].id, sections[i].title,
                     bodies[i].chars != NULL ? bodies[i].chars : "");
        text_free(&bodies[i]);
    }
    write_gaps(out, gaps, in->figures);
    text_add(out, "</main>\n<footer class=\"soft\"><p>GB/s are 1e9 bytes per second, one direction, unless a line says otherwise. "
                  "The same folder has results.jsonl (every sample), results.csv, fits.jsonl and plots/ (PNG, SVG and the gnuplot script of each). "
                  "<code>ringbench report results.jsonl</code> makes all of it again.</p></footer>\n</body></html>\n");
}
