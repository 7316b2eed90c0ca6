#include "scale/cluster.h"

#include "core/csv.h"
#include "core/data_path.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "scale/cluster_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cluster_gpus(const struct cluster *c)
{
    return c->per_node * c->nodes;
}

void cluster_free(struct cluster *c)
{
    free(c->cables);
    *c = (struct cluster){0};
}

static int read_presets(struct csv *csv)
{
    char *path;
    RB_TRY(data_path("clusters.csv", &path));
    const int rc = csv_read(csv, path);
    free(path);
    return rc;
}

/* Every cell but name and source is a setting. */
static int set_row(struct cluster *c, const struct csv *csv, const struct csv_row *row, const struct catalogue *catalogue)
{
    char *where = rb_format("%s:%zu", csv->path, row->line);
    int rc = RB_OK;
    for (size_t i = 0; i < csv->ncolumns && rc == RB_OK; i++)
        if (strcmp(csv->names[i], "name") != 0 && strcmp(csv->names[i], "source") != 0 && row->cells[i][0] != '\0')
            rc = cluster_set(c, where, csv->names[i], row->cells[i], catalogue);
    free(where);
    return rc;
}

static const struct csv_row *row_named(const struct csv *csv, const char *name)
{
    const int at = csv_column(csv, "name");
    for (size_t i = 0; at >= 0 && i < csv->nrows; i++)
        if (strcasecmp(csv->rows[i].cells[at], name) == 0)
            return &csv->rows[i];
    return NULL;
}

/* The first row whose GPU is this one. */
static const struct csv_row *row_of_gpu(const struct csv *csv, const struct catalogue *catalogue, const struct gpu *gpu)
{
    const int at = csv_column(csv, "gpu");
    for (size_t i = 0; at >= 0 && i < csv->nrows; i++)
        if (catalogue_match_gpu(catalogue, csv->rows[i].cells[at]) == gpu)
            return &csv->rows[i];
    return NULL;
}

struct count {
    const char *digits;
    unsigned long long value;
};

/* "128x8xH100", "8xH800": up to two leading counts. */
static const char *leading_counts(const char *name, struct count counts[2], int *n_p)
{
    *n_p = 0;
    while (*n_p < 2 && isdigit((unsigned char)*name)) {
        char *end;
        const unsigned long long v = strtoull(name, &end, 10);
        if ((*end != 'x' && *end != 'X') || end[1] == '\0')
            break;
        counts[(*n_p)++] = (struct count){ name, v };
        name = end + 1;
    }
    return name;
}

static int unknown(const struct csv *csv, const char *name)
{
    const int at = csv_column(csv, "name");
    const char **names = rb_calloc(csv->nrows + 1, sizeof *names);
    for (size_t i = 0; at >= 0 && i < csv->nrows; i++)
        names[i] = csv->rows[i].cells[at];
    const char *near = text_nearest(name, names, csv->nrows);
    free(names);
    return near != NULL ? rb_fail(RB_EUSAGE, "--cluster '%s': no such cluster; did you mean %s?", name, near)
                        : rb_fail(RB_EUSAGE, "--cluster '%s': neither a preset (--list) nor GPUSxMODEL, NODESxGPUSxMODEL or a file", name);
}

static int set_shape(struct cluster *c, const char *name, const struct count *counts, int n)
{
    for (int i = 0; i < n; i++)
        if (counts[i].value == 0 || counts[i].value > CLUSTER_MOST_GPUS)
            return rb_fail(RB_EUSAGE, "--cluster '%s': %.*s is not a count of 1 to %d", name, (int)strspn(counts[i].digits, "0123456789"),
                           counts[i].digits, CLUSTER_MOST_GPUS);
    c->nodes = n == 2 ? (int)counts[0].value : 1;
    c->per_node = (int)counts[n - 1].value;
    c->rails = c->rails < c->per_node ? c->rails : c->per_node;
    return RB_OK;
}

static int from_shape(struct cluster *c, const struct csv *csv, const char *name, const struct catalogue *catalogue)
{
    struct count counts[2];
    int n;
    const struct gpu *gpu;
    const char *model = leading_counts(name, counts, &n);
    if (n == 0)
        return unknown(csv, name);
    if (row_named(csv, model) != NULL)
        return rb_fail(RB_EUSAGE, "--cluster '%s': %s is a whole cluster, take it alone; GPUSxMODEL needs a GPU's name", name, model);
    RB_TRY(catalogue_find_gpu(catalogue, NULL, model, &gpu));
    const struct csv_row *row = row_of_gpu(csv, catalogue, gpu);
    if (row != NULL)
        RB_TRY(set_row(c, csv, row, catalogue));
    else
        RB_TRY(cluster_set(c, name, "gpu", gpu->model, catalogue));
    c->torus[0] = c->torus[1] = c->torus[2] = 0;
    return set_shape(c, name, counts, n);
}

static int from_preset(struct cluster *c, const char *name, const struct catalogue *catalogue)
{
    struct csv csv;
    RB_TRY(read_presets(&csv));
    const struct csv_row *row = row_named(&csv, name);
    const int rc = row != NULL ? set_row(c, &csv, row, catalogue) : from_shape(c, &csv, name, catalogue);
    csv_free(&csv);
    return rc;
}

static bool of_fabric(const char *key)
{
    static const char *const keys[] = { "nic", "rails", "fabric", "nodes_per_leaf" };
    for (size_t i = 0; i < RB_LEN(keys); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static int set_open(struct cluster *c, const struct csv *csv, const struct csv_row *row, const struct catalogue *catalogue)
{
    const bool rails_given = cluster_given(c, "rails");
    for (size_t i = 0; i < csv->ncolumns; i++)
        if (of_fabric(csv->names[i]) && !cluster_given(c, csv->names[i]) && row->cells[i][0] != '\0')
            RB_TRY(cluster_set(c, c->name, csv->names[i], row->cells[i], catalogue));
    if (c->per_node > 0 && c->rails > c->per_node && !rails_given)
        c->rails = c->per_node;
    return RB_OK;
}

/* Nodes without a card: as NODESxGPUSxMODEL, those of the first row with that GPU. */
static int set_usual_card(struct cluster *c, const struct catalogue *catalogue)
{
    struct csv csv;
    if (c->gpu == NULL || c->nodes < 2 || c->nic_nominal_Bps > 0 || c->nic_Bps > 0)
        return RB_OK;
    RB_TRY(read_presets(&csv));
    const struct csv_row *row = row_of_gpu(&csv, catalogue, c->gpu);
    const int rc = row != NULL ? set_open(c, &csv, row, catalogue) : RB_OK;
    csv_free(&csv);
    return rc;
}

int cluster_load(struct cluster *c, const char *name, const struct catalogue *catalogue, const struct links *links)
{
    struct cluster fresh = {0};
    snprintf(fresh.name, sizeof fresh.name, "%s", name);
    const bool file = strchr(name, '/') != NULL || access(name, R_OK) == 0;
    int rc = file ? cluster_read_file(&fresh, name, catalogue) : from_preset(&fresh, name, catalogue);
    if (rc == RB_OK && file)
        rc = set_usual_card(&fresh, catalogue);
    if (rc == RB_OK)
        rc = cluster_finish(&fresh, name, links);
    if (rc == RB_OK)
        *c = fresh;
    else
        cluster_free(&fresh);
    return rc;
}

int cluster_change(struct cluster *c, const char *key, const char *value, const struct catalogue *catalogue, const struct links *links)
{
    char *where = rb_format("--%s", key);
    for (char *at = where; *at != '\0'; at++)
        *at = *at == '_' ? '-' : *at;
    int rc = cluster_set(c, where, key, value, catalogue);
    if (rc == RB_OK)
        rc = cluster_finish(c, where, links);
    free(where);
    return rc;
}

int cluster_print_presets(void)
{
    static const char *const shown[] = { "name", "gpu", "per_node", "nodes", "nic", "rails", "fabric", "source" };
    static const int widths[] = { 18, 16, 9, 6, 23, 6, 9, 0 };
    struct csv csv;
    RB_TRY(read_presets(&csv));
    for (size_t r = 0; r <= csv.nrows; r++) {
        for (size_t i = 0; i < RB_LEN(shown); i++) {
            const int at = csv_column(&csv, shown[i]);
            printf("%-*s%s", widths[i], r == 0 ? shown[i] : at >= 0 ? csv.rows[r - 1].cells[at] : "", i + 1 < RB_LEN(shown) ? " " : "\n");
        }
    }
    csv_free(&csv);
    return RB_OK;
}
