/* What a communicator keeps in GPU memory: the state of its connections, its clocks, and where the memory of all ranks lies. */
#include "collectives/device/gpu_inside.h"

#include "core/data_path.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS = 512 };

size_t gpu_home_number(const struct gpu_comm *g, int place, int peer, bool sends, enum line_protocol protocol, int channel)
{
    size_t at = (size_t)place * (size_t)g->comm->job->nranks + (size_t)peer;
    at = (at * 2 + sends) * LINES_COUNT + protocol;
    return at * (size_t)g->transport->channels + (size_t)channel;
}

static int write_homes(struct gpu_comm *g)
{
    const int n = g->comm->job->nranks;
    const size_t count = gpu_home_number(g, g->gang->nmembers, 0, false, LINES_NONE, 0);
    struct connection *all = rb_calloc(count, sizeof *all);
    for (int m = 0; m < g->gang->nmembers; m++)
        for (int r = 0; r < n; r++)
            for (int s = 0; s < 2; s++)
                for (int p = 0; p < LINES_COUNT; p++)
                    for (int c = 0; c < g->transport->channels && g->gang->places[r] >= 0; c++)
                        all[gpu_home_number(g, m, r, s, (enum line_protocol)p, c)] =
                            cuda_connection(g->comm->transport, g->gang->members[m], r, s, c, (enum line_protocol)p);
    void *memory = NULL;
    int rc = gpu_api.allocate(count * sizeof *all, &memory);
    g->homes = memory;
    if (rc == RB_OK)
        rc = gpu_api.copy(memory, all, count * sizeof *all);
    free(all);
    return rc;
}

/* Clocks in GPU memory: they are kept by kernels of one GPU only. */
static int write_paces(struct gpu_comm *g)
{
    const struct comm_config *c = &g->comm->config;
    if (c->pace_GBps <= 0)
        return RB_OK;
    if (!g->gang->one_gpu)
        return rb_fail(RB_EUSAGE, "slower links are emulated between ranks of one GPU, or between ranks on host memory (--transport shm)");
    const size_t n = (size_t)g->comm->job->nranks, clocks_at = n * sizeof(struct pace) / 128 * 128 + 128;
    const size_t lists_at = clocks_at + 2 * n * sizeof(struct pace_clock), bytes = lists_at + 2 * n * sizeof(void *);
    void *memory = NULL;
    RB_TRY(gpu_api.allocate(bytes, &memory));
    g->paces = memory;
    char *copy = rb_calloc(1, bytes), *gpu = memory;
    struct pace *paces = (struct pace *)(void *)copy;
    void **lists = (void **)(void *)(copy + lists_at);
    for (size_t r = 0; r < n; r++) {
        paces[r] = (struct pace){ .egress = (struct pace_clock **)(void *)(gpu + lists_at),
                                  .ingress = (struct pace_clock **)(void *)(gpu + lists_at + n * sizeof(void *)), .rank = (int)r };
        pace_settle(&paces[r], c->pace_GBps, c->pace_latency_sec);
        lists[r] = gpu + clocks_at + r * sizeof(struct pace_clock);
        lists[n + r] = gpu + clocks_at + (n + r) * sizeof(struct pace_clock);
    }
    const int rc = gpu_api.copy(memory, copy, bytes);
    free(copy);
    return rc;
}

/* Rank 0's file counts: all ranks must choose alike. */
static int read_rules(struct gpu_comm *g)
{
    struct job *job = g->comm->job;
    const char *link = g->gang->one_gpu ? "one_gpu" : g->comm->transport->ops->direct ? "peer" : "staged";
    char *path = NULL;
    int rc = RB_OK;
    rb_mute(true); /* without the file the estimates do */
    const bool found = job->rank == 0 && data_path("gpu_protocols.csv", &path) == RB_OK;
    rb_mute(false);
    if (found)
        rc = protocols_read(&g->rules, path, g->gang->facts.name, link, job->nranks);
    free(path);
    RB_TRY(job_agree(job, rc));
    return job_broadcast(job, &g->rules, sizeof g->rules, 0);
}

int gpu_comm_open(struct gpu_comm **gpu_p, struct comm *comm)
{
    struct gpu_comm *g = *gpu_p = rb_calloc(1, sizeof *g);
    g->comm = comm;
    g->transport = (struct cuda_transport *)comm->transport;
    g->gang = g->transport->gang;
    g->threads = comm->config.gpu_threads > 0 ? (uint32_t)comm->config.gpu_threads : THREADS;
    int rc = read_rules(g);
    if (rc == RB_OK && gang_leads(g->gang)) {
        void *table = NULL;
        g->connected = rb_calloc((size_t)comm->job->nranks * 2 * (size_t)g->transport->channels, sizeof *g->connected);
        rc = gpu_api.allocate(COMM_REGIONS * (sizeof(struct region) + (size_t)comm->job->nranks * sizeof(void *)), &table);
        g->table = table;
        if (rc == RB_OK)
            rc = write_homes(g);
        if (rc == RB_OK)
            rc = write_paces(g);
    }
    return job_agree(comm->job, rc);
}

void gpu_comm_close(struct gpu_comm *g)
{
    if (g == NULL)
        return;
    if (g->homes != NULL)
        gpu_api.release(g->homes);
    if (g->table != NULL)
        gpu_api.release(g->table);
    if (g->paces != NULL)
        gpu_api.release(g->paces);
    free(g->connected);
    free(g);
}

int gpu_comm_regions(struct gpu_comm *g)
{
    if (g->table == NULL)
        return RB_OK;
    const size_t n = (size_t)g->comm->job->nranks, bytes = COMM_REGIONS * (sizeof(struct region) + n * sizeof(void *));
    char *copy = rb_calloc(1, bytes);
    struct region *regions = (struct region *)(void *)copy;
    for (size_t i = 0; i < COMM_REGIONS; i++) {
        const struct region *r = &g->comm->regions[i];
        const size_t at = COMM_REGIONS * sizeof *regions + i * n * sizeof(void *);
        regions[i].base = (void **)(void *)((char *)g->table + at);
        regions[i].bytes = r->bytes;
        if (r->base != NULL)
            memcpy(copy + at, r->base, n * sizeof(void *));
    }
    const int rc = gpu_api.copy(g->table, copy, bytes);
    free(copy);
    return rc;
}
