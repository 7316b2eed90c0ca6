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
