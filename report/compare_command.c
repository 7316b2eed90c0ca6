#include "report/compare.h"

#include "core/error.h"
#include "core/options.h"
#include "core/text.h"
#include "report/sheet.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *format;
    double threshold, alpha;
    bool control;
};

static const struct option_row rows[] = {
    { 0, "threshold", "5", OPTION_NUMBER, OPTION_AT(settings, threshold),
      "per cent of the time that a case may change and still be the same", NULL, 0.01, 1000 },
    { 0, "alpha", "0.05", OPTION_NUMBER, OPTION_AT(settings, alpha), "chance of calling any unchanged case changed", NULL, 1e-9, 0.5 },
    { 0, "control", NULL, OPTION_FLAG, OPTION_AT(settings, control),
      "count only what goes beyond the baseline's own change at the same case", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, OPTION_AT(settings, format), "how to print", sheet_formats, 0, 0 },
};

static const struct option_table table = {
    .usage = "ringbench compare [options] A B",
    .about = "Did it get slower from A to B? Each is a results.jsonl, a log that ringbench import knows, or several runs, FILE,FILE,...\n"
             "One run a side: Mann-Whitney on the samples. Several: Welch's test on the run medians, so that the spread between runs\n"
             "counts. Holm's correction over all cases. Simulated times have no spread: their ratio is exact. Exit code 0, or 7 when B is\n"
             "slower (or wrong where A was right).",
    .rows = rows,
    .count = RB_LEN(rows),
};

static const struct sheet_column columns[] = {
    { "collective", "collective", NULL, SHEET_TEXT },
    { "algorithm", "algorithm", NULL, SHEET_TEXT },
    { "transport", "over", NULL, SHEET_TEXT },
    { "baseline", "baseline", NULL, SHEET_TEXT },
    { "ranks", "ranks", NULL, SHEET_NUMBER },
    { "nodes", NULL, NULL, SHEET_NUMBER },
    { "servers", "servers", NULL, SHEET_NUMBER },
    { "type", "type", NULL, SHEET_TEXT },
    { "op", NULL, NULL, SHEET_TEXT },
    { "root", NULL, NULL, SHEET_NUMBER },
    { "place", "place", NULL, SHEET_TEXT },
    { "bytes", "size", "bytes", SHEET_TEXT },
    { "a_us", "A", "us", SHEET_NUMBER },
    { "b_us", "B", "us", SHEET_NUMBER },
    { "ratio", "B / A", "time", SHEET_NUMBER },
    { "ratio_low", "from", "95 %", SHEET_NUMBER },
    { "ratio_high", "to", "95 %", SHEET_NUMBER },
    { "delta", "effect", "delta", SHEET_NUMBER },
    { "b_slower", NULL, NULL, SHEET_NUMBER },
    { "p", NULL, NULL, SHEET_NUMBER },
    { "p_holm", "p", "Holm", SHEET_NUMBER },
    { "test", NULL, NULL, SHEET_TEXT },
    { "runs_a", NULL, NULL, SHEET_NUMBER },
    { "runs_b", NULL, NULL, SHEET_NUMBER },
    { "samples_a", NULL, NULL, SHEET_NUMBER },
    { "samples_b", NULL, NULL, SHEET_NUMBER },
    { "is_control", NULL, NULL, SHEET_TEXT },
    { "control_ratio", "control", "time", SHEET_NUMBER },
    { "verdict", "verdict", NULL, SHEET_TEXT },
    { "why", "why", NULL, SHEET_WRAP },
};

static void fill_case(struct sheet *s, const struct record_case *r)
{
    const struct {
        const char *column, *text;
    } texts[] = {
        { "collective", r->collective }, { "algorithm", r->algorithm }, { "transport", r->transport },
        { "baseline", r->baseline },     { "type", r->type },           { "op", r->op },
        { "place", r->in_place ? "in" : "out" },
    };
    for (size_t i = 0; i < RB_LEN(texts); i++)
        sheet_text(s, texts[i].column, "%s", texts[i].text);
    sheet_text(s, "bytes", "%llu", (unsigned long long)r->bytes);
    sheet_number(s, "ranks", r->ranks);
    sheet_number(s, "nodes", r->nodes);
    sheet_number(s, "servers", r->servers > 0 ? (double)r->servers : NAN);
    sheet_number(s, "root", r->root);
}

static void fill_figures(struct sheet *s, const struct compare_case *c)
{
    const struct {
        const char *column;
        double value;
    } numbers[] = {
        { "a_us", c->median_us[0] },      { "b_us", c->median_us[1] },       { "ratio", c->ratio.ratio },
        { "ratio_low", c->ratio.low },    { "ratio_high", c->ratio.high },   { "delta", c->delta },
        { "b_slower", (c->delta + 1) / 2 }, { "p", c->p },                   { "p_holm", c->p_holm },
        { "runs_a", (double)c->runs[0] }, { "runs_b", (double)c->runs[1] },  { "samples_a", (double)c->samples[0] },
        { "samples_b", (double)c->samples[1] },
    };
    for (size_t i = 0; i < RB_LEN(numbers); i++)
        sheet_number(s, numbers[i].column, numbers[i].value);
    sheet_text(s, "test", "%s", c->test);
    sheet_text(s, "is_control", "%s", c->control ? "yes" : "");
    sheet_number(s, "control_ratio", c->control_ratio);
    sheet_text(s, "verdict", "%s", compare_verdict_name(c->verdict));
    sheet_text(s, "why", "%s", c->why);
}

static struct sheet *make_sheet(const struct compare *c)
{
    struct sheet *s = sheet_new(columns, RB_LEN(columns));
    for (size_t i = 0; i < c->n; i++) {
        sheet_row(s);
        fill_case(s, c->cases[i].what);
        fill_figures(s, &c->cases[i]);
    }
    sheet_hide_empty(s);
    return s;
}

/* --- the lines below the table --- */

static bool has_tested(const struct compare *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (!c->cases[i].exact)
            return true;
    return false;
}

static void say_counts(struct text *t, const struct compare *c, const struct settings *o)
{
    text_add(t, "overall: %s", compare_verdict_name(c->verdict));
    for (int v = COMPARE_SAME; v <= COMPARE_NOT_COMPARABLE; v++)
        text_add(t, "%s %zu %s", v == COMPARE_SAME ? ":" : ",", c->counts[v], compare_verdict_name((enum compare_verdict)v));
    text_add(t, "; threshold %g %%", o->threshold);
    if (has_tested(c))
        text_add(t, ", alpha %g over all cases (Holm)", o->alpha);
    text_add(t, "\n");
    if (isfinite(c->ratio))
        text_add(t, "time of B over time of A, geometric mean of all cases: %.3f\n", c->ratio);
}

static void say_control(struct text *t, const struct compare *c, const struct settings *o)
{
    if (!isfinite(c->control_ratio))
        return;
    const bool moved = fabs(c->control_ratio - 1) > o->threshold / 100;
    const char *what = !moved      ? ""
                       : o->control ? ": the machine changed; what goes beyond that counts"
                                    : ": the machine changed, not only the program; --control counts what goes beyond that";
    text_add(t, "control: time of the baseline's cases, B over A: %.3f%s\n", c->control_ratio, what);
}

static void say_caveats(struct text *t, const struct compare *c, const struct settings *o)
{
    say_control(t, c, o);
    if (c->simulated > 0)
        text_add(t, "%zu of them simulated on both sides: a model's times have no spread, so the ratio is exact and there is no p\n", c->simulated);
    if (!c->several_runs && has_tested(c))
        text_add(t, "one run a side: the test knows the spread within a run only; two runs of the same program often differ by more. "
                    "Several runs a side, FILE,FILE,..., count that too\n");
    if (c->newly_wrong > 0)
        text_add(t, "%zu cases with wrong elements in B, none in A\n", c->newly_wrong);
}

static json_t *summary_json(const struct compare *c, const struct settings *o)
{
    json_t *counts = json_object();
    for (int v = COMPARE_SAME; v <= COMPARE_NOT_COMPARABLE; v++)
        json_object_set_new(counts, compare_verdict_name((enum compare_verdict)v), json_integer((json_int_t)c->counts[v]));
    return json_pack("{s:s, s:o, s:f, s:f, s:s, s:b, s:o, s:o, s:b, s:i, s:i}", "verdict", compare_verdict_name(c->verdict), "counts", counts,
                     "threshold_percent", o->threshold, "alpha", o->alpha, "correction", "Holm", "against_control", o->control, "ratio",
                     isfinite(c->ratio) ? json_real(c->ratio) : json_null(), "control_ratio",
                     isfinite(c->control_ratio) ? json_real(c->control_ratio) : json_null(), "several_runs", c->several_runs,
                     "newly_wrong", (int)c->newly_wrong, "simulated", (int)c->simulated);
}

static int print(const struct compare *c, const struct settings *o)
{
    struct sheet *s = make_sheet(c);
    json_t *summary = summary_json(c, o);
    sheet_print(s, o->format, "compare", summary);
    json_decref(summary);
    sheet_free(s);
    struct text lines = {0};
    say_counts(&lines, c, o);
    say_caveats(&lines, c, o);
    /* CSV and JSON hold nothing else. */
    fputs(lines.chars, strcmp(o->format, "table") == 0 ? stdout : stderr);
    text_free(&lines);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? RB_OK : rb_fail(RB_EUSAGE, "cannot write: %s", strerror(errno));
}

static int conclude(const struct compare *c, const char *a, const char *b)
{
    if (c->verdict == COMPARE_SLOWER || c->newly_wrong > 0)
        return RB_EDATA;
    size_t common = 0;
    for (size_t i = 0; i < c->n; i++)
        common += c->cases[i].runs[0] > 0 && c->cases[i].runs[1] > 0;
    return common > 0 ? RB_OK : rb_fail(RB_EUSAGE, "%s and %s have no case in common", a, b);
}

static int compare_files(const char *const files[2], const struct settings *o)
{
    struct compare_side *sides = rb_calloc(2, sizeof *sides);
    int rc = compare_side_read(&sides[0], files[0]);
    if (rc == RB_OK)
        rc = compare_side_read(&sides[1], files[1]);
    if (rc == RB_OK) {
        struct compare c;
        const struct compare_limits limits = { o->threshold / 100, o->alpha, o->control };
        compare_make(&c, &sides[0], &sides[1], &limits);
        rc = print(&c, o);
        if (rc == RB_OK)
            rc = conclude(&c, files[0], files[1]);
        compare_free(&c);
    }
    compare_side_free(&sides[0]);
    compare_side_free(&sides[1]);
    free(sides);
    return rc;
}

static int run(int argc, char **argv)
{
    struct settings o = {0};
    const char *files[2];
    size_t n = 0;
    bool help = false;
    RB_TRY(options_parse(&table, &o, argc, argv, files, 2, &n, &help));
    if (help) {
        options_help(&table, stdout);
        return RB_OK;
    }
    if (n != 2)
        return rb_fail(RB_EUSAGE, "compare: two sides are needed, A and B; %s", table.usage);
    return compare_files(files, &o);
}

int compare_command(int argc, char **argv)
{
    return rb_exit_code(run(argc, argv));
}
