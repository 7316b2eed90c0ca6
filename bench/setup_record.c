#include "bench/setup.h"

#include "bench/environment.h"
#include "bench/table.h"
#include "bench/version.h"
#include "collectives/card.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What a run holds beside the session's data, for its record. */
struct about_rank {
    struct table_rank shown;
    int node;
    char binding[96];
    struct interface interface;
    char rdma[64]; /* port that verbs uses; "": none */
};

static struct about_rank about_me(const struct session *s)
{
    struct about_rank me = { .shown = { .pid = (int)getpid(), .thread = s->job->thread, .core = -1, .gpu = -1 }, .node = s->job->node };
    if (gethostname(me.shown.host, sizeof me.shown.host - 1) != 0)
        snprintf(me.shown.host, sizeof me.shown.host, "unknown");
    snprintf(me.shown.device, sizeof me.shown.device, "%.90s", environment_processor());
    const struct comm_gpu gpu = comm_gpu(s->channels[0].comm);
    if (gpu.name != NULL) {
        me.shown.gpu = gpu.device;
        snprintf(me.shown.bus, sizeof me.shown.bus, "%.23s", gpu.bus);
        snprintf(me.shown.device, sizeof me.shown.device, "%.95s", gpu.name);
    }
    snprintf(me.binding, sizeof me.binding, "%s", s->binding.core >= 0 ? s->binding.text : "not bound");
    me.interface = s->interface;
    for (size_t i = 0; i < s->nchannels; i++)
        if (card_port(s->channels[i].comm) != NULL)
            snprintf(me.rdma, sizeof me.rdma, "%s", card_port(s->channels[i].comm));
    if (s->binding.core >= 0)
        me.shown.core = topology_device(s->topology, (size_t)s->binding.core)->number;
    return me;
}

static json_t *ranks_json(const struct about_rank *all, int nranks)
{
    json_t *array = json_array();
    for (int r = 0; r < nranks; r++) {
        const struct interface *i = &all[r].interface;
        json_t *rank = json_pack("{s:i, s:i, s:s, s:i, s:i, s:s, s:s}", "rank", r, "node", all[r].node, "host", all[r].shown.host, "pid", all[r].shown.pid,
                                 "thread", all[r].shown.thread, "device", all[r].shown.device, "binding", all[r].binding);
        json_object_set_new(rank, "gpu", all[r].shown.gpu >= 0 ? json_integer(all[r].shown.gpu) : json_null());
        json_object_set_new(rank, "bus", all[r].shown.bus[0] != '\0' ? json_string(all[r].shown.bus) : json_null());
        json_object_set_new(rank, "nic", i->name[0] != '\0' ? json_string(i->name) : json_null());
        json_object_set_new(rank, "nic_GBps", isfinite(i->GBps) ? json_real(i->GBps) : json_null());
        json_object_set_new(rank, "rdma", all[r].rdma[0] != '\0' ? json_string(all[r].rdma) : json_null());
        json_array_append_new(array, rank);
    }
    return array;
}

static json_t *ring_json(const struct session *s)
{
    json_t *array = json_array();
    for (int r = 0; r < s->job->nranks; r++)
        json_array_append_new(array, json_integer(s->ring[r]));
    return array;
}

static json_t *run_json(const struct session *s, const struct about_rank *all)
{
    char date[32];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const struct ceiling memory = topology_memory_bandwidth(s->topology);
    char *words = topology_summary(s->topology);
    json_t *run = json_object();
    json_object_set_new(run, "program", json_string("ringbench"));
    json_object_set_new(run, "version", json_string(RINGBENCH_VERSION));
    json_object_set_new(run, "date", json_string(date));
    json_object_set_new(run, "ranks", json_integer(s->job->nranks));
    json_object_set_new(run, "nodes", json_integer(s->job->nnodes));
    json_object_set_new(run, "settings", settings_json(s->settings));
    json_object_set_new(run, "transport", json_string(comm_transport(s->channels[0].comm)));
    json_object_set_new(run, "transport_why", json_string(comm_transport_why(s->channels[0].comm)));
    json_object_set_new(run, "baseline", baselines_versions(&s->baselines));
    json_object_set_new(run, "baselines", baselines_json(&s->baselines));
    json_object_set_new(run, "memory_copy_GBps", json_real(memory.GBps));
    json_object_set_new(run, "clock_us", json_real(s->clock_sec * 1e6));
    json_object_set_new(run, "buffer_bytes", json_integer((json_int_t)s->region_bytes));
    json_object_set_new(run, "ring", ring_json(s));
    json_object_set_new(run, "placement", ranks_json(all, s->job->nranks));
    json_object_set_new(run, "machine", environment_machine());
    json_object_set_new(run, "environment", environment_variables());
    json_object_set_new(run, "topology_summary", json_string(words));
    json_object_set_new(run, "topology", topology_json(s->topology));
    free(words);
    return run;
}

static void print_preamble(const struct session *s, const struct about_rank *all)
{
    struct table_rank *ranks = rb_calloc((size_t)s->job->nranks, sizeof *ranks);
    for (int r = 0; r < s->job->nranks; r++)
        ranks[r] = all[r].shown;
    table_preamble(stdout, s->settings, ranks, s->job->nranks);
    free(ranks);
    char *words = topology_summary(s->topology), region[UNITS_TEXT];
    printf("# Machine: %s; one core copies %.3g GB/s while all ranks do\n", words, topology_memory_bandwidth(s->topology).GBps);
    free(words);
    printf("# Ring order:");
    for (int r = 0; r < s->job->nranks; r++)
        printf(" %d", s->ring[r]);
    printf("; buffers %s within %s a rank (--cache)\n", s->settings->cache, units_bytes(region, s->region_bytes));
    for (size_t i = 0; i < s->nchannels; i++)
        printf("# Transport %s\n", comm_transport_why(s->channels[i].comm));
    if (s->emulation.GBps > 0)
        printf("# Emulated: links of %s\n", s->emulation.text);
    printf("#\n");
    fflush(stdout);
}

int setup_record(struct session *s, struct store *store, const struct cases *cases)
{
    const bool pairs = cases == NULL || cases->total == 0;
    const struct about_rank me = about_me(s);
    struct about_rank *all = rb_calloc((size_t)s->job->nranks, sizeof *all);
    int rc = job_allgather(s->job, &me, all, sizeof me);
    if (rc == RB_OK && s->job->rank == 0) {
        json_t *run = run_json(s, all);
        rc = store_add_run(store, run);
        json_decref(run);
        if (strcmp(s->settings->format, "table") == 0 && (!s->settings->osu || pairs))
            print_preamble(s, all);
    }
    free(all);
    return job_agree(s->job, rc);
}
