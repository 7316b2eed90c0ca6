#include "scale/links.h"

#include "core/csv.h"
#include "core/data_path.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double MICRO = 1e-6;

static const struct column {
    const char *name;
    size_t offset;
    double scale;
    bool whole;
} columns[] = {
    { "fraction", offsetof(struct link_class, fraction), 1, false },
    { "low", offsetof(struct link_class, low), 1, false },
    { "high", offsetof(struct link_class, high), 1, false },
    { "points", offsetof(struct link_class, points), 1, true },
    { "logs", offsetof(struct link_class, logs), 1, true },
    { "bulk_base_us", offsetof(struct link_class, latency.bulk_base_s), MICRO, false },
    { "bulk_hop_us", offsetof(struct link_class, latency.bulk_hop_s), MICRO, false },
    { "fast_base_us", offsetof(struct link_class, latency.fast_base_s), MICRO, false },
    { "fast_hop_us", offsetof(struct link_class, latency.fast_hop_s), MICRO, false },
    { "fast_share", offsetof(struct link_class, latency.fast_share), 1, false },
};

static int read_cell(const struct csv *csv, const struct csv_row *row, const struct column *c, struct link_class *l)
{
    size_t at;
    double v;
    RB_TRY(csv_need_column(csv, c->name, &at));
    if (!units_parse_number(row->cells[at], &v) || v < 0)
        return csv_fail(csv, row, at, "'%s' is not a number of at least 0", row->cells[at]);
    char *field = (char *)l + c->offset;
    if (c->whole)
        *(int *)(void *)field = (int)v;
    else
        *(double *)(void *)field = v * c->scale;
    return RB_OK;
}

static int read_row(const struct csv *csv, const struct csv_row *row, struct link_class *l)
{
    size_t at;
    RB_TRY(csv_need_column(csv, "class", &at));
    snprintf(l->name, sizeof l->name, "%s", row->cells[at]);
    for (size_t i = 0; i < RB_LEN(columns); i++)
        RB_TRY(read_cell(csv, row, &columns[i], l));
    if (l->fraction <= 0)
        return csv_fail(csv, row, at, "the fraction of class '%s' must be above 0", l->name);
    return RB_OK;
}

static int read_all(struct links *l, const struct csv *csv)
{
    l->list = rb_calloc(csv->nrows + 1, sizeof *l->list);
    for (size_t i = 0; i < csv->nrows; i++) {
        RB_TRY(read_row(csv, &csv->rows[i], &l->list[i]));
        l->count++;
    }
    return RB_OK;
}

int links_load(struct links *l)
{
    struct links all = {0};
    struct csv csv;
    char *path;
    RB_TRY(data_path("links.csv", &path));
    int rc = csv_read(&csv, path);
    free(path);
    if (rc != RB_OK)
        return rc;
    rc = read_all(&all, &csv);
    csv_free(&csv);
    if (rc == RB_OK)
        *l = all;
    else
        links_free(&all);
    return rc;
}

void links_free(struct links *l)
{
    free(l->list);
    *l = (struct links){0};
}

const struct link_class *links_find(const struct links *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->list[i].name, name) == 0)
            return &l->list[i];
    return NULL;
}
