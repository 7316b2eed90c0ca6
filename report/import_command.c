/* `ringbench import`: records on stdout, what does not add up on stderr. */
#include "report/import_read.h"

#include "core/error.h"
#include "core/options.h"
#include "report/sheet.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct settings {
    const char *format, *show, *output, *collective, *gpu;
    uint64_t ranks;
};

static const char *const formats[] = { "jsonl", "table", "csv", "json", "published", NULL };
static const char *const shows[] = { "sources", "cases", "links", NULL };

static const struct option_row rows[] = {
    { 0, "format", "jsonl", OPTION_CHOICE, OPTION_AT(settings, format),
      "jsonl is as results.jsonl; published writes CSV files into --output", formats, 0, 0 },
    { 0, "show", NULL, OPTION_CHOICE, OPTION_AT(settings, show),
      "what table and csv hold (sources in a table, cases in csv)", shows, 0, 0 },
    { 0, "output", NULL, OPTION_TEXT, OPTION_AT(settings, output), "folder for --format published", NULL, 0, 0 },
    { 0, "collective", NULL, OPTION_TEXT, OPTION_AT(settings, collective), "which collective, where the log does not say", NULL, 0, 0 },
    { 0, "ranks", NULL, OPTION_COUNT, OPTION_AT(settings, ranks), "how many ranks, where the log does not say", NULL, 1, 100000 },
    { 0, "gpu", NULL, OPTION_TEXT, OPTION_AT(settings, gpu), "GPU model, where the log does not say", NULL, 0, 0 },
};

static const struct option_table table = {
    .usage = "ringbench import [options] FILE...",
    .about = "Reads logs of nccl-tests (2.0 to 2.19, text and JSON), nvbandwidth, p2pBandwidthLatencyTest, nvidia-smi topo -m and\n"
             "nvlink --status, and tables of NCCL latencies; the format is found by the content. Every row is read, or the file is\n"
             "refused with file and line. What does not add up (size / time against algbw, the busbw factor) is said on stderr.",
    .rows = rows,
    .count = RB_LEN(rows),
};

/* --- JSON --- */

static int put_line(const char *kind, json_t *object)
{
    json_t *all = json_pack("{s:i, s:s}", "schema", RECORD_SCHEMA, "kind", kind);
    json_object_update(all, object);
    const int rc = json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(all);
    json_decref(object);
    return rc == 0 && fputc('\n', stdout) != EOF ? RB_OK : rb_fail(RB_EUSAGE, "cannot write: %s", strerror(errno));
}

static int put_jsonl(const struct import *im)
{
    RB_TRY(put_line("run", json_pack("{s:s, s:i}", "imported_by", "ringbench import", "sources", (int)im->nsources)));
    for (size_t i = 0; i < im->nsources; i++)
        RB_TRY(put_line("source", import_source_json(&im->sources[i])));
    for (size_t i = 0; i < im->records.ncases; i++)
        RB_TRY(put_line("case", record_case_json(&im->records.cases[i])));
    for (size_t i = 0; i < im->nlinks; i++)
        RB_TRY(put_line("link", import_link_json(im, &im->links[i])));
    return RB_OK;
}

static int put_json(const struct import *im)
{
    json_t *sources = json_array(), *cases = json_array(), *links = json_array();
    for (size_t i = 0; i < im->nsources; i++)
        json_array_append_new(sources, import_source_json(&im->sources[i]));
    for (size_t i = 0; i < im->records.ncases; i++)
        json_array_append_new(cases, record_case_json(&im->records.cases[i]));
    for (size_t i = 0; i < im->nlinks; i++)
        json_array_append_new(links, import_link_json(im, &im->links[i]));
    json_t *all = json_pack("{s:i, s:s, s:o, s:o, s:o}", "schema", RECORD_SCHEMA, "kind", "import", "sources", sources, "cases", cases,
                            "links", links);
    const int rc = json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    json_decref(all);
    return rc == 0 && fputc('\n', stdout) != EOF ? RB_OK : rb_fail(RB_EUSAGE, "cannot write: %s", strerror(errno));
}

/* --- tables --- */

static const struct sheet_column source_columns[] = {
    { "name", "source", NULL, SHEET_TEXT },      { "format", "format", NULL, SHEET_TEXT },     { "gpu", "GPU", NULL, SHEET_TEXT },
    { "gpus", "GPUs", NULL, SHEET_NUMBER },      { "nodes", "nodes", NULL, SHEET_NUMBER },     { "transport", "over", NULL, SHEET_TEXT },
    { "collective", "collective", NULL, SHEET_TEXT }, { "cases", "rows", NULL, SHEET_NUMBER }, { "links", "links", NULL, SHEET_NUMBER },
    { "peak_busbw_GBps", "peak busbw", "GB/s", SHEET_NUMBER }, { "nvls", "NVLS", NULL, SHEET_TEXT }, { "nccl", "NCCL", NULL, SHEET_TEXT },
    { "interconnect", NULL, NULL, SHEET_TEXT },  { "warnings", "odd", "lines", SHEET_NUMBER }, { "address", NULL, NULL, SHEET_TEXT },
    { "note", "note", NULL, SHEET_WRAP },
};

static double peak(const struct import *im, const struct import_source *s)
{
    double best = NAN;
    for (size_t i = 0; i < s->ncases; i++)
        best = fmax(best, im->records.cases[s->first_case + i].busbw_GBps);
    return best;
}

static double known(int value)
{
    return value > 0 ? (double)value : NAN;
}

static struct sheet *sheet_of_sources(const struct import *im)
{
    struct sheet *sheet = sheet_new(source_columns, RB_LEN(source_columns));
    for (size_t i = 0; i < im->nsources; i++) {
        const struct import_source *s = &im->sources[i];
        sheet_row(sheet);
        sheet_text(sheet, "name", "%s", s->name);
        sheet_text(sheet, "format", "%s", s->format);
        sheet_text(sheet, "gpu", "%s", s->gpu);
        sheet_number(sheet, "gpus", known(s->gpus));
        sheet_number(sheet, "nodes", known(s->nodes));
        sheet_text(sheet, "transport", "%s", s->transport);
        sheet_text(sheet, "collective", "%s", s->collective);
        sheet_number(sheet, "cases", (double)s->ncases);
        sheet_number(sheet, "links", (double)s->nlinks);
        sheet_number(sheet, "peak_busbw_GBps", peak(im, s));
        sheet_text(sheet, "nvls", "%s", s->nvls < 0 ? "" : s->nvls > 0 ? "yes" : "no");
        sheet_text(sheet, "nccl", "%s", s->nccl);
        sheet_text(sheet, "interconnect", "%s", s->interconnect);
        sheet_number(sheet, "warnings", (double)s->warnings);
        sheet_text(sheet, "address", "%s", s->address);
        sheet_text(sheet, "note", "%s", s->note);
    }
    return sheet;
}

static const struct sheet_column case_columns[] = {
    { "source", "source", NULL, SHEET_TEXT },   { "collective", "collective", NULL, SHEET_TEXT }, { "ranks", "ranks", NULL, SHEET_NUMBER },
    { "type", "type", NULL, SHEET_TEXT },       { "place", "place", NULL, SHEET_TEXT },
    { "bytes", "size", "bytes", SHEET_TEXT },   { "time_us", "time", "us", SHEET_NUMBER },
    { "algbw_GBps", "algbw", "GB/s", SHEET_NUMBER }, { "busbw_GBps", "busbw", "GB/s", SHEET_NUMBER },
};

static struct sheet *sheet_of_cases(const struct import *im)
{
    struct sheet *sheet = sheet_new(case_columns, RB_LEN(case_columns));
    for (size_t i = 0; i < im->records.ncases; i++) {
        const struct record_case *c = &im->records.cases[i];
        sheet_row(sheet);
        sheet_text(sheet, "source", "%s", c->label);
        sheet_text(sheet, "collective", "%s", c->collective);
        sheet_number(sheet, "ranks", c->ranks);
        sheet_text(sheet, "type", "%s", c->type);
        sheet_text(sheet, "place", "%s", c->in_place ? "in" : "out");
        sheet_text(sheet, "bytes", "%llu", (unsigned long long)c->bytes);
        sheet_number(sheet, "time_us", c->time_us.median);
        sheet_number(sheet, "algbw_GBps", c->algbw_GBps);
        sheet_number(sheet, "busbw_GBps", c->busbw_GBps);
    }
    return sheet;
}

static const struct sheet_column link_columns[] = {
    { "source", "source", NULL, SHEET_TEXT }, { "evidence", "evidence", NULL, SHEET_TEXT }, { "test", "test", NULL, SHEET_TEXT },
    { "from", "from", NULL, SHEET_TEXT },     { "to", "to", NULL, SHEET_TEXT },             { "engine", "by", NULL, SHEET_TEXT },
    { "direction", "direction", NULL, SHEET_TEXT }, { "path", "path", NULL, SHEET_TEXT },   { "GBps", "bandwidth", "GB/s", SHEET_NUMBER },
    { "latency_us", "latency", "us", SHEET_NUMBER },
};

static const char *direction(const struct import_link *l)
{
    return l->local ? "local" : l->both_ways ? "sum of both" : l->loaded ? "one of two" : "one";
}

static struct sheet *sheet_of_links(const struct import *im)
{
    struct sheet *sheet = sheet_new(link_columns, RB_LEN(link_columns));
    for (size_t i = 0; i < im->nlinks; i++) {
        const struct import_link *l = &im->links[i];
        char end[IMPORT_END_TEXT];
        sheet_row(sheet);
        sheet_text(sheet, "source", "%s", im->sources[l->source].name);
        sheet_text(sheet, "evidence", "%s", import_link_kind_name(l->kind));
        sheet_text(sheet, "test", "%s", l->test);
        sheet_text(sheet, "from", "%s", import_end_name(end, l->from));
        sheet_text(sheet, "to", "%s", import_end_name(end, l->to));
        sheet_text(sheet, "engine", "%s", l->engine);
        sheet_text(sheet, "direction", "%s", direction(l));
        sheet_text(sheet, "path", "%s", l->path);
        sheet_number(sheet, "GBps", l->GBps);
        sheet_number(sheet, "latency_us", l->latency_us);
    }
    return sheet;
}

static int put_sheet(const struct import *im, const struct settings *o)
{
    const bool csv = strcmp(o->format, "csv") == 0;
    const char *show = o->show != NULL ? o->show : !csv ? "sources" : im->records.ncases > 0 ? "cases" : "links";
    if (csv && strcmp(show, "cases") == 0)
        return records_write_csv(stdout, &im->records);
    struct sheet *sheet = strcmp(show, "sources") == 0 ? sheet_of_sources(im)
                          : strcmp(show, "cases") == 0 ? sheet_of_cases(im)
                                                       : sheet_of_links(im);
    sheet_hide_empty(sheet);
    sheet_print(sheet, o->format, "import", NULL);
    sheet_free(sheet);
    return RB_OK;
}

static int put_published(const struct import *im, const struct settings *o)
{
    if (o->output == NULL)
        return rb_fail(RB_EUSAGE, "--format published writes a folder of CSV files: --output DIR is missing");
    if (mkdir(o->output, 0777) != 0 && errno != EEXIST)
        return rb_fail(RB_EUSAGE, "--output %s: %s", o->output, strerror(errno));
    return published_write(im, o->output);
}

static int put(const struct import *im, const struct settings *o)
{
    if (strcmp(o->format, "published") == 0)
        return put_published(im, o);
    const int rc = strcmp(o->format, "jsonl") == 0  ? put_jsonl(im)
                   : strcmp(o->format, "json") == 0 ? put_json(im)
                                                    : put_sheet(im, o);
    RB_TRY(rc);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? RB_OK : rb_fail(RB_EUSAGE, "cannot write: %s", strerror(errno));
}

static int read_all(struct import *im, const char *const *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        RB_TRY(import_file(im, files[i]));
    return RB_OK;
}

static int run(int argc, char **argv, const char **files)
{
    struct settings o = {0};
    size_t n = 0;
    bool help = false;
    RB_TRY(options_parse(&table, &o, argc, argv, files, (size_t)argc, &n, &help));
    if (help) {
        options_help(&table, stdout);
        puts("\nFormats:");
        for (size_t i = 0; i < import_format_count; i++)
            printf("  %-18s %s\n", import_formats[i]->name, import_formats[i]->summary);
        return RB_OK;
    }
    if (n == 0)
        return rb_fail(RB_EUSAGE, "import: which files? %s", table.usage);
    struct import im = { .hints = { o.collective, o.gpu, (int)o.ranks } };
    int rc = read_all(&im, files, n);
    if (rc == RB_OK)
        rc = put(&im, &o);
    import_free(&im);
    return rc;
}

int import_command(int argc, char **argv)
{
    const char **files = rb_calloc((size_t)argc + 1, sizeof *files);
    const int rc = run(argc, argv, files);
    free(files);
    return rb_exit_code(rc);
}
