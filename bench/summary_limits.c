#include "bench/summary.h"

#include "core/error.h"
#include "report/catalogue.h"
#include "report/fit.h"
#include "report/limits.h"

#include <math.h>
#include <string.h>

static const char *degree(char text[16], double limit)
{
    if (!isfinite(limit))
        snprintf(text, 16, "n/a");
    else
        snprintf(text, 16, limit >= 100 ? "%.0f" : "%.1f", limit);
    return text;
}

static void print_limit(FILE *out, const struct limit *l)
{
    char document[16], layer[16], measured[16], use[16] = "n/a";
    if (isfinite(l->usable))
        snprintf(use, sizeof use, "%.0f", l->usable);
    fprintf(out, "#   %-24.24s %-14.14s %7s %7s %8s  %4s  %s\n", l->gpu_name, l->link_name, degree(document, l->document.value),
            degree(layer, l->layer.value), degree(measured, l->measured.value), use, l->binds);
}

/* The measured network's entry follows those of the GPU's own links. */
static const struct limit_network *network_of(const struct limits *l, size_t i)
{
    while (i < l->nnetwork && !l->network[i].measured)
        i++;
    return i < l->nnetwork ? &l->network[i] : NULL;
}

static void print_networks(FILE *out, const struct limits *l)
{
    const struct limit_network *measured = network_of(l, 0);
    if (measured == NULL)
        return;
    fprintf(out, "# One GPU on each host: how many may share a training by tensor, pipeline and data parallel over the links inside a node, and over\n"
                 "# the measured %s (%.3g GB/s); %d and more are not told apart\n#   %-24s %-14s %22s   %22s\n#   %-39s %7s %8s %5s   %7s %8s %5s\n",
            measured->over, measured->Bps / 1e9, LAYER_MOST, "", "", "over the link", "over the network", "GPU", "tensor", "pipeline", "data", "tensor", "pipeline", "data");
    for (size_t i = 0; i < l->nnetwork; i++) {
        const struct limit_network *link = &l->network[i], *w = network_of(l, i);
        if (!link->measured && w != NULL)
            fprintf(out, "#   %-24.24s %-14.14s %7.0f %8.0f %5.0f   %7.0f %8.0f %5.0f\n", link->gpu_name, link->over, link->tensor, link->pipeline, link->data,
                    w->tensor, w->pipeline, w->data);
    }
}

static int print_all(FILE *out, const struct records *r)
{
    struct limit_settings settings;
    struct catalogue catalogue;
    struct limits limits;
    RB_TRY(limits_defaults(&settings));
    settings.link = "scaleup";
    RB_TRY(limits_prepare(&settings));
    RB_TRY(catalogue_load(&catalogue, NULL));
    int rc = limits_make(&limits, &settings, &catalogue, r);
    if (rc == RB_OK) {
        fprintf(out, "# Tensor-parallel limit on the scale-up link, %s: by the documents' rule, by a whole layer, as measured; GPUs one would use\n"
                     "#   %-24s %-14s %7s %7s %8s  %4s  %s\n",
                settings.model_name, "GPU", "link", "rule", "layer", "measured", "use", "bound by");
        for (size_t i = 0; i < limits.count; i++)
            print_limit(out, &limits.list[i]);
        print_networks(out, &limits);
        limits_free(&limits);
    }
    catalogue_free(&catalogue);
    return rc;
}

void summary_limits(FILE *out, const struct records *r)
{
    if (print_all(out, r) != RB_OK)
        rb_warn("the limits could not be made (above); the measurement is complete");
}
