/* Makes a schedule ready for GPUs: cuts it, writes the images of all members, and sees that the launch fits. */
#include "collectives/device/gpu_inside.h"

#include "collectives/device/image_write.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE_DIRECT = 1 << 20, SLICE_LEAST = 16 << 10, CHANNEL_LEAST = 32 << 10, CHANNEL_LEAST_LINES = 4 << 10 };

/* Bytes of a call up to which each protocol is taken where nobody has measured (protocols.h): estimates from the constants of NCCL's tuner
 * (start-up times and shares of the link, 8 ranks; PCIe: 4 ranks). */
static const struct protocol_limit {
    uint64_t ll, ll128;
} limit_linked = { 1 << 20, 16 << 20 }, limit_pcie = { 512 << 10, 0 };

static enum comm_protocol estimate(const struct cuda_transport *t, uint64_t bytes)
{
    const struct protocol_limit *limit = t->has_lines128 ? &limit_linked : &limit_pcie;
    return bytes <= limit->ll ? PROTOCOL_LL : bytes <= limit->ll128 ? PROTOCOL_LL128 : PROTOCOL_SLOTS;
}

enum line_protocol gpu_choose(const struct comm *comm, const struct call *call, uint64_t bytes, bool *direct_p)
{
    const struct cuda_transport *t = (const struct cuda_transport *)comm->transport;
    const bool can_direct = comm->transport->ops->direct && call->algorithm->direct && !(call->in_place && call->algorithm->direct_needs_copy);
    enum comm_protocol wanted = call->protocol != PROTOCOL_AUTO ? call->protocol : comm->config.protocol;
    if (wanted == PROTOCOL_AUTO)
        wanted = protocols_find(&comm->gpu->rules, call->algorithm->family, bytes);
    if (wanted == PROTOCOL_AUTO)
        wanted = estimate(t, bytes);
    *direct_p = wanted == PROTOCOL_DIRECT && can_direct;
    if (!comm->transport->ops->lines)
        return LINES_NONE;
    return wanted == PROTOCOL_LL ? LINES_LL : wanted == PROTOCOL_LL128 ? LINES_LL128 : LINES_NONE;
}

static size_t slot_payload(const struct cuda_transport *t, enum line_protocol p)
{
    const size_t slot = t->slot_bytes[p];
    return p == LINES_LL ? slot / LL_LINE * LINE_WORD : p == LINES_LL128 ? slot / LL128_LINE * LL128_WORDS * LINE_WORD : slot;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* As many channels as a chunk feeds, and pieces of as many slices as there are slots. */
static void cut(const struct operation *op, const struct plan *plans, struct gpu_operation *g, struct engine *e)
{
    const struct cuda_transport *t = g->gpu->transport;
    uint64_t first, largest, piece;
    bool any = g->direct;
    for (int r = 0; r < op->call.group.nranks; r++)
        any = any && plan_fits_any_slice(&plans[r]);
    chunk_range(op->call.count, e->type_bytes, op->call.algorithm->cuts(&op->call.group), 0, &first, &largest);
    const uint64_t least = g->protocol == LINES_NONE ? CHANNEL_LEAST : CHANNEL_LEAST_LINES, feeds = largest * e->type_bytes / least;
    g->call.nchannels = feeds < 1 ? 1 : feeds < (uint64_t)t->channels ? (uint32_t)feeds : (uint32_t)t->channels;
    chunk_range(largest, e->type_bytes, (int)g->call.nchannels, 0, &first, &largest);
    const uint64_t most = any ? SLICE_DIRECT : slot_payload(t, g->protocol), slots = (uint64_t)t->head.slots;
    uint64_t slice = larger(largest * e->type_bytes / (slots + 1), SLICE_LEAST);
    slice = (slice < most ? slice : most) / 16 * 16;
    e->slice_elements = larger(slice, 16) / e->type_bytes;
    e->slices = largest <= e->slice_elements ? 1 : any && slots > 2 ? 2 : (uint32_t)slots;
    piece = e->slice_elements * e->slices;
    e->pieces = (largest + piece - 1) / piece;
}

static bool needs_hold(const struct plan *plan)
{
    for (int i = 0; i < plan->nsteps; i++)
        if (step_may_hold(&plan->steps[i]))
            return true;
    return false;
}

struct home_context {
    const struct gpu_operation *g;
    int place;
};

static struct connection *home(const void *context, int peer, bool sends, int channel)
{
    const struct home_context *h = context;
    const struct gpu_comm *gpu = h->g->gpu;
    return gpu->homes + gpu_home_number(gpu, h->place, peer, sends, h->g->protocol, channel);
}

static int connect_peer(const struct gpu_operation *g, int place, int peer, bool sends)
{
    struct gpu_comm *gpu = g->gpu;
    for (int c = 0; c < (int)g->call.nchannels && gpu->gang->places[peer] < 0; c++) {
        bool *connected = &gpu->connected[((size_t)peer * 2 + sends) * (size_t)gpu->transport->channels + (size_t)c];
        struct connection end;
        if (*connected)
            continue;
        RB_TRY(cuda_network_connection(gpu->transport, peer, sends, c, &end));
        RB_TRY(gpu_api.copy(gpu->homes + gpu_home_number(gpu, place, peer, sends, LINES_NONE, c), &end, sizeof end));
        *connected = true;
    }
    return RB_OK;
}

/* To other machines, when a schedule first uses them. */
static int connect_all(const struct gpu_operation *g, const struct plan *plans)
{
    for (int m = 0; m < g->gpu->gang->nmembers; m++) {
        const struct plan *p = &plans[g->gpu->gang->members[m]];
        for (int i = 0; i < p->nsteps; i++) {
            for (int k = 0; k < p->steps[i].nrecv; k++)
                RB_TRY(connect_peer(g, m, p->steps[i].recv_from[k], false));
            for (int k = 0; k < p->steps[i].nsend; k++)
                RB_TRY(connect_peer(g, m, p->steps[i].send_to[k], true));
        }
    }
    return RB_OK;
}

/* All images of all members, one block; stride is the largest. */
struct drafts {
    void *image[GPU_RANKS][GPU_CHANNELS];
    size_t bytes[GPU_RANKS][GPU_CHANNELS];
    size_t stride;
};

static int allocate_holds(struct gpu_operation *g, const struct plan *plans, size_t slice_bytes, int *lanes_p)
{
    bool needed = false;
    *lanes_p = 1;
    for (int m = 0; m < g->gpu->gang->nmembers; m++) {
        const struct plan *p = &plans[g->gpu->gang->members[m]];
        needed = needed || needs_hold(p);
        *lanes_p = p->nlanes > *lanes_p ? p->nlanes : *lanes_p;
    }
    void *memory = NULL;
    if (needed)
        RB_TRY(gpu_api.allocate((size_t)g->gpu->gang->nmembers * g->call.nchannels * (size_t)*lanes_p * slice_bytes, &memory));
    g->holds = memory;
    return RB_OK;
}

static void draft(const struct operation *op, const struct plan *plans, const struct gpu_operation *g, const struct engine *e, int lanes, struct drafts *d)
{
    const size_t hold_bytes = e->slice_elements * e->type_bytes;
    for (int m = 0; m < g->gpu->gang->nmembers; m++)
        for (uint32_t c = 0; c < g->call.nchannels; c++) {
            const struct home_context context = { g, m };
            char *holds = g->holds != NULL ? g->holds + ((size_t)m * g->call.nchannels + c) * (size_t)lanes * hold_bytes : NULL;
            struct engine engine = *e;
            engine.pace = g->gpu->paces != NULL ? g->gpu->paces + g->gpu->gang->members[m] : NULL;
            const struct image_source src = { .op = op, .plan = &plans[g->gpu->gang->members[m]], .engine = engine, .channel = (int)c,
                                              .nchannels = (int)g->call.nchannels, .holds = holds, .hold_bytes = hold_bytes, .home = home, .context = &context };
            d->image[m][c] = image_write(&src, &d->bytes[m][c]);
            d->stride = d->bytes[m][c] > d->stride ? d->bytes[m][c] : d->stride;
        }
}

static int upload(struct gpu_operation *g, struct drafts *d)
{
    const int members = g->gpu->gang->nmembers;
    const uint32_t channels = g->call.nchannels;
    char *all = rb_calloc((size_t)members * channels, d->stride);
    for (int m = 0; m < members; m++)
        for (uint32_t c = 0; c < channels; c++) {
            memcpy(all + ((size_t)m * channels + c) * d->stride, d->image[m][c], d->bytes[m][c]);
            free(d->image[m][c]);
        }
    void *memory = NULL;
    int rc = gpu_api.allocate((size_t)members * channels * d->stride, &memory);
    if (rc == RB_OK)
        rc = gpu_api.copy(memory, all, (size_t)members * channels * d->stride);
    g->images = memory;
    free(all);
    return rc;
}

static int fits(const struct gpu_operation *g)
{
    int most;
    RB_TRY(gpu_api.groups(&g->launch, &most));
    const int wanted = (int)(g->call.nranks * g->call.nchannels);
    if (wanted <= most)
        return RB_OK;
    return rb_fail(RB_EUSAGE, "%u ranks of %u channels are %d groups of threads, and %d fit on this GPU at once (the others would wait for ever): use at most --channels %d",
                   g->call.nranks, g->call.nchannels, wanted, most, most / (int)g->call.nranks);
}

static int bind_leader(struct operation *op, const struct plan *plans, struct gpu_operation *g, struct engine *e)
{
    const struct gang *gang = g->gpu->gang;
    struct drafts *d = rb_calloc(1, sizeof *d);
    int lanes;
    int rc = allocate_holds(g, plans, e->slice_elements * e->type_bytes, &lanes);
    if (rc == RB_OK)
        rc = connect_all(g, plans);
    if (rc == RB_OK) {
        e->regions = g->gpu->table;
        draft(op, plans, g, e, lanes, d);
        rc = upload(g, d);
    }
    g->call.stride = (uint32_t)d->stride;
    g->call.nranks = (uint32_t)gang->nmembers;
    g->call.protocol = (int32_t)g->protocol;
    g->call.abort = gang->device_abort;
    g->call.reports = gang->device_reports;
    /* Before the host's own patience ends: the kernel knows better what is missing. */
    g->call.timeout_ns = (uint64_t)(g->gpu->comm->config.timeout_sec * 0.8e9);
    for (int m = 0; m < gang->nmembers; m++) {
        g->call.rank[m] = gang->members[m];
        g->call.images[m] = g->images + (size_t)m * g->call.nchannels * d->stride;
        g->call.divisor[m] = op->call.op == OP_AVG ? operation_contributors(&op->call, gang->members[m]) : 0;
    }
    g->launch = (struct gpu_launch){ .call = &g->call, .type = op->call.type, .op = op->call.op, .threads = g->gpu->threads,
                                     .shared_bytes = (uint32_t)d->stride, .one_gpu = gang->one_gpu && !g->gpu->comm->config.system_scope };
    free(d);
    return rc == RB_OK ? fits(g) : rc;
}

/* Lines wait inside the arithmetic, so a group must have one lane only. */
static bool single_lanes(const struct plan *plans, int nranks)
{
    for (int r = 0; r < nranks; r++)
        if (plans[r].nlanes > 1)
            return false;
    return true;
}

int gpu_operation_bind(struct operation *op, const struct plan *plans, enum line_protocol protocol)
{
    struct gpu_comm *gpu = op->comm->gpu;
    struct gpu_operation *g = op->gpu = rb_calloc(1, sizeof *g);
    g->gpu = gpu;
    g->direct = op->direct;
    g->protocol = single_lanes(plans, op->call.group.nranks) ? protocol : LINES_NONE;
    struct engine e = { .type_bytes = op->engine.type_bytes };
    cut(op, plans, g, &e);
    return job_agree(op->comm->job, gang_leads(gpu->gang) ? bind_leader(op, plans, g, &e) : RB_OK);
}

void gpu_operation_free(struct gpu_operation *g)
{
    if (g == NULL)
        return;
    if (g->images != NULL)
        gpu_api.release(g->images);
    if (g->holds != NULL)
        gpu_api.release(g->holds);
    free(g);
}
