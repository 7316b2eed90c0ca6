#include "collectives/operation.h"

#include "collectives/device/gpu_operation.h"

#include "collectives/prove.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* From these message sizes on the direct way won on shared memory: it saves a copy and costs a hop, which is dear when
 * ranks take turns on a core. Results that fill more than a second-level cache are written past it. */
enum { DIRECT_FROM = 4 << 10, DIRECT_FROM_YIELDING = 256 << 10, STREAM_FROM = 1 << 20, DIRECT_SLICE = 1 << 20, SMALLEST_SLICE = 8 << 10 };

static bool wants_direct(const struct comm *comm, const struct call *call, uint64_t bytes)
{
    const struct algorithm *a = call->algorithm;
    if (!comm->transport->ops->direct || !a->direct || call->group.nranks == 1 || (call->in_place && a->direct_needs_copy))
        return false;
    const enum comm_protocol p = call->protocol != PROTOCOL_AUTO ? call->protocol : comm->config.protocol;
    return p == PROTOCOL_DIRECT || (p == PROTOCOL_AUTO && bytes >= (comm->config.yield ? DIRECT_FROM_YIELDING : DIRECT_FROM));
}

bool step_may_hold(const struct step *s)
{
    return s->nrecv > 0 && s->nsend > 0 && s->dst.buffer != BUFFER_IN && s->dst.buffer != BUFFER_OUT;
}

/* A message that travels in a slot, or waits in a hold, must fit it. */
bool plan_fits_any_slice(const struct plan *p)
{
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        if ((s->nsend > 0 && !(s->flags & (STEP_PULL_SEND | STEP_PUSH_SEND))) || step_may_hold(s))
            return false;
    }
    return true;
}

static uint64_t round_grain(uint64_t bytes)
{
    return bytes < 16 ? 16 : bytes / 16 * 16;
}

/* All ranks must cut alike, so only what all of them know may count. */
static void cut_pieces(struct operation *op, const struct plan *plans, uint64_t largest)
{
    const struct transport *t = op->comm->transport;
    bool any = op->direct;
    for (int r = 0; r < op->call.group.nranks; r++)
        any = any && plan_fits_any_slice(&plans[r]);
    const uint64_t bytes = largest * op->engine.type_bytes, slots = (uint64_t)t->slots;
    uint64_t slice = any ? DIRECT_SLICE : t->slot_bytes;
    if (!any && bytes / slots < slice) /* a few slices in flight even for a middling chunk */
        slice = bytes / slots > SMALLEST_SLICE ? bytes / slots : SMALLEST_SLICE;
    slice = slice < t->slot_bytes || any ? slice : t->slot_bytes;
    struct engine *e = &op->engine;
    e->slice_elements = round_grain(slice) / e->type_bytes;
    e->slices = (uint32_t)(any ? (slots < 2 ? 1 : 2) : slots);
    if (largest <= e->slice_elements)
        e->slices = 1;
    const uint64_t piece = e->slice_elements * e->slices;
    e->pieces = (largest + piece - 1) / piece;
}

static struct connection **bind_peers(struct operation *op, struct connection ***next, const int *ranks, int n, bool sends)
{
    struct connection **list = *next;
    for (int i = 0; i < n; i++)
        list[i] = op->comm->transport->ops->connection(op->comm->transport, ranks[i], sends);
    *next += n;
    return list;
}

uint64_t operation_chunk(const struct operation *op, struct chunk c, uint64_t *count_p)
{
    const int cuts = op->call.algorithm->cuts(&op->call.group);
    uint64_t first;
    chunk_range(op->call.count, op->engine.type_bytes, cuts, c.index % cuts, &first, count_p);
    return first + (uint64_t)(c.index / cuts) * op->call.count;
}

void operation_bind_step(const struct plan *plan, int index, struct engine_step *b)
{
    const struct step *s = &plan->steps[index];
    *b = (struct engine_step){ .nrecv = s->nrecv, .nsend = s->nsend, .src_at = s->src_at, .after_lane = -1, .flags = s->flags,
                               .src = s->src.buffer, .dst = s->dst.buffer, .index = index };
    b->has_src = s->src.buffer == BUFFER_IN || s->src.buffer == BUFFER_OUT;
    b->keeps = s->dst.buffer == BUFFER_IN || s->dst.buffer == BUFFER_OUT;
    if (s->after >= 0) {
        b->after_lane = plan->steps[s->after].lane;
        for (int i = 0; i < s->after; i++)
            b->after_at += plan->steps[i].lane == b->after_lane;
    }
}

static struct engine_step bind_step(struct operation *op, const struct plan *plan, int index, struct connection ***next)
{
    const struct step *s = &plan->steps[index];
    struct engine_step b;
    operation_bind_step(plan, index, &b);
    if (s->dst.buffer != BUFFER_NONE)
        b.dst_first = operation_chunk(op, s->dst, &b.count);
    if (s->src.buffer != BUFFER_NONE)
        b.src_first = operation_chunk(op, s->src, &b.count);
    b.recv = bind_peers(op, next, s->recv_from, s->nrecv, false);
    b.send = bind_peers(op, next, s->send_to, s->nsend, true);
    return b;
}

static void add_pulled(struct operation *op, const struct engine_step *s)
{
    for (int i = 0; i < s->nsend && (s->flags & STEP_PULL_SEND); i++) {
        bool known = false;
        for (int k = 0; k < op->npulled; k++)
            known = known || op->pulled[k] == s->send[i];
        if (!known)
            op->pulled[op->npulled++] = s->send[i];
    }
}

static void bind_lanes(struct operation *op, const struct plan *plan)
{
    struct engine *e = &op->engine;
    int widest = 1;
    size_t peers = 0;
    for (int i = 0; i < plan->nsteps; i++) {
        const int width = plan->steps[i].nrecv + plan->steps[i].nsend;
        widest = width > widest ? width : widest;
        peers += (size_t)width;
    }
    struct connection **next = op->arena = rb_calloc(peers, sizeof *next);
    op->pulled = rb_calloc((size_t)op->call.group.nranks, sizeof *op->pulled);
    e->nlanes = plan->nlanes;
    e->lanes = rb_calloc((size_t)plan->nlanes, sizeof *e->lanes);
    for (int i = 0; i < plan->nlanes; i++) {
        struct engine_lane *l = &e->lanes[i];
        l->steps = rb_calloc((size_t)plan->nsteps, sizeof *l->steps);
        l->dsts = rb_calloc((size_t)widest + 2, sizeof *l->dsts);
        l->srcs = rb_calloc((size_t)widest + 2, sizeof *l->srcs);
    }
    for (int i = 0; i < plan->nsteps; i++) {
        struct engine_lane *l = &e->lanes[plan->steps[i].lane];
        struct engine_step *s = &l->steps[l->nsteps++];
        *s = bind_step(op, plan, i, &next);
        if (step_may_hold(&plan->steps[i]) && l->hold == NULL)
            l->hold = rb_malloc(e->slice_elements * e->type_bytes);
        add_pulled(op, s);
    }
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What crosses the network, and how many senders meet at one receiver. */
static void count_hosts(struct operation *op, const uint64_t *edges)
{
    const size_t n = (size_t)op->call.group.nranks;
    const int *nodes = op->comm->nodes;
    uint64_t *out = rb_calloc(n, sizeof *out), *in = rb_calloc(n, sizeof *in);
    struct operation_facts *f = &op->facts;
    for (size_t to = 0; to < n; to++) {
        int senders = 0;
        for (size_t from = 0; from < n; from++) {
            const uint64_t bytes = nodes[from] != nodes[to] ? edges[from * n + to] : 0;
            out[nodes[from]] += bytes;
            in[nodes[to]] += bytes;
            senders += bytes > 0;
        }
        f->incast = senders > f->incast ? senders : f->incast;
    }
    for (size_t i = 0; i < n; i++) {
        f->host_egress = larger(f->host_egress, out[i]);
        f->host_ingress = larger(f->host_ingress, in[i]);
    }
    free(out);
    free(in);
}

static void count_traffic(struct operation *op, const struct plan *plans)
{
    const int n = op->call.group.nranks;
    const size_t size = (size_t)n * (size_t)n;
    uint64_t *edges = rb_calloc(size, sizeof *edges);
    struct operation_facts *f = &op->facts;
    schedule_edges(op->call.algorithm, &op->call.group, plans, op->call.count, op->engine.type_bytes, edges);
    const struct traffic t = traffic_sum(edges, n);
    f->busiest_egress = t.egress;
    f->busiest_ingress = t.ingress;
    f->busiest_edge = t.edge;
    f->total = t.total;
    count_hosts(op, edges);
    free(edges);
}

int operation_contributors(const struct call *call, int rank)
{
    const struct collective *c = algorithm_means(call->algorithm);
    int *ranks = rb_malloc((size_t)call->group.nranks * sizeof *ranks), block, n = 1;
    if (c->reduces)
        n = c->sources(&call->group, rank, 0, ranks, &block);
    free(ranks);
    return n;
}

static int check_call(const struct comm *comm, const struct call *call)
{
    const struct algorithm *a = call->algorithm;
    const int n = comm->job->nranks;
    if (n < a->min_ranks)
        return rb_fail(RB_EUSAGE, "%s needs at least %d ranks, here are %d", a->name, a->min_ranks, n);
    if (a->uses_servers && (call->group.servers < 1 || call->group.servers > a->max_servers(n)))
        return rb_fail(RB_EUSAGE, "%s with %d ranks takes 1 to %d servers, not %d", a->name, n, a->max_servers(n), call->group.servers);
    if (algorithm_means(a)->rooted && (call->group.root < 0 || call->group.root >= n))
        return rb_fail(RB_EUSAGE, "root %d: the ranks are 0 to %d", call->group.root, n - 1);
    return RB_OK;
}

enum { PROVE_UP_TO = 64 }; /* ranks; beyond, the proof costs more than it tells: the tests prove the rule */

/* What cannot be proved is not run. */
static int prove_before_use(struct operation *op, const struct plan *plans)
{
    if (op->call.group.nranks > PROVE_UP_TO)
        return RB_OK;
    struct proof proof;
    const struct proof_options o = { .slots = 1, .pieces = 1, .in_place = op->call.in_place, .direct = op->direct };
    prove_plans(op->call.algorithm, &op->call.group, plans, &o, &proof);
    op->facts.hops = proof.hops;
    const int rc = proof.holds ? RB_OK : rb_fail(RB_EINTERNAL, "%s: %s", op->call.algorithm->name, proof.why);
    proof_free(&proof);
    return rc;
}

static int bind(struct operation *op, const struct plan *plans, enum line_protocol lines)
{
    const int rank = op->comm->job->rank;
    uint64_t first, largest;
    chunk_range(op->call.count, op->engine.type_bytes, op->call.algorithm->cuts(&op->call.group), 0, &first, &largest);
    if (op->comm->gpu != NULL) {
        RB_TRY(gpu_operation_bind(op, plans, lines));
    } else {
        cut_pieces(op, plans, largest);
        if (op->comm->transport->ops->moves)
            bind_lanes(op, &plans[rank]);
    }
    count_traffic(op, plans);
    const struct collective *c = algorithm_means(op->call.algorithm);
    op->facts.protocol = op->gpu != NULL ? gpu_protocol_name(op->gpu) : op->direct ? "direct" : "slots";
    op->facts.in_elements = (uint64_t)c->in_blocks(&op->call.group, rank) * op->call.count;
    op->facts.out_elements = (uint64_t)c->out_blocks(&op->call.group, rank) * op->call.count;
    op->facts.steps = plans[rank].nsteps;
    return RB_OK;
}

int comm_prepare(struct comm *comm, const struct call *call, struct operation **operation_p)
{
    RB_TRY(check_call(comm, call));
    struct operation *op = rb_calloc(1, sizeof *op);
    const int n = comm->job->nranks;
    op->comm = comm;
    op->call = *call;
    op->call.group.nranks = n;
    if (call->group.ring != NULL) {
        op->ring = rb_malloc((size_t)n * sizeof *op->ring);
        memcpy(op->ring, call->group.ring, (size_t)n * sizeof *op->ring);
        op->call.group.ring = op->ring;
    }
    struct engine *e = &op->engine;
    e->type_bytes = type_bytes(call->type);
    e->leaf = &op->leaf;
    e->regions = comm->regions;
    e->pace = comm->pace.ns_per_byte > 0 ? &comm->pace : NULL;
    const struct collective *c = algorithm_means(call->algorithm);
    const uint64_t bytes = call->count * e->type_bytes * (uint64_t)c->size_blocks(&op->call.group);
    enum line_protocol lines = LINES_NONE;
    if (comm->gpu != NULL)
        lines = gpu_choose(comm, &op->call, bytes, &op->direct);
    else
        op->direct = wants_direct(comm, &op->call, bytes);
    e->stream = bytes >= STREAM_FROM;
    struct plan *plans = NULL;
    int rc = leaf_init(&op->leaf, comm->config.leaf, call->type, call->op, operation_contributors(&op->call, comm->job->rank));
    if (rc == RB_OK)
        rc = plans_build(&plans, call->algorithm, &op->call.group, op->direct);
    if (rc == RB_OK)
        rc = prove_before_use(op, plans);
    if (rc == RB_OK)
        rc = bind(op, plans, lines);
    if (plans != NULL)
        plans_free(plans, n);
    if (rc != RB_OK) {
        operation_free(op);
        return rc;
    }
    *operation_p = op;
    return RB_OK;
}

void operation_free(struct operation *op)
{
    if (op == NULL)
        return;
    for (int i = 0; i < op->engine.nlanes; i++) {
        free(op->engine.lanes[i].steps);
        free(op->engine.lanes[i].dsts);
        free(op->engine.lanes[i].srcs);
        free(op->engine.lanes[i].hold);
    }
    free(op->engine.lanes);
    gpu_operation_free(op->gpu);
    free(op->pulled);
    free(op->arena);
    free(op->ring);
    free(op);
}

const struct operation_facts *operation_facts(const struct operation *op)
{
    return &op->facts;
}
