#include "collectives/transport/cuda.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Defaults until they are measured on the machine at hand: 512 KiB slots keep NVLink busy (NCCL's Simple), 48 KiB slots of all ranks of one
 * GPU stay in its second-level cache; 24 channels are what NCCL uses on an 8-GPU NVLink machine; over a
 * network each has slots and queue pairs of its own, and a card wants few. */
enum {
    SLOTS = 8, SLOT_PEER = 512 << 10, SLOT_ONE_GPU = 48 << 10, SLOT_LL = 32 << 10, SLOT_LL128 = 64 << 10, SMALLEST_SLOT = 4 << 10,
    CHANNELS_PEER = 24, CHANNELS_NETWORK = 2,
};
static const size_t segment_room = (size_t)1 << 30;

bool cuda_any(const char **why_p)
{
    static _Thread_local char why[160];
    *why_p = why;
    return gpu_api.count(why, sizeof why) > 0;
}

bool cuda_usable(const struct job *job, const char **why_p)
{
    if (!cuda_any(why_p))
        return false;
    *why_p = "the ranks are on several machines";
    return job->nnodes == 1;
}

static size_t align(size_t bytes)
{
    return (bytes + 4095) / 4096 * 4096;
}

/* As receiver: tail marks, then slots. */
static size_t inbox_bytes(const struct cuda_transport *t, enum line_protocol p)
{
    return align((size_t)t->head.slots * (sizeof(struct mark) + t->slot_bytes[p]));
}

/* As sender: the head mark, then grants. */
static size_t outbox_bytes(const struct cuda_transport *t)
{
    return align((size_t)(t->head.slots + 1) * sizeof(struct mark));
}

static size_t peer_bytes(const struct cuda_transport *t)
{
    size_t bytes = 0;
    for (int p = 0; p < LINES_COUNT; p++)
        bytes += (inbox_bytes(t, (enum line_protocol)p) + outbox_bytes(t)) * (size_t)t->channels;
    return bytes;
}

size_t cuda_segment_bytes(const struct cuda_transport *t)
{
    return 4096 + peer_bytes(t) * (size_t)t->head.job->nlocal; /* the first page is for the probe */
}

/* In the segment of `owner`, what belongs to the connection with `other`. */
static char *end_of(const struct cuda_transport *t, int owner, int other, int channel, enum line_protocol protocol)
{
    size_t at = 4096 + peer_bytes(t) * (size_t)t->gang->places[other];
    for (int p = 0; p < (int)protocol; p++)
        at += (inbox_bytes(t, (enum line_protocol)p) + outbox_bytes(t)) * (size_t)t->channels;
    return (char *)t->segments[owner] + at + (inbox_bytes(t, protocol) + outbox_bytes(t)) * (size_t)channel;
}

struct connection cuda_connection(const struct transport *head, int rank, int peer, bool sends, int channel, enum line_protocol protocol)
{
    const struct cuda_transport *t = (const struct cuda_transport *)head;
    const int from = sends ? rank : peer, to = sends ? peer : rank;
    if (t->copies != NULL)
        return cuda_copy_connection(t, rank, peer, sends, channel);
    char *inbox = end_of(t, to, from, channel, protocol);
    struct mark *outbox = (struct mark *)(void *)(end_of(t, from, to, channel, protocol) + inbox_bytes(t, protocol));
    return (struct connection){
        .tail = (struct mark *)(void *)inbox, .slots = inbox + (size_t)t->head.slots * sizeof(struct mark), .head = outbox, .grant = outbox + 1,
        .nslots = (uint32_t)t->head.slots, .slot_bytes = t->slot_bytes[protocol], .peer = peer, .in_line = protocol != LINES_NONE,
    };
}

static void set_geometry(struct cuda_transport *t, const struct transport_config *config)
{
    const struct gang *g = t->gang;
    const bool network = g->job->nnodes > 1;
    const int fit = g->facts.sms / g->nmembers, usual = network ? CHANNELS_NETWORK : g->one_gpu ? fit : CHANNELS_PEER;
    const int wanted = config->channels > 0 ? config->channels : usual;
    t->channels = wanted < fit ? wanted : fit > 0 ? fit : 1;
    t->channels = t->channels < GPU_CHANNELS ? t->channels : GPU_CHANNELS;
    t->head.slots = config->slots > 0 ? config->slots : SLOTS;
    t->slot_bytes[LINES_NONE] = config->slot_bytes > 0 ? config->slot_bytes / 128 * 128 : g->one_gpu ? SLOT_ONE_GPU : SLOT_PEER;
    t->slot_bytes[LINES_LL] = network ? 0 : SLOT_LL; /* a network tells of messages by marks */
    t->slot_bytes[LINES_LL128] = network ? 0 : SLOT_LL128;
    while (cuda_segment_bytes(t) > segment_room && t->slot_bytes[LINES_NONE] > SMALLEST_SLOT)
        for (int p = 0; p < LINES_COUNT; p++)
            t->slot_bytes[p] = t->slot_bytes[p] / 256 * 128;
    t->head.slot_bytes = t->slot_bytes[LINES_NONE];
}

/* Every rank must come to the same geometry: the smallest GPU decides. */
static int agree_on_channels(struct cuda_transport *t, struct job *job)
{
    double least = t->channels;
    RB_TRY(job_reduce(job, &least, 1, JOB_MIN));
    t->channels = (int)least;
    return RB_OK;
}

int cuda_open(struct cuda_transport **t_p, const struct transport_ops *ops, struct job *job, const struct transport_config *config)
{
    struct cuda_transport *t = rb_calloc(1, sizeof *t);
    t->head = (struct transport){ .ops = ops, .job = job };
    int rc = gang_open(&t->gang, job, config->ranks_per_gpu > 0 ? config->ranks_per_gpu : 1);
    if (rc == RB_OK) {
        set_geometry(t, config);
        rc = agree_on_channels(t, job);
    }
    if (rc != RB_OK) {
        if (t->gang != NULL)
            gang_close(t->gang);
        free(t);
        return rc;
    }
    t->head.abort = t->gang->abort;
    t->segments = rb_calloc((size_t)job->nranks, sizeof *t->segments);
    *t_p = t;
    return RB_OK;
}

void cuda_close(struct cuda_transport *t)
{
    gang_close(t->gang);
    free(t->segments);
    free(t);
}

static void close_opened(const struct job *job, void **base)
{
    for (int r = 0; r < job->nranks; r++)
        if (base[r] != NULL && r != job->rank)
            gpu_api.close(base[r]);
}

static int share_all(struct cuda_transport *t, void *mine, void **base, bool all)
{
    struct job *job = t->head.job;
    struct gpu_handle handle, *handles = rb_calloc((size_t)job->nranks, sizeof *handles);
    int rc = mine != NULL ? gpu_api.share(mine, &handle) : RB_ECUDA;
    rc = job_agree(job, rc);
    if (rc == RB_OK)
        rc = job_allgather(job, &handle, handles, sizeof handle);
    for (int r = 0; r < job->nranks && rc == RB_OK; r++) {
        if (r == job->rank)
            base[r] = mine;
        else if (t->gang->places[r] >= 0 && (all || t->gang->leaders[r] == t->gang->leader))
            rc = gpu_api.open(&handles[r], &base[r]);
    }
    free(handles);
    return job_agree(job, rc);
}

int cuda_allocate_shared(struct transport *head, size_t bytes, struct region *region_p, bool all)
{
    struct cuda_transport *t = (struct cuda_transport *)head;
    void **base = rb_calloc((size_t)head->job->nranks, sizeof *base), *mine = NULL;
    bytes = bytes > 0 ? align(bytes) : 4096;
    gpu_api.allocate(bytes, &mine);
    const int rc = share_all(t, mine, base, all);
    if (rc != RB_OK) {
        close_opened(head->job, base);
        if (mine != NULL)
            gpu_api.release(mine);
        free(base);
        return rc;
    }
    *region_p = (struct region){ .base = base, .bytes = bytes };
    return RB_OK;
}

void cuda_release_shared(struct transport *head, struct region *region)
{
    struct job *job = head->job;
    close_opened(job, region->base);
    job_barrier(job); /* nobody frees what a peer has open */
    gpu_api.release(region->base[job->rank]);
    free(region->base);
}

void cuda_describe(const struct transport *head, char *text, size_t room)
{
    const struct cuda_transport *t = (const struct cuda_transport *)head;
    char device[192];
    gpu_api.explain(device, sizeof device);
    snprintf(text, room, "%s, %d rank%s a GPU, %d channels, %d slots of %zu KiB", device, t->gang->nmembers, t->gang->nmembers == 1 ? "" : "s",
             t->channels, head->slots, head->slot_bytes >> 10);
}

static uint64_t pattern(int from, int to)
{
    return UINT64_C(0x52494e4742454e43) ^ ((uint64_t)from << 32 | (uint64_t)to);
}

int cuda_probe(struct cuda_transport *t)
{
    struct job *job = t->head.job;
    int rc = RB_OK;
    for (int r = 0; r < job->nranks && rc == RB_OK; r++)
        if (t->segments[r] != NULL)
            rc = gpu_api.poke((uint64_t *)t->segments[r] + job->local_rank, pattern(job->rank, r));
    RB_TRY(job_agree(job, rc));
    for (int r = 0; r < job->nranks && rc == RB_OK; r++) {
        uint64_t seen = 0;
        if (t->segments[r] == NULL)
            continue;
        rc = gpu_api.copy(&seen, (uint64_t *)t->segments[job->rank] + t->gang->places[r], sizeof seen);
        if (rc == RB_OK && seen != pattern(r, job->rank))
            rc = rb_fail(RB_ECUDA, "what a kernel of rank %d wrote did not arrive at rank %d: peer access between these GPUs does not work here "
                                   "(an IOMMU, ACS or the driver); use --transport cuda_staged", r, job->rank);
    }
    return job_agree(job, rc);
}
