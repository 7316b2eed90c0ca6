#include "report/report_limits.h"

#include "core/error.h"
#include "core/text.h"
#include "report/limits_sources.h"

#include <stdlib.h>
#include <string.h>

/* Cases of both, borrowed; the run is ours. */
static struct records join(const struct records *own, const struct records *published)
{
    struct records all = { .run = own->run, .ncases = own->ncases + published->ncases };
    all.cases = rb_malloc(all.ncases * sizeof *all.cases);
    for (size_t i = 0; i < own->ncases; i++)
        all.cases[i] = own->cases[i];
    for (size_t i = 0; i < published->ncases; i++)
        all.cases[own->ncases + i] = published->cases[i];
    return all;
}

static int make_limits(struct report_limits *l, const struct records *own)
{
    struct limit_sources published;
    RB_TRY(limit_sources_open(&published, ""));
    struct records all = join(own, published.records);
    const int rc = limits_make(&l->limits, &l->settings, &l->catalogue, &all);
    free(all.cases);
    limit_sources_close(&published);
    return rc;
}

int report_limits_make(struct report_limits *l, const struct records *own, const char *catalogue)
{
    *l = (struct report_limits){0};
    RB_TRY(limits_defaults(&l->settings));
    l->settings.catalogue = catalogue;
    l->settings.link = "scaleup,pcie";
    RB_TRY(limits_prepare(&l->settings));
    RB_TRY(catalogue_load(&l->catalogue, catalogue));
    const int rc = make_limits(l, own);
    if (rc != RB_OK)
        catalogue_free(&l->catalogue);
    return rc;
}

void report_limits_free(struct report_limits *l)
{
    limits_free(&l->limits);
    catalogue_free(&l->catalogue);
}
