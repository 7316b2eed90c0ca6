#include "bench/yardstick/gpu/gauge.h"

#include "core/error.h"
#include "report/records.h"

#include <stdbool.h>

void gauge_title(const char *title)
{
    printf("\n%-58s %12s %12s %7s  %s\n", title, "value", "ceiling", "share", "goal");
}

static int record(const struct gauges *all, const struct gauge *g, const char *verdict)
{
    json_t *line = json_pack("{s:s, s:f, s:s, s:s}", "name", g->name, "value", g->value, "unit", g->unit, "verdict", verdict);
    if (g->ceiling > 0) {
        json_object_set_new(line, "ceiling", json_real(g->ceiling));
        json_object_set_new(line, "ceiling_from", json_string("measured"));
        json_object_set_new(line, "ceiling_name", json_string(g->ceiling_name));
    }
    if (g->goal > 0)
        json_object_set_new(line, "goal", json_real(g->goal));
    const int rc = all->records != NULL ? records_write_json(all->records, "gauge", line) : RB_OK;
    json_decref(line);
    return rc;
}

int gauge_put(struct gauges *all, const struct gauge *g)
{
    const double reached = g->ceiling > 0 ? g->value / g->ceiling : g->value;
    const bool met = reached >= g->goal;
    const char *verdict = g->goal <= 0 ? "" : met ? "met" : "not met";
    char ceiling[64] = "", share[16] = "", goal[48] = "";
    if (g->ceiling > 0) {
        snprintf(ceiling, sizeof ceiling, "%.4g", g->ceiling);
        snprintf(share, sizeof share, "%.3f", reached);
    }
    if (g->goal > 0)
        snprintf(goal, sizeof goal, ">= %.3g  %s", g->goal, verdict);
    printf("%-58s %8.4g %s %10s %7s  %s%s%s\n", g->name, g->value, g->unit, ceiling, share, goal, g->ceiling > 0 ? "  of " : "",
           g->ceiling > 0 ? g->ceiling_name : "");
    fflush(stdout);
    all->missed += g->goal > 0 && !met;
    return record(all, g, verdict);
}
