#include "collectives/device/gang.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPORTS_AT = (sizeof(struct gang_post) + 4095) / 4096 * 4096, PINNED = 4096 };

struct gang_post *gang_post(const struct gang *g, int rank)
{
    return (struct gang_post *)g->memory.base[g->places[rank]];
}

uint64_t gang_hand_over(struct gang *g, uint64_t in_token, uint64_t out_token)
{
    struct gang_post *mine = gang_post(g, g->job->rank);
    mine->in_token = in_token;
    mine->out_token = out_token;
    g->calls++;
    atomic_store_explicit(&mine->posted, g->calls, memory_order_release);
    return g->calls;
}

int gang_missing(const struct gang *g, uint64_t call)
{
    for (int m = 0; m < g->nmembers; m++)
        if (atomic_load_explicit(&gang_post(g, g->members[m])->posted, memory_order_acquire) < call)
            return g->members[m];
    return -1;
}

void gang_finish(struct gang *g, uint64_t call, int result)
{
    struct gang_post *mine = gang_post(g, g->leader);
    mine->result = result;
    atomic_store_explicit(&mine->done, call, memory_order_release);
}

bool gang_is_over(const struct gang *g, uint64_t call, int *result_p)
{
    const struct gang_post *leader = gang_post(g, g->leader);
    if (atomic_load_explicit(&leader->done, memory_order_acquire) < call)
        return false;
    *result_p = leader->result;
    return true;
}

/* Ranks in order fill GPU after GPU; where each process sees GPUs of its own, the numbers begin again. */
int gang_device(const struct job *job, int ranks_per_gpu)
{
    char why[160];
    const int n = gpu_api.count(why, sizeof why);
    return n > 0 ? job->local_rank / ranks_per_gpu % n : -1;
}

static int choose_device(struct gang *g, int ranks_per_gpu)
{
    char why[160];
    g->device = gang_device(g->job, ranks_per_gpu);
    if (g->device < 0) {
        gpu_api.count(why, sizeof why);
        return rb_fail(RB_ECUDA, "rank %d: no GPU: %s", g->job->rank, why);
    }
    RB_TRY(gpu_api.select(g->device));
    return gpu_api.facts(g->device, &g->facts);
}

struct place {
    uint8_t uuid[16];
    int device, node;
};

static int too_many(const struct gang *g, int members, int ranks_per_gpu)
{
    char why[160];
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    return rb_fail(RB_EUSAGE, "%d ranks on one GPU (%s, %s; this process sees %d%s%s), at most %d allowed: use --ranks-per-gpu %d, fewer ranks or --transport shm",
                   members, g->facts.name, g->facts.bus, gpu_api.count(why, sizeof why), visible != NULL ? ", CUDA_VISIBLE_DEVICES=" : "",
                   visible != NULL ? visible : "", ranks_per_gpu, members);
}

/* The leader of the first GPU that has more ranks; -1: none has. */
static int find_crowded(const struct gang *g, int ranks_per_gpu)
{
    const int n = g->job->nranks;
    for (int lead = 0; lead < n; lead++) {
        int members = 0;
        for (int r = 0; r < n; r++)
            members += g->leaders[r] == lead;
        if (members > ranks_per_gpu)
            return lead;
    }
    return -1;
}

static int find_members(struct gang *g, int ranks_per_gpu)
{
    const struct job *job = g->job;
    struct place mine = { .device = g->device, .node = job->node }, *all = rb_calloc((size_t)job->nranks, sizeof *all);
    memcpy(mine.uuid, g->facts.uuid, sizeof mine.uuid);
    int rc = job_allgather(g->job, &mine, all, sizeof mine), members = 0, here = 0;
    for (int r = 0; r < job->nranks && rc == RB_OK; r++) {
        int lead = 0;
        while (memcmp(all[lead].uuid, all[r].uuid, sizeof mine.uuid) != 0 || all[lead].node != all[r].node)
            lead++;
        g->leaders[r] = lead;
    }
    for (int r = 0; r < job->nranks && rc == RB_OK; r++)
        if (g->leaders[r] == g->leaders[job->rank]) {
            if (members < GPU_RANKS)
                g->members[members] = r;
            members++;
        }
    for (int r = 0; r < job->nranks && rc == RB_OK; r++)
        here += g->leaders[r] == g->leaders[0];
    const int crowded = rc == RB_OK ? find_crowded(g, ranks_per_gpu) : -1;
    if (crowded >= 0)
        rc = crowded == job->rank ? too_many(g, members, ranks_per_gpu) : RB_EUSAGE;
    if (rc == RB_OK && members > GPU_RANKS)
        rc = rb_fail(RB_EUSAGE, "%d ranks on one GPU: %d are possible", members, GPU_RANKS);
    g->nmembers = members;
    g->leader = g->leaders[job->rank];
    g->one_gpu = here == job->nranks;
    free(all);
    return job_agree(g->job, rc);
}

/* What kernels and host look at while a launch runs lies in pinned host memory. */
static int open_memory(struct gang *g)
{
    const size_t reports = (size_t)GPU_RANKS * GPU_CHANNELS * sizeof(struct gpu_report);
    RB_TRY(shared_open(&g->memory, g->node, REPORTS_AT + reports));
    char *mine = g->memory.base[g->node->rank], *first = g->memory.base[0];
    void *device = NULL;
    int rc = RB_OK;
    g->reports = (struct gpu_report *)(void *)(mine + REPORTS_AT);
    g->abort = &((struct gang_post *)(void *)first)->abort;
    if (gang_leads(g)) {
        rc = gpu_api.pin(mine + REPORTS_AT, (reports + PINNED - 1) / PINNED * PINNED, &device);
        g->device_reports = device;
        if (rc == RB_OK)
            rc = gpu_api.pin(first, REPORTS_AT, &device);
        if (rc == RB_OK)
            g->device_abort = (uint32_t *)(void *)((char *)device + offsetof(struct gang_post, abort));
    }
    return job_agree(g->node, rc);
}

int gang_open(struct gang **gang_p, struct job *job, int ranks_per_gpu)
{
    struct gang *g = rb_calloc(1, sizeof *g);
    g->job = job;
    g->leaders = rb_calloc((size_t)job->nranks, sizeof *g->leaders);
    g->places = rb_calloc((size_t)job->nranks, sizeof *g->places);
    int rc = job_agree(job, choose_device(g, ranks_per_gpu));
    if (rc == RB_OK)
        rc = job_places(job, g->places);
    if (rc == RB_OK)
        rc = job_open_node(&g->node, job);
    if (rc == RB_OK)
        rc = find_members(g, ranks_per_gpu);
    if (rc == RB_OK)
        rc = job_agree(job, open_memory(g));
    if (rc != RB_OK) {
        gang_close(g);
        return rc;
    }
    *gang_p = g;
    return RB_OK;
}

void gang_close(struct gang *g)
{
    if (g->device_reports != NULL)
        gpu_api.unpin((char *)g->memory.base[g->node->rank] + REPORTS_AT);
    if (g->device_abort != NULL)
        gpu_api.unpin(g->memory.base[0]);
    if (g->memory.base != NULL) {
        job_barrier(g->node); /* a thread of this process may have pinned what another maps */
        shared_close(&g->memory);
    }
    job_close(g->node);
    free(g->places);
    free(g->leaders);
    free(g);
}
