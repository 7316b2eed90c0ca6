#include "report/claims.h"

#include "core/csv.h"
#include "core/data_path.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "report/claims_code.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const claim_verdict_names[] = {
    "reproduced", "reproduced-with-assumption", "contradicts-itself", "contradicts-datasheet", "not-recomputable", NULL,
};

/* Columns of the file, in the order of the texts of struct claim. */
static const char *const columns[] = { "id", "document", "topic", "statement", "formula", "inputs", "printed", "unit", "relation", "verdict",
                                       "consequence" };
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static char **text_of(struct claim *c, size_t column)
{
    char **const texts[COLUMNS] = { &c->id, &c->document, &c->topic, &c->statement, &c->formula, &c->inputs, &c->printed_text, &c->unit,
                                    &c->relation, &c->recorded, &c->consequence };
    return texts[column];
}

double claim_input(struct claim_work *w, const char *name)
{
    for (size_t i = 0; i < w->ninputs; i++)
        if (strcmp(w->inputs[i].name, name) == 0)
            return w->inputs[i].value;
    snprintf(w->missing, sizeof w->missing, "%s", name);
    return NAN;
}

/* One unit of the last digit that is printed and no trailing zero: 100 for "2400", 0.01 for "0.12". */
static double last_digit(const char *printed, bool zeros_count)
{
    const char *dot = strchr(printed, '.');
    if (dot != NULL)
        return pow(10, -(double)strspn(dot + 1, "0123456789"));
    double unit = 1;
    if (zeros_count)
        return unit;
    for (size_t n = strlen(printed); n > 1 && printed[n - 1] == '0'; n--)
        unit *= 10;
    return unit;
}

bool claim_agrees(double recomputed, const char *printed, const char *relation)
{
    double p;
    if (!units_parse_number(printed, &p) || !isfinite(recomputed))
        return false;
    if (strcmp(relation, "about") == 0)
        return fabs(recomputed - p) <= 0.05 * fabs(p);
    if (strcmp(relation, "most") == 0)
        return recomputed <= p;
    if (strcmp(relation, "least") == 0)
        return recomputed >= p;
    return fabs(recomputed - p) <= last_digit(printed, strcmp(relation, "exact") == 0) / 2 * (1 + 1e-9);
}

static int parse_inputs(struct claim_work *w, const struct csv *csv, const struct csv_row *row, size_t column)
{
    char *copy = rb_strdup(row->cells[column]), *at = copy;
    int rc = RB_OK;
    for (char *pair; rc == RB_OK && (pair = strsep(&at, ";")) != NULL;) {
        char *number = strchr(pair, '=');
        if (pair[0] == '\0')
            continue;
        if (number == NULL || w->ninputs == CLAIM_INPUTS || (size_t)(number - pair) >= sizeof w->inputs[0].name ||
            !units_parse_number(number + 1, &w->inputs[w->ninputs].value)) {
            rc = csv_fail(csv, row, column, "'%s': name=number is expected, at most %d of them", pair, CLAIM_INPUTS);
            break;
        }
        *number = '\0';
        strcpy(w->inputs[w->ninputs++].name, pair);
    }
    free(copy);
    return rc;
}

static const struct claim_code *code_of(const char *id)
{
    const struct {
        const struct claim_code *list;
        size_t count;
    } tables[] = {
        { claims_training, claims_training_count },
        { claims_tensor, claims_tensor_count },
        { claims_inference, claims_inference_count },
        { claims_cost, claims_cost_count },
    };
    for (size_t t = 0; t < RB_LEN(tables); t++)
        for (size_t i = 0; i < tables[t].count; i++)
            if (strcmp(tables[t].list[i].id, id) == 0)
                return &tables[t].list[i];
    return NULL;
}

static size_t code_count(void)
{
    return claims_training_count + claims_tensor_count + claims_inference_count + claims_cost_count;
}

static enum claim_verdict judge(const struct claim *c, const struct claim_work *w)
{
    if (!isfinite(w->value))
        return VERDICT_MISSING;
    if (claim_agrees(w->value, c->printed_text, c->relation))
        return VERDICT_REPRODUCED;
    if (w->datasheet)
        return VERDICT_DATASHEET;
    return claim_agrees(w->assumed, c->printed_text, c->relation) ? VERDICT_ASSUMPTION : VERDICT_ITSELF;
}

static void explain(struct claim *c, const struct claim_work *w)
{
    char a[SHEET_NUMBER_TEXT], b[SHEET_NUMBER_TEXT];
    switch (c->verdict) {
    case VERDICT_REPRODUCED:
        snprintf(c->why, sizeof c->why, "%s", strcmp(c->relation, "most") == 0 ? "the document says within" : "rounds to the printed figure");
        break;
    case VERDICT_ASSUMPTION:
        snprintf(c->why, sizeof c->why, "%s under the assumption: %s", sheet_number_text(a, w->assumed), w->assumption);
        break;
    case VERDICT_MISSING:
        if (w->missing[0] != '\0')
            snprintf(c->why, sizeof c->why, "the input %s is missing", w->missing);
        else
            snprintf(c->why, sizeof c->why, "%s", w->why != NULL ? w->why : "an input is missing from the catalogue");
        break;
    default:
        if (w->why != NULL)
            snprintf(c->why, sizeof c->why, "%s", w->why);
        else
            snprintf(c->why, sizeof c->why, "%s gives %s, not %s", c->formula, sheet_number_text(a, w->value), sheet_number_text(b, c->printed));
    }
}

static int recompute(struct claim *c, const struct csv *csv, const struct csv_row *row, const struct catalogue *catalogue)
{
    struct claim_work w = { .catalogue = catalogue, .value = NAN, .assumed = NAN };
    size_t column = 0;
    RB_TRY(csv_need_column(csv, "inputs", &column));
    RB_TRY(parse_inputs(&w, csv, row, column));
    const struct claim_code *code = code_of(c->id);
    if (code == NULL)
        return csv_fail(csv, row, 0, "'%s': no code recomputes this claim", c->id);
    if (!units_parse_number(c->printed_text, &c->printed)) {
        if (c->printed_text[0] != '\0')
            return csv_fail(csv, row, 6, "'%s' is no number; leave it empty when none is printed", c->printed_text);
        c->printed = NAN;
    }
    code->recompute(&w);
    c->recomputed = w.value;
    c->assumed = w.assumed;
    c->verdict = judge(c, &w);
    explain(c, &w);
    return RB_OK;
}

static int load_row(struct claims *all, const struct csv *csv, const struct csv_row *row, const struct catalogue *catalogue)
{
    struct claim *c = &all->list[all->count++];
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t column = 0;
        RB_TRY(csv_need_column(csv, columns[i], &column));
        *text_of(c, i) = rb_strdup(row->cells[column]);
    }
    for (size_t i = 0; i + 1 < all->count; i++)
        if (strcmp(all->list[i].id, c->id) == 0)
            return csv_fail(csv, row, 0, "'%s' is there twice", c->id);
    return recompute(c, csv, row, catalogue);
}

static int load(struct claims *c, const struct csv *csv, const struct catalogue *catalogue)
{
    struct claims all = { rb_calloc(csv->nrows, sizeof *all.list), 0 };
    int rc = RB_OK;
    for (size_t i = 0; rc == RB_OK && i < csv->nrows; i++)
        rc = load_row(&all, csv, &csv->rows[i], catalogue);
    if (rc == RB_OK && all.count != code_count())
        rc = rb_fail(RB_EUSAGE, "%s: %zu claims, where the program knows %zu", csv->path, all.count, code_count());
    if (rc != RB_OK) {
        claims_free(&all);
        return rc;
    }
    *c = all;
    return RB_OK;
}

int claims_load(struct claims *c, const char *path, const struct catalogue *catalogue)
{
    char *shipped = NULL;
    struct csv csv;
    if (path == NULL) {
        RB_TRY(data_path("claims.csv", &shipped));
        path = shipped;
    }
    int rc = csv_read(&csv, path);
    free(shipped);
    if (rc == RB_OK) {
        rc = load(c, &csv, catalogue);
        csv_free(&csv);
    }
    return rc;
}

void claims_free(struct claims *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < COLUMNS; k++)
            free(*text_of(&c->list[i], k));
    free(c->list);
    *c = (struct claims){0};
}
