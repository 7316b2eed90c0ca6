#include "scale/agreement.h"

#include "core/error.h"
#include "report/sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct sheet_column columns[] = {
    { "log", "published log", NULL, SHEET_TEXT },
    { "gpu", NULL, NULL, SHEET_TEXT },
    { "class", "class", NULL, SHEET_TEXT },
    { "collective", "collective", NULL, SHEET_TEXT },
    { "ranks", "GPUs", NULL, SHEET_NUMBER },
    { "bytes", NULL, NULL, SHEET_NUMBER },
    { "nominal_GBps", "nominal", "GB/s", SHEET_NUMBER },
    { "measured_GBps", "measured", "busbw", SHEET_NUMBER },
    { "predicted_GBps", "predicted", "busbw", SHEET_NUMBER },
    { "error", "error", "%", SHEET_NUMBER },
    { "used", "fraction", NULL, SHEET_NUMBER },
    { "points", "from", "points", SHEET_NUMBER },
    { "logs", "in", "logs", SHEET_NUMBER },
    { "cause", NULL, NULL, SHEET_TEXT },
};

static struct sheet *sheet_of(const struct agreement *a)
{
    struct sheet *s = sheet_new(columns, RB_LEN(columns));
    for (size_t i = 0; i < a->count; i++) {
        const struct agreement_row *r = &a->rows[i];
        sheet_row(s);
        sheet_text(s, "log", "%s", r->log);
        sheet_text(s, "gpu", "%s", r->gpu);
        sheet_text(s, "class", "%s", r->class);
        sheet_text(s, "collective", "%s", r->collective);
        sheet_number(s, "ranks", r->ranks);
        sheet_number(s, "bytes", r->bytes);
        sheet_number(s, "nominal_GBps", r->nominal_GBps);
        sheet_number(s, "measured_GBps", r->measured_GBps);
        sheet_number(s, "predicted_GBps", r->predicted_GBps);
        sheet_number(s, "error", 100 * r->error);
        sheet_number(s, "used", r->used);
        sheet_number(s, "points", r->points);
        sheet_number(s, "logs", r->logs);
        sheet_text(s, "cause", "%s", r->cause);
    }
    return s;
}

static bool seen_before(const struct agreement *a, size_t at, bool gpu)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(a->rows[i].class, a->rows[at].class) == 0 && (!gpu || strcmp(a->rows[i].gpu, a->rows[at].gpu) == 0))
            return true;
    return false;
}

static size_t count_of(const struct agreement *a, const struct agreement_row *like)
{
    size_t n = 0;
    for (size_t i = 0; i < a->count; i++)
        n += strcmp(a->rows[i].class, like->class) == 0 && strcmp(a->rows[i].gpu, like->gpu) == 0;
    return n;
}

static const double TOLERATED = 0.10;

/* Why the others cannot tell: how few logs of the class there are, or how far they lie apart. */
static void print_reason(const struct agreement *a, const struct agreement_row *r)
{
    struct link_class c;
    if (!agreement_class(a, r->class, &c))
        printf("   above 10 %%: two GPUs alone are all that is known of its class");
    else if (c.logs == 1)
        printf("   above 10 %%: one log of more than two GPUs in its class, others stand in");
    else
        printf("   above 10 %%: the %d logs of its class lie between %.3f and %.3f of the nominal rate", c.logs, c.low, c.high);
}

/* What is known of the logs that are off, once each. */
static void print_causes(const struct agreement *a, const struct agreement_row *like)
{
    const char *last = "";
    for (size_t i = 0; i < a->count; i++) {
        const struct agreement_row *r = &a->rows[i];
        if (strcmp(r->class, like->class) != 0 || strcmp(r->gpu, like->gpu) != 0 || fabs(r->error) <= TOLERATED || strcmp(r->cause, last) == 0)
            continue;
        printf("\n      %s: %s", r->log, r->cause);
        last = r->cause;
    }
}

static void print_medians(const struct agreement *a)
{
    printf("\nmedian |error|, no log predicting itself:\n");
    for (size_t i = 0; i < a->count; i++)
        if (!seen_before(a, i, true)) {
            const struct agreement_row *r = &a->rows[i];
            const double m = agreement_median(a, r->gpu, r->class);
            printf("  %-16s %-17s %5.1f %% of %zu figure%s", r->gpu, r->class, 100 * m, count_of(a, r), count_of(a, r) == 1 ? "" : "s");
            if (m > TOLERATED)
                print_reason(a, r);
            if (m > TOLERATED)
                print_causes(a, r);
            printf("\n");
        }
    printf("  %-34s %5.1f %% of %zu figures\n", "all", 100 * agreement_median(a, NULL, NULL), a->count);
    printf("\nconstants of data/links.csv from all logs:\n");
    for (size_t i = 0; i < a->count; i++) {
        struct link_class c;
        if (!seen_before(a, i, false) && agreement_class(a, a->rows[i].class, &c))
            printf("  %-17s fraction %.3f (%.3f .. %.3f) of the nominal rate, %d figures in %d logs\n", a->rows[i].class, c.fraction, c.low, c.high,
                   c.points, c.logs);
    }
    struct link_class pair;
    if (agreement_class(a, "pair", &pair))
        printf("  %-17s %.3f (%.3f .. %.3f) of that between two GPUs alone, %d figures\n", "pair", pair.fraction, pair.low, pair.high, pair.points);
}

int agreement_print(const struct catalogue *c, const struct links *links, const char *format)
{
    struct agreement a;
    RB_TRY(agreement_make(&a, c, links));
    struct sheet *s = sheet_of(&a);
    sheet_print(s, format, "agreement", NULL);
    if (strcmp(format, "table") == 0)
        print_medians(&a);
    sheet_free(s);
    agreement_free(&a);
    return RB_OK;
}
