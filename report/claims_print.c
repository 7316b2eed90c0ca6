/* `ringbench claims`: its tables and the command. */
#include "report/claims.h"

#include "core/error.h"
#include "core/options.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sheet_column claim_columns[] = {
    { "id", "claim", NULL, SHEET_TEXT },
    { "document", NULL, NULL, SHEET_TEXT },
    { "topic", NULL, NULL, SHEET_TEXT },
    { "statement", NULL, NULL, SHEET_TEXT },
    { "formula", NULL, NULL, SHEET_TEXT },
    { "inputs", NULL, NULL, SHEET_TEXT },
    { "printed", "printed", NULL, SHEET_NUMBER },
    { "recomputed", "recomputed", NULL, SHEET_NUMBER },
    { "unit", "unit", NULL, SHEET_TEXT },
    { "difference", NULL, NULL, SHEET_NUMBER },
    { "difference_percent", "diff", "%", SHEET_NUMBER },
    { "assumed", NULL, NULL, SHEET_NUMBER },
    { "verdict", NULL, NULL, SHEET_TEXT },
    { "recorded", NULL, NULL, SHEET_TEXT },
    { "short", "verdict", NULL, SHEET_SHOWN },
    { "why", NULL, NULL, SHEET_TEXT },
    { "consequence", NULL, NULL, SHEET_TEXT },
};

static void claim_row(struct sheet *s, const struct claim *c)
{
    static const char *const brief[VERDICT_COUNT] = { "reproduced", "with assumption", "CONTRADICTS ITSELF", "CONTRADICTS DATASHEET",
                                                      "not recomputable" };
    sheet_row(s);
    sheet_text(s, "id", "%s", c->id);
    sheet_text(s, "document", "%s", c->document);
    sheet_text(s, "topic", "%s", c->topic);
    sheet_text(s, "statement", "%s", c->statement);
    sheet_text(s, "formula", "%s", c->formula);
    sheet_text(s, "inputs", "%s", c->inputs);
    sheet_number(s, "printed", c->printed);
    sheet_number(s, "recomputed", c->recomputed);
    sheet_text(s, "unit", "%s", c->unit);
    const double share = c->recomputed / c->printed - 1, noise = 1e-12; /* of binary fractions */
    sheet_number(s, "difference", fabs(share) < noise ? 0 : c->recomputed - c->printed);
    sheet_number(s, "difference_percent", fabs(share) < noise ? 0 : 100 * share);
    sheet_number(s, "assumed", c->assumed);
    sheet_text(s, "verdict", "%s", claim_verdict_names[c->verdict]);
    sheet_text(s, "recorded", "%s", c->recorded);
    sheet_text(s, "short", "%s", brief[c->verdict]);
    sheet_text(s, "why", "%s", c->why);
    sheet_text(s, "consequence", "%s", c->consequence);
}

struct sheet *claims_sheet(const struct claims *c)
{
    struct sheet *s = sheet_new(claim_columns, RB_LEN(claim_columns));
    for (size_t i = 0; i < c->count; i++)
        claim_row(s, &c->list[i]);
    return s;
}

static const struct sheet_column summary_columns[] = {
    { "verdict", "verdict", NULL, SHEET_TEXT },
    { "claims", "claims", NULL, SHEET_NUMBER },
    { "percent", "share", "%", SHEET_NUMBER },
};

struct sheet *claims_summary_sheet(const struct claims *c)
{
    struct sheet *s = sheet_new(summary_columns, RB_LEN(summary_columns));
    for (int v = 0; v < VERDICT_COUNT; v++) {
        size_t n = 0;
        for (size_t i = 0; i < c->count; i++)
            n += (int)c->list[i].verdict == v;
        sheet_row(s);
        sheet_text(s, "verdict", "%s", claim_verdict_names[v]);
        sheet_number(s, "claims", (double)n);
        sheet_number(s, "percent", 100 * (double)n / (double)(c->count > 0 ? c->count : 1));
    }
    return s;
}

struct claims_settings {
    const char *file, *catalogue, *format, *topic;
    bool strict;
};

#define AT(field) OPTION_AT(claims_settings, field)
static const struct option_row rows[] = {
    { 0, "topic", "", OPTION_TEXT, AT(topic), "only the claims of this topic (compute, memory, tensor-parallel, ...)", NULL, 0, 0 },
    { 0, "file", "", OPTION_TEXT, AT(file), "another claims file of the same form", NULL, 0, 0 },
    { 0, "catalogue", "", OPTION_TEXT, AT(catalogue), "files over the shipped catalogue, with commas between", NULL, 0, 0 },
    { 0, "strict", NULL, OPTION_FLAG, AT(strict), "exit 7 when a verdict is not the recorded one", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, AT(format), "how it is printed", sheet_formats, 0, 0 },
};
static const struct option_table table = {
    .usage = "ringbench claims [options]",
    .about = "Recomputes every quantitative claim of the documents that ringbench was built from.",
    .rows = rows,
    .count = RB_LEN(rows),
};

/* The claims that are not simply reproduced, with why and what follows. */
static void print_notes(const struct claims *c)
{
    const size_t width = sheet_width();
    printf("#\n# Where the figures differ, why, and what the right one does to the conclusion\n");
    for (size_t i = 0; i < c->count; i++) {
        const struct claim *k = &c->list[i];
        if (k->verdict == VERDICT_REPRODUCED && k->consequence[0] == '\0')
            continue;
        printf("  %s: %s\n", k->id, k->statement);
        if (k->verdict != VERDICT_REPRODUCED)
            sheet_print_paragraph(stdout, "      ", k->why, width);
        if (k->consequence[0] != '\0')
            sheet_print_paragraph(stdout, "      => ", k->consequence, width);
    }
}

static void print_table(const struct claims *c)
{
    struct sheet *s = claims_sheet(c), *summary = claims_summary_sheet(c);
    printf("# Agreement: the recomputed figure rounds to the printed one at its last digit (trailing zeros are none); 5 %% where the\n"
           "# document says about. diff: recomputed against printed. GB = 1e9 bytes, GiB = 2^30, Ti = 2^40.\n");
    sheet_print_table(s, stdout, 0);
    print_notes(c);
    printf("#\n");
    sheet_print_table(summary, stdout, 0);
    sheet_free(s);
    sheet_free(summary);
}

static void print(const struct claims *c, const struct claims_settings *s)
{
    if (strcmp(s->format, "table") == 0) {
        print_table(c);
        return;
    }
    struct sheet *sheet = claims_sheet(c), *summary = claims_summary_sheet(c);
    json_t *extra = json_pack("{s:o}", "summary", sheet_json(summary));
    sheet_print(sheet, s->format, "claims", extra);
    json_decref(extra);
    sheet_free(sheet);
    sheet_free(summary);
}

static int check(const struct claims *c)
{
    int rc = RB_OK;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(claim_verdict_names[c->list[i].verdict], c->list[i].recorded) != 0)
            rc = rb_fail(RB_EDATA, "claim %s is %s, recorded as %s", c->list[i].id, claim_verdict_names[c->list[i].verdict], c->list[i].recorded);
    return rc;
}

/* Moves the claims of the topic to the front; the others stay behind count, to be freed. */
static int choose(const struct claims *all, struct claims *chosen, const char *topic)
{
    *chosen = (struct claims){ rb_calloc(all->count, sizeof *chosen->list), 0 };
    for (size_t i = 0; i < all->count; i++)
        if (topic[0] == '\0' || strcmp(all->list[i].topic, topic) == 0)
            chosen->list[chosen->count++] = all->list[i];
    if (chosen->count > 0)
        return RB_OK;
    struct text known = {0};
    for (size_t i = 0; i < all->count; i++)
        if (i == 0 || (strcmp(all->list[i].topic, all->list[i - 1].topic) != 0 && strstr(known.chars, all->list[i].topic) == NULL))
            text_add(&known, "%s%s", i > 0 ? ", " : "", all->list[i].topic);
    const int rc = rb_fail(RB_EUSAGE, "--topic '%s': no claim; topics are %s", topic, known.chars);
    text_free(&known);
    return rc;
}

static int run(const struct claims_settings *s, const struct catalogue *catalogue)
{
    struct claims all, chosen = {0};
    RB_TRY(claims_load(&all, s->file[0] != '\0' ? s->file : NULL, catalogue));
    int rc = choose(&all, &chosen, s->topic);
    if (rc == RB_OK)
        print(&chosen, s);
    if (rc == RB_OK && s->strict)
        rc = check(&all);
    free(chosen.list);
    claims_free(&all);
    return rc;
}

int claims_command(int argc, char **argv)
{
    struct claims_settings s = {0};
    struct catalogue catalogue;
    bool help;
    int rc = options_parse(&table, &s, argc, argv, NULL, 0, NULL, &help);
    if (rc == RB_OK && help) {
        options_help(&table, stdout);
        return 0;
    }
    if (rc == RB_OK)
        rc = catalogue_load(&catalogue, s.catalogue);
    if (rc == RB_OK) {
        rc = run(&s, &catalogue);
        catalogue_free(&catalogue);
    }
    return rb_exit_code(rc);
}
