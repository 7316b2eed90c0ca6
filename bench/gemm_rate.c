#include "bench/gemm_rate.h"

#include "collectives/device/gpu_queue.h"
#include "core/error.h"
#include "workload/gpu_rates.h"
#include "workload/gpu_suite.h"

#include <string.h>

static const double TERA = 1e12;

static bool speaks(const struct session *s)
{
    return s->job->rank == 0 && strcmp(s->settings->format, "table") == 0 && !s->settings->osu;
}

static int not_measured(struct session *s, struct store *store, const char *why)
{
    if (s->job->rank != 0)
        return RB_OK;
    char text[400];
    snprintf(text, sizeof text, "GEMM rate: not measured: %s; the measured TP limit wants --tflops", why);
    json_t *note = json_pack("{s:s, s:s}", "about", "not_measured", "text", text);
    if (speaks(s))
        printf("# %s\n#\n", text);
    const int rc = store_add_note(store, note);
    json_decref(note);
    return rc;
}

static void print_rate(const struct gpu_rate *r, const struct gpu_products *p)
{
    if (r->missing) {
        printf("#   %-5s n/a: cuBLAS %s has no such products on this GPU\n", cublas_type_names[r->type], p->version);
        return;
    }
    printf("#   %-5s %8.4g TFLOP/s a rank;", cublas_type_names[r->type], r->all / TERA);
    for (int i = 0; i < GPU_RATE_SHAPES; i++)
        printf(" %dx%dx%d %.4g", r->shapes[i].m, r->shapes[i].n, r->shapes[i].k, r->flops[i] / TERA);
    printf("\n");
}

/* products: opened for the first type. */
static int measure(struct session *s, struct store *store, struct gpu_products *p)
{
    const struct preset *preset;
    RB_TRY(preset_find(s->settings->workload.model, &preset));
    if (speaks(s))
        printf("# GEMM rate at the shapes of a layer of %s, cuBLAS %s, %s\n", preset->name, p->version, p->how);
    for (int type = 0; type < CUBLAS_TYPES; type++) {
        const struct workload_model m = gpu_model(preset, s->settings->workload.scale, s->job->nranks, (enum cublas_type)type);
        struct gpu_rate rate;
        int rc = RB_OK;
        p->type = (enum cublas_type)type;
        RB_TRY(gpu_rate_measure(&rate, p, &m));
        heartbeat_beat(s->heartbeat);
        if (s->job->rank == 0 && !rate.missing) {
            json_t *object = gpu_rate_json(&rate, p, &m);
            rc = store_add_gemm(store, object);
            json_decref(object);
        }
        RB_TRY(job_agree(s->job, rc));
        if (speaks(s))
            print_rate(&rate, p);
    }
    if (speaks(s))
        printf("#\n");
    fflush(stdout);
    return RB_OK;
}

int gemm_rate_run(struct session *s, struct store *store)
{
    char why[240] = "another rank's GPU has no cuBLAS";
    const struct gpu_products_setup setup = { .library = s->settings->workload.cublas, .type = CUBLAS_BF16, .why = why, .room = sizeof why };
    struct gpu_products *p = NULL;
    int rc = gpu_products_open(&p, comm_gang(s->channels[0].comm), &setup);
    if (rc == RB_ENOTIMPL)
        return job_agree(s->job, not_measured(s, store, why));
    RB_TRY(rc);
    rc = measure(s, store, p);
    if (rc == RB_OK)
        gpu_products_close(p);
    return rc;
}

static int rate_of_gang(const struct session *s, struct gang *gang, double *tflops_p)
{
    struct gpu_products_setup setup = { .library = s->settings->workload.cublas };
    struct gpu_products *p;
    struct gpu_rate rate;
    const struct preset *preset;
    RB_TRY(gpu_suite_type(&s->settings->workload, &setup.type));
    RB_TRY(preset_find(s->settings->workload.model, &preset));
    const struct workload_model m = gpu_model(preset, s->settings->workload.scale, s->job->nranks, setup.type);
    RB_TRY(gpu_products_open(&p, gang, &setup));
    RB_TRY(gpu_rate_measure(&rate, p, &m));
    gpu_products_close(p);
    *tflops_p = rate.all / TERA;
    return RB_OK;
}

int gemm_rate_of_rank(const struct session *s, double *tflops_p)
{
    struct gang *gang;
    RB_TRY(gang_open(&gang, s->job, (int)s->settings->ranks_per_gpu));
    const int rc = rate_of_gang(s, gang, tflops_p);
    if (rc == RB_OK || rc == RB_ENOTIMPL)
        gang_close(gang);
    return rc;
}
