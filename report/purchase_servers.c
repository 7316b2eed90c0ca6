/* Server configurations from their file. */
#include "report/purchase.h"

#include "core/csv.h"
#include "core/data_path.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "report/limits_measured.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of a row; unit: what one of the file's is in struct server. */
struct column {
    const char *name;
    size_t offset;
    double unit;
    bool may_be_empty, may_be_zero;
};

#define AT(field) offsetof(struct server, field)
static const struct column columns[] = {
    { "gpus", AT(gpus), 1, false, false },
    { "price_usd", AT(cost.price_usd), 1, false, false },
    { "years", AT(cost.years), 1, false, false },
    { "power_kW", AT(cost.power_kW), 1, false, false },
    { "usd_per_kWh", AT(cost.usd_per_kWh), 1, false, true },
    { "rack_usd_month", AT(cost.rack_usd_month), 1, false, true },
    { "rate_tflops", AT(flops), 1e12, true, false },
    { "memory_GBps", AT(memory_Bps), 1e9, true, false },
    { "memory_GB", AT(memory_bytes), 1e9, true, false },
    { "link_GBps", AT(link_Bps), 1e9, true, false },
    { "link_latency_us", AT(link_latency_s), 1e-6, false, true },
    { "handover_GBps", AT(handover_Bps), 1e9, true, false },
    { "handover_sharers", AT(handover_sharers), 1, false, false },
    { "tensor", AT(tensor), 1, false, false },
    { "pipeline", AT(pipeline), 1, false, false },
};

static int read_number(struct server *s, const struct csv *csv, const struct csv_row *row, const struct column *c)
{
    double *field = (double *)((char *)s + c->offset), v;
    size_t column = 0;
    RB_TRY(csv_need_column(csv, c->name, &column));
    const char *cell = row->cells[column];
    if (cell[0] == '\0' && c->may_be_empty) {
        *field = NAN;
        return RB_OK;
    }
    if (!units_parse_number(cell, &v))
        return csv_fail(csv, row, column, "'%s' is no number", cell);
    if (v < 0 || (v == 0 && !c->may_be_zero))
        return csv_fail(csv, row, column, "%s: must be above 0", cell);
    *field = v * c->unit;
    return RB_OK;
}

static void or_else(double *v, double other)
{
    *v = isnan(*v) ? other : *v;
}

static int complete(struct server *s, const struct csv *csv, const struct csv_row *row)
{
    const struct gpu *g = s->gpu;
    const double link = gpu_has_link(g) && s->gpus <= g->max_gpus.value ? g->unidir_GBps.value : g->pcie_unidir_GBps.value;
    or_else(&s->flops, gpu_dense16(g).value * 1e12);
    or_else(&s->memory_Bps, g->memory_GBps.value * 1e9);
    or_else(&s->memory_bytes, g->memory_GB.value * 1e9);
    or_else(&s->link_Bps, link * 1e9);
    or_else(&s->handover_Bps, s->link_Bps);
    if (isnan(s->flops) || isnan(s->memory_Bps) || isnan(s->memory_bytes) || isnan(s->link_Bps))
        return csv_fail(csv, row, 1, "the catalogue does not know every figure of %s: give rate, memory and link here", g->model);
    if (s->tensor * s->pipeline != s->gpus)
        return csv_fail(csv, row, 2, "tensor %g x pipeline %g is not the %g GPUs", s->tensor, s->pipeline, s->gpus);
    return RB_OK;
}

static int read_server(struct server *s, const struct csv *csv, const struct csv_row *row, const struct catalogue *c)
{
    size_t name = 0, gpu = 0;
    RB_TRY(csv_need_column(csv, "server", &name));
    RB_TRY(csv_need_column(csv, "gpu", &gpu));
    if (row->cells[name][0] == '\0')
        return csv_fail(csv, row, name, "empty; every row needs a name");
    snprintf(s->name, sizeof s->name, "%s", row->cells[name]);
    RB_TRY(catalogue_find_gpu(c, NULL, row->cells[gpu], &s->gpu));
    for (size_t i = 0; i < RB_LEN(columns); i++)
        RB_TRY(read_number(s, csv, row, &columns[i]));
    const int note = csv_column(csv, "note");
    snprintf(s->note, sizeof s->note, "%s", note >= 0 ? row->cells[note] : "");
    return complete(s, csv, row);
}

static int read_all(struct purchase *p, const struct csv *csv, const struct catalogue *c)
{
    if (csv->nrows == 0)
        return rb_fail(RB_EUSAGE, "%s: no server in it", csv->path);
    p->servers = rb_calloc(csv->nrows, sizeof *p->servers);
    for (size_t i = 0; i < csv->nrows; i++, p->count++) {
        RB_TRY(read_server(&p->servers[i], csv, &csv->rows[i], c));
        for (size_t j = 0; j < i; j++)
            if (strcmp(p->servers[i].name, p->servers[j].name) == 0)
                return csv_fail(csv, &csv->rows[i], 0, "'%s' is there twice (line %zu)", p->servers[i].name, csv->rows[j].line);
    }
    return RB_OK;
}

int purchase_load(struct purchase *p, const char *path, const struct catalogue *c)
{
    char *shipped = NULL;
    struct csv csv;
    struct purchase all = {0};
    if (path == NULL) {
        RB_TRY(data_path("servers.csv", &shipped));
        path = shipped;
    }
    int rc = csv_read(&csv, path);
    free(shipped);
    RB_TRY(rc);
    rc = read_all(&all, &csv, c);
    csv_free(&csv);
    if (rc != RB_OK)
        purchase_free(&all);
    else
        *p = all;
    return rc;
}

void purchase_free(struct purchase *p)
{
    free(p->servers);
    *p = (struct purchase){0};
}

/* The fitted all-reduce of a GPU within one machine, with most ranks. */
static const struct fit *fit_of(const struct fits *fits, const struct gpu *gpu, const struct catalogue *c)
{
    const struct fit *best = NULL;
    for (size_t i = 0; i < fits->count; i++) {
        const struct fit *f = &fits->list[i];
        if (f->refused[0] == '\0' && strcmp(f->curve.collective, "all_reduce") == 0 && f->curve.nodes <= 1 && f->curve.ranks > 1 &&
            f->curve.gpu[0] != '\0' && catalogue_match_gpu(c, f->curve.gpu) == gpu && (best == NULL || f->curve.ranks > best->curve.ranks))
            best = f;
    }
    return best;
}

/* A transfer of the documents' model is one all-reduce: T(size) becomes latency + size / W. */
static void set_measured(struct server *s, const struct fit *f, double bytes)
{
    const double whole = measured_all_reduce(f, s->tensor > 1 ? s->tensor : s->gpus, bytes).value;
    const double small = measured_all_reduce(f, s->tensor > 1 ? s->tensor : s->gpus, bytes / 64).value;
    s->link_latency_s = fmax(0, (64 * small - whole) / 63);
    s->link_Bps = bytes / fmax(whole - s->link_latency_s, 1e-12);
    s->measured = true;
}

int purchase_measure(struct purchase *p, const struct purchase_settings *s, const struct catalogue *c, const struct records *r)
{
    struct fits fits;
    size_t used = 0;
    measured_fits(&fits, r);
    for (size_t i = 0; i < p->count; i++) {
        struct server *server = &p->servers[i];
        const struct fit *f = fit_of(&fits, server->gpu, c);
        const double batch = s->batch > 0 ? s->batch : floor(decode_balance_batch(server->flops, server->memory_Bps));
        if (f != NULL)
            set_measured(server, f, batch * s->shape.layer.hidden * s->shape.bytes);
        used += f != NULL;
    }
    fits_free(&fits);
    if (used == 0)
        rb_warn("no fitted all-reduce in --results is of a GPU of these servers; nothing replaced");
    return RB_OK;
}
