/* Which input moves the ranking: each is changed for one server alone, everything else held. */
#include "report/purchase.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

struct input {
    const char *name;
    size_t offset; /* in struct server */
};

#define AT(field) offsetof(struct server, field)
static const struct input inputs[] = {
    { "price", AT(cost.price_usd) },
    { "years of use", AT(cost.years) },
    { "power", AT(cost.power_kW) },
    { "price of a kWh", AT(cost.usd_per_kWh) },
    { "rack", AT(cost.rack_usd_month) },
    { "16-bit rate", AT(flops) },
    { "memory bandwidth", AT(memory_Bps) },
    { "link bandwidth", AT(link_Bps) },
    { "hand-over bandwidth", AT(handover_Bps) },
};

static double worth(const struct server *s, const struct purchase_settings *set, size_t offset, double factor)
{
    struct server changed = *s;
    *(double *)((char *)&changed + offset) *= factor;
    return purchase_configured(&changed, set).tokens_per_usd;
}

static size_t rank_of(const struct purchase *p, const struct purchase_settings *set, size_t index, double value)
{
    size_t rank = 1;
    for (size_t i = 0; i < p->count; i++)
        rank += i != index && purchase_configured(&p->servers[i], set).tokens_per_usd > value;
    return rank;
}

/* The factor nearest to 1, in steps of 2 %, that changes the rank; NAN when none between 1/4 and 4 does. */
static double turning_factor(const struct purchase *p, const struct purchase_settings *set, size_t index, size_t offset)
{
    const struct server *s = &p->servers[index];
    const size_t rank = rank_of(p, set, index, worth(s, set, offset, 1));
    for (double f = 1.02; f <= 4; f *= 1.02) {
        if (rank_of(p, set, index, worth(s, set, offset, f)) != rank)
            return f;
        if (rank_of(p, set, index, worth(s, set, offset, 1 / f)) != rank)
            return 1 / f;
    }
    return NAN;
}

static const struct sheet_column columns[] = {
    { "server", "server", NULL, SHEET_TEXT },
    { "input", "input", NULL, SHEET_TEXT },
    { "tokens_per_usd_M", "as is", "M tok/USD", SHEET_NUMBER },
    { "less_20_percent", "-20 %", "%", SHEET_NUMBER },
    { "more_20_percent", "+20 %", "%", SHEET_NUMBER },
    { "rank", "rank", NULL, SHEET_NUMBER },
    { "turning_factor", "rank turns at", "x", SHEET_NUMBER },
};

struct sheet *purchase_sensitivity_sheet(const struct purchase *p, const struct purchase_settings *s)
{
    struct sheet *sheet = sheet_new(columns, RB_LEN(columns));
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < RB_LEN(inputs); k++) {
            const struct server *v = &p->servers[i];
            const double now = worth(v, s, inputs[k].offset, 1);
            const double less = worth(v, s, inputs[k].offset, 0.8) / now - 1, more = worth(v, s, inputs[k].offset, 1.2) / now - 1;
            if (fabs(less) < 1e-9 && fabs(more) < 1e-9)
                continue;
            sheet_row(sheet);
            sheet_text(sheet, "server", "%s", v->name);
            sheet_text(sheet, "input", "%s", inputs[k].name);
            sheet_number(sheet, "tokens_per_usd_M", now / 1e6);
            sheet_number(sheet, "less_20_percent", round(1000 * less) / 10);
            sheet_number(sheet, "more_20_percent", round(1000 * more) / 10);
            sheet_number(sheet, "rank", (double)rank_of(p, s, i, now));
            sheet_number(sheet, "turning_factor", turning_factor(p, s, i, inputs[k].offset));
        }
    return sheet;
}
