#include "collectives/device/gpu_operation.h"

#include "collectives/device/image_write.h"
#include "collectives/patience.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS = 512, SLICE_DIRECT = 1 << 20, SLICE_LEAST = 16 << 10, CHANNEL_LEAST = 32 << 10, CHANNEL_LEAST_LINES = 4 << 10 };

struct gpu_comm {
    struct comm *comm;
    struct cuda_transport *transport;
    struct gang *gang;
    struct connection *homes; /* the GPU's: [member][peer][sends][protocol][channel]; leader only */
    struct pace *paces;       /* the GPU's, one a member; NULL: none; leader only */
    struct region *table;     /* the GPU's copy of comm->regions, its base arrays behind it; leader only */
    uint32_t threads;
};

struct gpu_operation {
    struct gpu_comm *gpu;
    enum line_protocol protocol;
    bool direct;
    char *images;  /* the GPU's: [member][channel], stride apart; leader only */
    char *holds;
    struct gpu_call call;
    struct gpu_launch launch;
    bool launched;
    uint64_t ticket; /* number of the call under way */
};

static size_t home_number(const struct gpu_comm *g, int place, int peer, bool sends, enum line_protocol protocol, int channel)
{
    size_t at = (size_t)place * (size_t)g->comm->job->nranks + (size_t)peer;
    at = (at * 2 + sends) * LINES_COUNT + protocol;
    return at * (size_t)g->transport->channels + (size_t)channel;
}

static int write_homes(struct gpu_comm *g)
{
    const int n = g->comm->job->nranks;
    const size_t count = home_number(g, g->gang->nmembers, 0, false, LINES_NONE, 0);
    struct connection *all = rb_calloc(count, sizeof *all);
    for (int m = 0; m < g->gang->nmembers; m++)
        for (int r = 0; r < n; r++)
            for (int s = 0; s < 2; s++)
                for (int p = 0; p < LINES_COUNT; p++)
                    for (int c = 0; c < g->transport->channels; c++)
                        all[home_number(g, m, r, s, (enum line_protocol)p, c)] =
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

int gpu_comm_open(struct gpu_comm **gpu_p, struct comm *comm)
{
    struct gpu_comm *g = *gpu_p = rb_calloc(1, sizeof *g);
    g->comm = comm;
    g->transport = (struct cuda_transport *)comm->transport;
    g->gang = g->transport->gang;
    g->threads = comm->config.gpu_threads > 0 ? (uint32_t)comm->config.gpu_threads : THREADS;
    int rc = RB_OK;
    if (gang_leads(g->gang)) {
        void *table = NULL;
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

/* Bytes of a call up to which each protocol is taken; estimates from the constants of NCCL's tuner (start-up times and shares of the
 * link, 8 ranks; PCIe: 4 ranks), to be replaced by what `make bench-gpu` measures. */
static const struct protocol_limit {
    uint64_t ll, ll128;
} limit_linked = { 1 << 20, 16 << 20 }, limit_pcie = { 512 << 10, 0 };

enum line_protocol gpu_choose(const struct comm *comm, const struct call *call, uint64_t bytes, bool *direct_p)
{
    const struct cuda_transport *t = (const struct cuda_transport *)comm->transport;
    const enum comm_protocol wanted = call->protocol != PROTOCOL_AUTO ? call->protocol : comm->config.protocol;
    const struct protocol_limit *limit = t->has_lines128 ? &limit_linked : &limit_pcie;
    const bool can_direct = comm->transport->ops->direct && call->algorithm->direct && !(call->in_place && call->algorithm->direct_needs_copy);
    *direct_p = wanted == PROTOCOL_DIRECT && can_direct;
    if (wanted == PROTOCOL_LL || (wanted == PROTOCOL_AUTO && bytes <= limit->ll))
        return LINES_LL;
    if (wanted == PROTOCOL_LL128 || (wanted == PROTOCOL_AUTO && bytes <= limit->ll128))
        return LINES_LL128;
    return LINES_NONE;
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
    return gpu->homes + home_number(gpu, h->place, peer, sends, h->g->protocol, channel);
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

const char *gpu_protocol_name(const struct gpu_operation *g)
{
    return g->protocol == LINES_LL ? "ll" : g->protocol == LINES_LL128 ? "ll128" : g->direct ? "direct" : "slots";
}

int gpu_operation_waits_for(const struct operation *op)
{
    const struct gang *gang = op->gpu->gpu->gang;
    const int missing = gang_missing(gang, op->gpu->ticket);
    return missing >= 0 ? missing : gang->leader;
}

static int token_of(const struct operation *op, const void *address, uint64_t elements, uint64_t *token_p)
{
    *token_p = 0;
    if (elements == 0 || comm_token(op->comm, address, token_p))
        return RB_OK;
    return rb_fail(RB_EINTERNAL, "%s: a GPU's buffers are those of comm_allocate", op->call.algorithm->name);
}

int gpu_operation_start(struct operation *op, const void *in, void *out)
{
    struct gpu_operation *g = op->gpu;
    uint64_t in_token, out_token;
    RB_TRY(token_of(op, in, op->facts.in_elements, &in_token));
    RB_TRY(token_of(op, out, op->facts.out_elements, &out_token));
    g->ticket = gang_hand_over(g->gpu->gang, in_token, out_token);
    g->launched = false;
    return RB_OK;
}

/* What member m's token means in this process; NULL where it gave no buffer. */
static char *resolve(const struct gpu_operation *g, int rank, uint64_t token, uint64_t elements)
{
    return elements == 0 ? NULL : comm_at(g->gpu->comm, token, rank);
}

static int launch(struct operation *op)
{
    struct gpu_operation *g = op->gpu;
    const struct gang *gang = g->gpu->gang;
    const struct collective *c = algorithm_means(op->call.algorithm);
    for (int m = 0; m < gang->nmembers; m++) {
        const int rank = gang->members[m];
        const struct gang_post *post = gang_post(gang, rank);
        g->call.in_token[m] = post->in_token;
        g->call.out_token[m] = post->out_token;
        g->call.in[m] = resolve(g, rank, post->in_token, (uint64_t)c->in_blocks(&op->call.group, rank) * op->call.count);
        g->call.out[m] = resolve(g, rank, post->out_token, (uint64_t)c->out_blocks(&op->call.group, rank) * op->call.count);
    }
    memset(gang->reports, 0, (size_t)g->call.nranks * g->call.nchannels * sizeof *gang->reports);
    g->launched = true;
    return gpu_api.launch(&g->launch);
}

/* What the groups say after the launch is over. */
static int read_reports(const struct operation *op)
{
    const struct gpu_operation *g = op->gpu;
    const struct gpu_report *all = g->gpu->gang->reports, *worst = NULL;
    for (uint32_t i = 0; i < g->call.nranks * g->call.nchannels; i++)
        if (all[i].stop == GPU_STOP_TIMEOUT || (all[i].stop == GPU_STOP_ABORTED && worst == NULL))
            worst = worst != NULL && worst->stop == GPU_STOP_TIMEOUT ? worst : &all[i];
    if (worst == NULL)
        return RB_OK;
    return rb_fail(RB_ETIMEOUT, "rank %d: %s in %s (%s) on the GPU, channel %d lane %d step %d, waiting for rank %d: message %llu wanted, %llu seen",
                   worst->rank, worst->stop == GPU_STOP_TIMEOUT ? "no progress" : "aborted", op->call.algorithm->name, gpu_protocol_name(g),
                   worst->channel, worst->lane, worst->step, worst->peer, (unsigned long long)worst->wanted, (unsigned long long)worst->seen);
}

static int lead(struct operation *op, bool *done_p)
{
    struct gpu_operation *g = op->gpu;
    int rc = RB_OK;
    *done_p = false;
    if (!g->launched) {
        if (gang_missing(g->gpu->gang, g->ticket) >= 0)
            return RB_OK;
        rc = launch(op);
    }
    if (rc == RB_OK)
        rc = gpu_api.finished(done_p);
    if (rc == RB_OK && !*done_p)
        return RB_OK;
    *done_p = true;
    rc = rc == RB_OK ? read_reports(op) : rc;
    gang_finish(g->gpu->gang, g->ticket, rc);
    return rc;
}

int gpu_operation_progress(struct operation *op, bool *done_p)
{
    const struct gpu_operation *g = op->gpu;
    int result = RB_OK;
    if (gang_leads(g->gpu->gang))
        return lead(op, done_p);
    *done_p = gang_is_over(g->gpu->gang, g->ticket, &result);
    return result;
}
