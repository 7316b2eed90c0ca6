#include "bench/workloads.h"

#include "bench/run.h"
#include "core/error.h"
#include "core/text.h"
#include "report/fit.h"
#include "workload/suite.h"

#include <stdlib.h>
#include <string.h>

static int keep(void *context, const json_t *object)
{
    return store_add_workload(context, object);
}

static void add_rivals(struct workload_suite *suite, const struct baselines *b)
{
    for (size_t i = 0; i < b->count && i < SUITE_RIVALS; i++)
        suite->rivals[suite->nrivals++] = (struct suite_rival){ .name = b->list[i].name, .open = b->list[i].open, .absent = b->list[i].absent };
}

static int run_with(struct session *s, struct store *store, const struct fits *fits)
{
    const bool table = strcmp(s->settings->format, "table") == 0 && !s->settings->osu;
    struct workload_suite suite = { .settings = s->settings->workload, .job = s->job, .all = s->channels[0].comm, .fits = fits, .out = table ? stdout : NULL,
                           .record = keep, .context = store };
    const struct emulation *e = &s->emulation;
    suite.links = (struct suite_links){ .GBps = e->GBps, .latency_sec = e->latency_sec, .model_GBps = e->model_GBps, .model_flops = e->model_tflops * 1e12,
                                        .scale = e->scale };
    snprintf(suite.links.gpu, sizeof suite.links.gpu, "%s", e->gpu);
    suite.config = (struct comm_config){ .transport = comm_transport(suite.all), .yield = s->crowded, .heartbeat = s->heartbeat,
                                         .qps = (int)s->settings->qps, .device = s->settings->device,
                                         .pace_GBps = s->emulation.GBps, .pace_latency_sec = s->emulation.latency_sec };
    add_rivals(&suite, &s->baselines);
    return suite_run(&suite);
}

int workloads_run(struct session *s, struct store *store)
{
    struct records r = {0};
    struct fits fits = {0};
    size_t count = 0;
    int rc = RB_OK;
    if (s->job->rank == 0)
        store_cases(store, &count);
    if (count > 0)
        rc = store_read(store, &r);
    if (rc == RB_OK && count > 0)
        fits_make(&fits, &r);
    rc = job_agree(s->job, rc);
    if (rc == RB_OK)
        rc = run_with(s, store, count > 0 ? &fits : NULL);
    fits_free(&fits);
    records_free(&r);
    return rc;
}

/* --- the command --- */

static int list(void)
{
    printf("%-16s %s\n%-16s   moves, of all ranks: P bytes of weights, A bytes of activations of a micro-batch\n", "name", "what it is", "");
    for (size_t i = 0; i < workload_count; i++)
        printf("%-16s %s\n%-16s   %s\n", workloads[i]->name, workloads[i]->summary, "", workloads[i]->moves);
    return 0;
}

static int help(void)
{
    printf("usage: mpirun -n N ringbench workload NAME[,NAME...] [options of ringbench run]\n"
           "       ringbench workload --list\n\n"
           "Plays training steps and decoding between the ranks, with a model made small enough; predicts each from the prices of\n"
           "its parts, and shows both. NAME may be all. The options are those under \"Workloads\" and \"Results\" in ringbench --help.\n");
    return 0;
}

int workload_command(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "--help";
    if (strcmp(first, "--list") == 0)
        return list();
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return help();
    if (first[0] == '-')
        return rb_fail(RB_EUSAGE, "workload: first the names, then options; ringbench workload --list shows the names");
    char **all = rb_calloc((size_t)argc + 3, sizeof *all);
    char option[] = "--workload", only[] = "--workload-only";
    int n = 0;
    all[n++] = argv[0];
    all[n++] = option;
    all[n++] = argv[1];
    all[n++] = only;
    for (int i = 2; i < argc; i++)
        all[n++] = argv[i];
    const int rc = run_command(n, all);
    free(all);
    return rc;
}
