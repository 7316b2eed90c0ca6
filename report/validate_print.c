/* `ringbench validate`: its table and the command. */
#include "report/validate.h"

#include "core/error.h"
#include "core/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct sheet_column columns[] = {
    { "kind", "evidence", NULL, SHEET_TEXT },
    { "given", NULL, NULL, SHEET_TEXT },
    { "what", "what", NULL, SHEET_TEXT },
    { "direction", "direction", NULL, SHEET_TEXT },
    { "algorithm", "algorithm", NULL, SHEET_TEXT },
    { "GBps", "GB/s", NULL, SHEET_NUMBER },
    { "of_nominal_percent", "% nom.", NULL, SHEET_NUMBER },
    { "wire_GBps", NULL, NULL, SHEET_NUMBER },
    { "links_low", NULL, NULL, SHEET_NUMBER },
    { "links_high", NULL, NULL, SHEET_NUMBER },
    { "links", "links", NULL, SHEET_SHOWN },
    { "verdict", "verdict", NULL, SHEET_TEXT },
    { "limit_document", "doc.", "TP", SHEET_NUMBER },
    { "limit_layer", "layer", "TP", SHEET_NUMBER },
    { "reference", "from", NULL, SHEET_SHOWN },
    { "why", NULL, NULL, SHEET_TEXT },
    { "source", NULL, NULL, SHEET_TEXT },
};

size_t validation_source(const struct validation *v, size_t index)
{
    size_t n = 0;
    for (size_t i = 0; i <= index; i++) {
        size_t first = 0;
        while (strcmp(v->list[first].source, v->list[i].source) != 0)
            first++;
        n += first == i;
        if (strcmp(v->list[i].source, v->list[index].source) == 0)
            return n;
    }
    return n;
}

static void put_links(struct sheet *s, const struct evidence *e)
{
    if (isnan(e->links_low))
        return;
    if (isnan(e->links_high))
        sheet_text(s, "links", ">=%g", e->links_low);
    else if (e->links_high <= e->links_low)
        sheet_text(s, "links", "%g", e->links_low);
    else
        sheet_text(s, "links", "%g-%g", e->links_low, e->links_high);
}

static void evidence_row(struct sheet *s, const struct validation *v, size_t index)
{
    const struct evidence *e = &v->list[index];
    const bool judged = e->kind != EVIDENCE_NOMINAL && e->kind != EVIDENCE_MODEL;
    sheet_row(s);
    sheet_text(s, "kind", "%s", evidence_kind_names[e->kind]);
    sheet_text(s, "given", "%s", e->given ? "yes" : "no");
    sheet_text(s, "what", "%s", e->what);
    sheet_text(s, "direction", "%s", e->direction);
    sheet_text(s, "algorithm", "%s", e->algorithm);
    sheet_number(s, "GBps", e->GBps);
    sheet_number(s, "of_nominal_percent", round(100 * e->GBps / v->nominal_GBps));
    sheet_number(s, "wire_GBps", e->wire_GBps);
    sheet_number(s, "links_low", e->links_low);
    sheet_number(s, "links_high", e->links_high);
    put_links(s, e);
    sheet_text(s, "verdict", "%s", judged ? evidence_verdict_names[e->verdict] : "");
    sheet_number(s, "limit_document", e->document);
    sheet_number(s, "limit_layer", e->layer);
    sheet_text(s, "why", "%s", judged ? e->why : "");
    sheet_text(s, "source", "%s", e->source);
    sheet_text(s, "reference", "[%zu]", validation_source(v, index));
}

struct sheet *validation_sheet(const struct validation *v)
{
    struct sheet *s = sheet_new(columns, RB_LEN(columns));
    for (size_t i = 0; i < v->count; i++)
        evidence_row(s, v, i);
    return s;
}

static const struct option_row rows[] = {
    { 0, "gpu", "H800", OPTION_TEXT, OPTION_AT(validate_settings, gpu), "the model that the machine is said to have", NULL, 0, 0 },
    { 0, "tolerance", "0.10", OPTION_NUMBER, OPTION_AT(validate_settings, tolerance),
      "share by which a figure may stay under what the links are planned with", NULL, 0.001, 0.9 },
    { 0, "catalogue", "", OPTION_TEXT, OPTION_AT(validate_settings, catalogue), "files over the shipped catalogue, with commas between", NULL, 0, 0 },
    { 0, "collective", NULL, OPTION_TEXT, OPTION_AT(validate_settings, collective), "which collective, where a log does not say", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, OPTION_AT(validate_settings, format), "how it is printed", sheet_formats, 0, 0 },
};
static const struct option_table table = {
    .usage = "ringbench validate --gpu MODEL [options] [FILE...]",
    .about = "Do the nominal, published, queried and measured bandwidths of a GPU's links agree? FILE: results.jsonl, or a log of nccl-tests,\n"
             "nvbandwidth, p2pBandwidthLatencyTest, nvidia-smi topo -m or nvlink --status. Exit code 7: a FILE contradicts the model.",
    .rows = rows,
    .count = RB_LEN(rows),
};

/* Those whose reason is more than a percentage. */
static bool is_remarkable(const struct evidence *e)
{
    return e->why[0] != '\0' && (e->verdict != EVIDENCE_CONSISTENT || !isnan(e->links) || e->nvls_possible);
}

static void print_notes(const struct validation *v)
{
    const size_t width = sheet_width();
    char line[512];
    size_t sources = 0;
    printf("#\n# Why\n");
    for (size_t i = 0; i < v->count; i++) {
        const struct evidence *e = &v->list[i];
        snprintf(line, sizeof line, "%s%s%s: %s [%zu]", e->what, e->algorithm[0] != '\0' ? ", " : "", e->algorithm, e->why, validation_source(v, i));
        if (is_remarkable(e))
            sheet_print_paragraph(stdout, "  - ", line, width);
    }
    printf("#\n# Sources\n");
    for (size_t i = 0; i < v->count; i++)
        if (validation_source(v, i) > sources) {
            sources = validation_source(v, i);
            printf("  [%zu] %s\n", sources, v->list[i].source);
        }
}

static void print_table(const struct validation *v, const struct validate_settings *s)
{
    struct sheet *sheet = validation_sheet(v);
    printf("# %s: %g %s x %.4g GB/s = %.4g GB/s nominal, one direction. GB = 1e9 bytes.\n"
           "# Collectives: busbw as nccl-tests counts it, the best of 16 MiB and more. links: numbers of links that fit the figure.\n"
           "# consistent: at least %.0f %% of what the links are planned with, at most 2 %% over nominal.\n"
           "# TP: GPUs that may share a layer of %s at that bandwidth by the documents' rule and by the whole layer.\n",
           v->gpu->model, v->k, v->limit.link_name, v->nominal_GBps / v->k, v->nominal_GBps, 100 * (1 - s->tolerance), s->model.model_name);
    sheet_print_table(sheet, stdout, 0);
    print_notes(v);
    printf("#\n");
    char line[512];
    snprintf(line, sizeof line, "%s: %s.", v->verdict, v->why);
    sheet_print_paragraph(stdout, "Verdict: ", line, sheet_width());
    sheet_print_paragraph(stdout, "Buyer:   ", v->sentence, sheet_width());
    sheet_free(sheet);
}

static void print(const struct validation *v, const struct validate_settings *s)
{
    if (strcmp(s->format, "table") == 0) {
        print_table(v, s);
        return;
    }
    struct sheet *sheet = validation_sheet(v);
    json_t *extra = json_pack("{s:s, s:f, s:f, s:s, s:s, s:s, s:b}", "gpu", v->gpu->model, "links", v->k, "nominal_GBps", v->nominal_GBps, "verdict",
                              v->verdict, "why", v->why, "sentence", v->sentence, "contradicted", (int)v->contradicted);
    sheet_print(sheet, s->format, "validate", extra);
    json_decref(extra);
    sheet_free(sheet);
}

static int run(const struct validate_settings *s, const char *const *files, size_t nfiles)
{
    struct catalogue c;
    struct validation v;
    RB_TRY(catalogue_load(&c, s->catalogue));
    int rc = validate(&v, s, &c, files, nfiles);
    if (rc == RB_OK) {
        print(&v, s);
        if (v.contradicted)
            rc = rb_fail(RB_EDATA, "the given files contradict a %s", v.gpu->model);
        validation_free(&v);
    }
    catalogue_free(&c);
    return rc;
}

int validate_command(int argc, char **argv)
{
    enum { FILES = 64 };
    struct validate_settings s = {0};
    const char *files[FILES];
    size_t nfiles = 0;
    bool help;
    int rc = limits_defaults(&s.model);
    if (rc == RB_OK)
        rc = limits_prepare(&s.model);
    if (rc == RB_OK)
        rc = options_parse(&table, &s, argc, argv, files, FILES, &nfiles, &help);
    if (rc == RB_OK && help) {
        options_help(&table, stdout);
        return 0;
    }
    if (rc == RB_OK)
        rc = run(&s, files, nfiles);
    return rb_exit_code(rc);
}
