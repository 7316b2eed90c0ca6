#include "report/limits_network.h"

#include "core/error.h"
#include "core/text.h"
#include "report/limits_measured.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double MICRO_MESSAGE = 16, GIGA = 1e9;

/* Seconds of an all-reduce and of a hand-over: of a link's model, or as measured. */
struct carrier {
    const struct link_model *link; /* NULL: fit */
    const struct fit *fit;
};

static double all_reduce_s(const struct carrier *c, double t, double bytes)
{
    return c->link != NULL ? comm_total(link_all_reduce(c->link, t, bytes)) : measured_all_reduce(c->fit, t, bytes).value;
}

static double fitted_Bps(const struct fit *f, double bytes)
{
    const struct fit_value v = fit_bandwidth(f, bytes);
    return isfinite(v.us) ? v.us * GIGA : bytes / measured_all_reduce(f, 2, bytes).value;
}

static double hand_over_s(const struct carrier *c, double bytes)
{
    if (c->link != NULL)
        return comm_total(link_transfer(c->link, 2, 1, bytes));
    return measured_all_reduce(c->fit, 2, MICRO_MESSAGE).value / 2 + bytes / fitted_Bps(c->fit, bytes);
}

/* Arithmetic and transfers of one way to split over n. */
typedef double share_function(const struct carrier *c, const struct limit_settings *s, double whole_s, double n);

static double activations(const struct limit_settings *s)
{
    return s->layer.batch * s->layer.seq * s->layer.hidden * s->bytes;
}

static double efficiency(const struct limit_settings *s, double arithmetic_s, double transfer_s)
{
    return arithmetic_s / (arithmetic_s + (1 - s->overlap) * transfer_s);
}

static double tensor(const struct carrier *c, const struct limit_settings *s, double whole_s, double n)
{
    return efficiency(s, whole_s / n, 4 * all_reduce_s(c, n, activations(s)));
}

static double pipeline(const struct carrier *c, const struct limit_settings *s, double whole_s, double n)
{
    return n > s->decoder.layers ? 0 : efficiency(s, whole_s * s->decoder.layers / n, 2 * hand_over_s(c, activations(s)));
}

static double data(const struct carrier *c, const struct limit_settings *s, double whole_s, double n)
{
    return efficiency(s, whole_s, all_reduce_s(c, n, layer_params(&s->layer) * s->bytes));
}

static double largest(share_function *share, const struct carrier *c, const struct limit_settings *s, double whole_s)
{
    double n = 1;
    while (n < LAYER_MOST && share(c, s, whole_s, n + 1) >= s->efficiency)
        n++;
    return n;
}

static void add(struct limits *all, const struct limit *l, const struct limit_settings *s, const struct carrier *c)
{
    const double whole_s = layer_training_flop(&s->layer) / l->flops.value;
    struct limit_network w = { .tensor = largest(tensor, c, s, whole_s), .pipeline = largest(pipeline, c, s, whole_s),
                               .data = largest(data, c, s, whole_s), .measured = c->link == NULL };
    snprintf(w.gpu_name, sizeof w.gpu_name, "%s", l->gpu_name);
    if (c->link != NULL) {
        snprintf(w.over, sizeof w.over, "%s", l->link_name);
        w.Bps = isnan(l->Bps_effective) ? l->Bps_nominal : l->Bps_effective;
    } else {
        snprintf(w.over, sizeof w.over, "network, %d hosts", c->fit->curve.nodes);
        w.Bps = fitted_Bps(c->fit, activations(s));
    }
    all->network = rb_realloc(all->network, (all->nnetwork + 1) * sizeof *all->network);
    all->network[all->nnetwork++] = w;
}

static bool is_between_hosts(const struct fit *f)
{
    const struct record_case *k = &f->curve;
    return f->refused[0] == '\0' && strcmp(k->collective, "all_reduce") == 0 && k->nodes > 1 && k->gpu[0] == '\0' && k->baseline[0] == '\0' &&
           strcmp(k->transport, "null") != 0;
}

/* The one that is fastest at the size that a layer sends. */
static const struct fit *find_network(const struct fits *fits, const struct limit_settings *s)
{
    const struct fit *best = NULL;
    for (size_t i = 0; i < fits->count; i++) {
        const struct fit *f = &fits->list[i];
        if (is_between_hosts(f) && (best == NULL || measured_all_reduce(f, 2, activations(s)).value < measured_all_reduce(best, 2, activations(s)).value))
            best = f;
    }
    return best;
}

void limits_network(struct limits *all, const struct limit_settings *s, const struct records *r)
{
    struct fits fits;
    if (s->inference)
        return;
    measured_fits(&fits, r);
    const struct fit *network = find_network(&fits, s);
    for (size_t i = 0; network != NULL && i < all->count; i++) {
        const struct limit *l = &all->list[i];
        if (l->gpu == NULL || l->link == LIMIT_NIC || !isfinite(l->layer.value))
            continue;
        add(all, l, s, &(struct carrier){ .link = &l->model });
        if (i + 1 == all->count || strcmp(all->list[i + 1].gpu_name, l->gpu_name) != 0 || all->list[i + 1].link == LIMIT_NIC)
            add(all, l, s, &(struct carrier){ .fit = network });
    }
    fits_free(&fits);
}

static const struct sheet_column columns[] = {
    { "gpu", "GPU", NULL, SHEET_TEXT },
    { "over", "over", NULL, SHEET_TEXT },
    { "measured", NULL, NULL, SHEET_TEXT },
    { "bandwidth_GBps", "W", "GB/s", SHEET_NUMBER },
    { "limit_tensor", "tensor", NULL, SHEET_NUMBER },
    { "limit_pipeline", "pipeline", NULL, SHEET_NUMBER },
    { "limit_data", "data", NULL, SHEET_NUMBER },
};

struct sheet *limits_network_sheet(const struct limits *l)
{
    struct sheet *sheet = sheet_new(columns, RB_LEN(columns));
    for (size_t i = 0; i < l->nnetwork; i++) {
        const struct limit_network *w = &l->network[i];
        sheet_row(sheet);
        sheet_text(sheet, "gpu", "%s", w->gpu_name);
        sheet_text(sheet, "over", "%s", w->over);
        sheet_text(sheet, "measured", "%s", w->measured ? "yes" : "no");
        sheet_number(sheet, "bandwidth_GBps", w->Bps / GIGA);
        sheet_number(sheet, "limit_tensor", w->tensor);
        sheet_number(sheet, "limit_pipeline", w->pipeline);
        sheet_number(sheet, "limit_data", w->data);
    }
    return sheet;
}
