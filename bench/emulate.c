#include "bench/emulate.h"

#include "core/error.h"
#include "core/units.h"
#include "report/catalogue.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "25GB/s" or "25GB/s,2us". *is_rate_p: it begins with a number. */
static int parse_rate(struct emulation *e, const char *text, bool *is_rate_p)
{
    char *end;
    const double GBps = strtod(text, &end);
    *is_rate_p = end != text;
    if (end == text)
        return RB_OK;
    if (strncmp(end, "GB/s", 4) != 0 || !(GBps > 0) || !isfinite(GBps))
        return rb_fail(RB_EUSAGE, "--emulate '%s': a rate looks like 25GB/s, with a latency 25GB/s,2us", text);
    e->GBps = GBps;
    end += 4;
    if (*end == '\0')
        return RB_OK;
    if (*end != ',' || !units_parse_seconds(end + 1, &e->latency_sec))
        return rb_fail(RB_EUSAGE, "--emulate '%s': a latency behind the rate looks like ,2us", text);
    return RB_OK;
}

static int parse_scale(const char *text, double *scale_p)
{
    char *end;
    *scale_p = strtod(text, &end);
    return end != text && *end == '\0' && *scale_p > 0 && isfinite(*scale_p)
               ? RB_OK : rb_fail(RB_EUSAGE, "--emulate: the scale '%s' is not a number above 0", text);
}

/* MODEL or MODEL:SCALE; scale 0 afterwards: to be found. */
static int parse_model(struct emulation *e, const char *text, double *tflops_p)
{
    struct catalogue c;
    const struct gpu *gpu;
    char name[64];
    const char *colon = strchr(text, ':');
    snprintf(name, sizeof name, "%.*s", colon != NULL ? (int)(colon - text) : 63, text);
    if (colon != NULL)
        RB_TRY(parse_scale(colon + 1, &e->scale));
    RB_TRY(catalogue_load(&c, NULL));
    int rc = catalogue_find_gpu(&c, NULL, name, &gpu);
    if (rc == RB_OK) {
        e->model_GBps = gpu_effective_GBps(gpu);
        *tflops_p = gpu_dense16(gpu).value;
        snprintf(e->gpu, sizeof e->gpu, "%.47s", gpu->model);
        if (!(e->model_GBps > 0))
            rc = rb_fail(RB_EUSAGE, "--emulate %s: the catalogue has no rate of links between its GPUs; give a rate such as 25GB/s", gpu->model);
    }
    catalogue_free(&c);
    return rc;
}

static int parse(struct emulation *e, const char *text, double *tflops_p)
{
    bool is_rate;
    RB_TRY(parse_rate(e, text, &is_rate));
    return is_rate ? RB_OK : parse_model(e, text, tflops_p);
}

int emulate_parse(struct emulation *e, const char *text, struct job *job, int (*own_tflops)(void *context, double *tflops_p), void *context)
{
    double tflops = 0, own = 0;
    memset(e, 0, sizeof *e);
    if (text == NULL)
        return RB_OK;
    rb_mute(job->rank != 0);
    const int rc = parse(e, text, &tflops);
    rb_mute(false);
    RB_TRY(rc);
    e->model_tflops = tflops;
    const bool find = e->gpu[0] != '\0' && e->scale == 0;
    if (find) {
        RB_TRY(own_tflops(context, &own));
        e->scale = own / tflops;
    }
    if (e->gpu[0] != '\0')
        e->GBps = e->model_GBps * e->scale;
    if (!(e->GBps > 0) || !isfinite(e->GBps))
        return rb_fail(RB_EUSAGE, "--emulate %s: no scale can be found for it (%.3g TFLOP/s here, %.3g there); give one, as in %s:0.001", text, own, tflops, text);
    if (find)
        snprintf(e->text, sizeof e->text, "%s, %.4g GB/s a GPU and direction (effective), x %.3g: %.3g of its %.4g dense TFLOP/s are what a rank has here; so %.4g GB/s",
                 e->gpu, e->model_GBps, e->scale, own, tflops, e->GBps);
    else if (e->gpu[0] != '\0')
        snprintf(e->text, sizeof e->text, "%s, %.4g GB/s a GPU and direction (effective), x %.3g as asked: %.4g GB/s", e->gpu, e->model_GBps, e->scale, e->GBps);
    else
        snprintf(e->text, sizeof e->text, "%.4g GB/s a rank and direction, latency %.3g us", e->GBps, e->latency_sec * 1e6);
    return RB_OK;
}
