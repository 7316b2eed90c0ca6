/* What the model of a GPU tells of its links. */
#include "topo/graph.h"

#include "core/error.h"
#include "topo/catalogue.h"

#include <stdio.h>

void graph_nvlink_figures(const char *model, int count, struct ceiling *nominal_p, double *effective_p)
{
    const struct gpu_links *known = catalogue_gpu(model);
    if (known != NULL && known->nvlink_GBps > 0) {
        *nominal_p = ceiling_of(known->nvlink_GBps * count, CEILING_CATALOGUE);
        *effective_p = known->nvlink_effective * count;
        return;
    }
    /* Second to fourth generation alike; only the fourth has more than 12 a GPU. */
    *nominal_p = ceiling_of(25.0 * count, CEILING_ASSUMED);
    *effective_p = (count > 12 ? 20.6 : 20.0) * count;
}

static bool is_weak(struct ceiling c)
{
    return c.origin == CEILING_CATALOGUE || c.origin == CEILING_ASSUMED || c.origin == CEILING_UNKNOWN;
}

static void refresh(const char *model, int count, struct ceiling *nominal_p, double *effective_p)
{
    struct ceiling nominal;
    graph_nvlink_figures(model, count, &nominal, effective_p);
    if (is_weak(*nominal_p))
        *nominal_p = nominal;
}

void graph_set_model(struct topology *t, const char *model)
{
    const struct gpu_links *known = catalogue_gpu(model);
    for (size_t i = 0; i < t->ndevices; i++) {
        struct topology_device *d = &t->devices[i];
        if (d->kind != TOPO_GPU)
            continue;
        snprintf(d->detail, sizeof d->detail, "%s", model);
        if (known != NULL && is_weak(d->uplink))
            d->uplink = ceiling_of(known->pcie_GBps, CEILING_CATALOGUE);
    }
    for (size_t i = 0; i < t->nnvlinks; i++)
        refresh(model, t->nvlinks[i].count, &t->nvlinks[i].nominal, &t->nvlinks[i].effective_GBps);
    for (size_t i = 0; t->stated != NULL && i < t->ndevices * t->ndevices; i++)
        if (t->stated[i].class == PATH_NV)
            refresh(model, t->stated[i].nvlinks, &t->stated[i].ceiling, &t->stated[i].effective_GBps);
}

int topology_set_gpu(struct topology *t, const char *model)
{
    if (catalogue_gpu(model) == NULL) {
        const char *near = catalogue_gpu_nearest(model);
        return rb_fail(RB_EUSAGE, "GPU '%s': no links known for it%s%s%s", model, near != NULL ? "; did you mean " : "",
                       near != NULL ? near : "; write a model such as H800, A100 or RTX 4090", near != NULL ? "?" : "");
    }
    graph_set_model(t, model);
    return RB_OK;
}
