#include "tests/engine_cases.h"

#include "collectives/device/fp8.h"
#include "collectives/device/half.h"
#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct player {
    struct job *job;
    struct comm *comm;
    char *in, *out;               /* as the host writes and reads them: the buffers, or mirrors of what lies on a GPU */
    char *in_memory, *out_memory; /* of comm_allocate */
    size_t room;
    unsigned turn;
    int last; /* protocol that is tried */
    int failures;
};

static uint16_t bfloat16_from(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static void put(enum rb_type type, void *at, uint64_t i, double v)
{
    switch (type) {
    case TYPE_INT8: ((int8_t *)at)[i] = (int8_t)v; break;
    case TYPE_UINT8: ((uint8_t *)at)[i] = (uint8_t)v; break;
    case TYPE_INT32: ((int32_t *)at)[i] = (int32_t)v; break;
    case TYPE_UINT32: ((uint32_t *)at)[i] = (uint32_t)v; break;
    case TYPE_INT64: ((int64_t *)at)[i] = (int64_t)v; break;
    case TYPE_UINT64: ((uint64_t *)at)[i] = (uint64_t)v; break;
    case TYPE_HALF: ((uint16_t *)at)[i] = half_from_float((float)v); break;
    case TYPE_FLOAT: ((float *)at)[i] = (float)v; break;
    case TYPE_DOUBLE: ((double *)at)[i] = v; break;
    case TYPE_FLOAT8E4M3: ((uint8_t *)at)[i] = fp8_e4m3_from_float((float)v); break;
    case TYPE_FLOAT8E5M2: ((uint8_t *)at)[i] = fp8_e5m2_from_float((float)v); break;
    default: ((uint16_t *)at)[i] = bfloat16_from((float)v);
    }
}

/* Small enough that every sum and product of nine is exact in every type: E5M2 counts to 8 only. */
static double value(const struct call *c, int rank, int block, uint64_t i)
{
    if (c->op == OP_PROD)
        return (rank + (int)(i % 4)) % 4 == 0 ? 2 : 1;
    if (type_bytes(c->type) == 1 && c->type != TYPE_INT8 && c->type != TYPE_UINT8)
        return ((uint64_t)(rank + block) + i) % 4 == 0 ? (double)(1 + i % 2) : 0;
    return (double)((uint64_t)(rank * 5 + block * 3) + i * 7) - (double)(((uint64_t)(rank * 5 + block * 3) + i * 7) / 11 * 11);
}

static double expected(const struct call *c, const int *ranks, int n, int block, uint64_t i)
{
    double v = value(c, ranks[0], block, i);
    for (int k = 1; k < n; k++) {
        const double x = value(c, ranks[k], block, i);
        v = c->op == OP_PROD ? v * x : c->op == OP_MIN ? (x < v ? x : v) : c->op == OP_MAX ? (x > v ? x : v) : v + x;
    }
    if (c->op != OP_AVG || !collective_get(c->algorithm->collective)->reduces)
        return v;
    if (c->type >= TYPE_INT8 && c->type <= TYPE_UINT64)
        return (double)(int64_t)(v / n);
    return c->type == TYPE_DOUBLE ? v / n : (float)v / (float)n;
}

static void fill(const struct player *p, const struct call *c, char *in)
{
    const struct collective *col = collective_get(c->algorithm->collective);
    const int blocks = col->in_blocks(&c->group, p->job->rank);
    for (int b = 0; b < blocks; b++)
        for (uint64_t i = 0; i < c->count; i++)
            put(c->type, in, (uint64_t)b * c->count + i, value(c, p->job->rank, b, i));
}

static bool right(const struct player *p, const struct call *c, const char *out)
{
    const struct collective *col = collective_get(c->algorithm->collective);
    const int blocks = col->out_blocks(&c->group, p->job->rank), n = p->job->nranks;
    const size_t size = type_bytes(c->type);
    int ranks[64], block = 0;
    char want[8];
    for (int b = 0; b < blocks; b++) {
        const int sources = col->sources(&c->group, p->job->rank, b, ranks, &block);
        for (uint64_t i = 0; i < c->count; i++) {
            put(c->type, want, 0, expected(c, ranks, sources, block, i));
            if (memcmp(want, out + ((uint64_t)b * c->count + i) * size, size) == 0)
                continue;
            fprintf(stderr, "%s n=%d rank=%d root=%d servers=%d %s %s count=%llu in_place=%d protocol=%d: block %d element %llu\n",
                    c->algorithm->name, n, p->job->rank, c->group.root, c->group.servers, type_name(c->type), op_name(c->op),
                    (unsigned long long)c->count, c->in_place, c->protocol, b, (unsigned long long)i);
            return false;
        }
    }
    return true;
}

/* The buffer behind a place in a mirror. */
static char *memory_at(const struct player *p, const char *place)
{
    const bool in_out = place >= p->out && place < p->out + p->room;
    return in_out ? p->out_memory + (place - p->out) : p->in_memory + (place - p->in);
}

static int copy_to(const struct player *p)
{
    if (p->in == p->in_memory)
        return RB_OK;
    RB_TRY(comm_copy(p->comm, p->in_memory, p->in, p->room));
    return comm_copy(p->comm, p->out_memory, p->out, p->room);
}

static int copy_from(const struct player *p)
{
    return p->in == p->in_memory ? RB_OK : comm_copy(p->comm, p->out, p->out_memory, p->room);
}

static int play_once(struct player *p, const struct call *c, struct operation *op)
{
    const struct collective *col = collective_get(c->algorithm->collective);
    const size_t size = type_bytes(c->type);
    const int in = col->in_blocks(&c->group, p->job->rank), out = col->out_blocks(&c->group, p->job->rank);
    const size_t shift = (size_t)col->in_place_block(&c->group, p->job->rank) * c->count * size;
    char *from = p->in, *to = p->out;
    if (c->in_place) {
        from = p->out + (in < out ? shift : 0);
        to = p->out + (out < in ? shift : 0);
    }
    memset(p->out, 0x5a, p->room);
    fill(p, c, from);
    RB_TRY(copy_to(p));
    RB_TRY(comm_barrier(p->comm));
    RB_TRY(operation_run(op, memory_at(p, from), memory_at(p, to)));
    RB_TRY(copy_from(p));
    p->failures += !right(p, c, to);
    const size_t used = (size_t)(c->in_place && in > out ? in : out) * c->count * size;
    for (size_t i = used; i < p->room; i++)
        if (p->out[i] != 0x5a) {
            fprintf(stderr, "%s wrote beyond its result\n", c->algorithm->name);
            p->failures++;
            break;
        }
    return comm_barrier(p->comm);
}

static void play(struct player *p, const struct call *c)
{
    struct operation *op = NULL;
    if (comm_prepare(p->comm, c, &op) != RB_OK) {
        p->failures++;
        return;
    }
    for (int again = 0; again < 2; again++)
        if (play_once(p, c, op) != RB_OK)
            p->failures++;
    operation_free(op);
}

static void play_forms(struct player *p, struct call *c)
{
    static const uint64_t counts[] = { 1, 5, 300, 2049, 0, 37 };
    const struct collective *col = collective_get(c->algorithm->collective);
    for (int aliased = 0; aliased <= col->in_place; aliased++)
        for (int protocol = PROTOCOL_SLOTS; protocol <= p->last; protocol++) {
            c->in_place = aliased;
            c->protocol = (enum comm_protocol)protocol;
            c->type = (enum rb_type)(p->turn % TYPE_COUNT);
            c->op = (enum rb_op)(p->turn / 3 % OP_COUNT);
            c->count = counts[p->turn % RB_LEN(counts)];
            p->turn++;
            play(p, c);
        }
}

static void play_roles(struct player *p, const struct algorithm *a)
{
    const int n = p->job->nranks, max = a->uses_servers ? a->max_servers(n) : 1;
    const bool rooted = collective_get(a->collective)->rooted;
    int *ring = malloc((size_t)n * sizeof *ring);
    for (int i = 0; i < n; i++)
        ring[i] = (n - i) % n; /* a ring that does not run in rank order */
    for (int root = 0; root < (rooted ? n : 1); root += n > 2 ? n - 1 : 1)
        for (int servers = 1; servers <= max; servers += max > 3 ? max - 1 : 1) {
            struct call c = { .algorithm = a, .group = { .nranks = n, .root = root, .servers = servers } };
            play_forms(p, &c);
            c.group.ring = ring;
            play_forms(p, &c);
        }
    free(ring);
}

static int open_player(struct player *p, struct job *job, const struct engine_setup *setup)
{
    const struct comm_config config = { .transport = setup->transport, .slot_bytes = setup->slot_bytes, .slots = setup->slots,
                                        .yield = true, .timeout_sec = 60, .delay_seed = setup->delay_seed, .leaf = setup->leaf,
                                        .qps = setup->qps, .ranks_per_gpu = setup->ranks_per_gpu, .channels = setup->channels,
                                        .gpu_threads = setup->gpu_threads, .proxy = setup->proxy, .card_gpu = setup->gpu };
    *p = (struct player){ .job = job, .last = setup->lines ? PROTOCOL_LL128 : setup->slots_only ? PROTOCOL_SLOTS : PROTOCOL_DIRECT, .room = (size_t)job->nranks * 2049 * 8 + 64 };
    if (setup->nodes > 0)
        job_local_pretend(job, setup->nodes);
    RB_TRY(comm_open(&p->comm, job, &config));
    void *in, *out;
    RB_TRY(comm_allocate(p->comm, p->room, &in));
    RB_TRY(comm_allocate(p->comm, p->room, &out));
    p->in = p->in_memory = in;
    p->out = p->out_memory = out;
    if (comm_on_gpu(p->comm)) {
        p->in = rb_calloc(1, p->room);
        p->out = rb_calloc(1, p->room);
    }
    return RB_OK;
}

static void close_player(struct player *p)
{
    if (p->in != p->in_memory) {
        free(p->in);
        free(p->out);
    }
    comm_close(p->comm);
}

int engine_play_all(struct job *job, const struct engine_setup *setup)
{
    struct player p;
    if (open_player(&p, job, setup) != RB_OK)
        return 1;
    for (size_t i = 0; i < algorithm_count; i++)
        if (job->nranks >= algorithms[i]->min_ranks)
            play_roles(&p, algorithms[i]);
    close_player(&p);
    return p.failures;
}

int engine_play_rank(struct job *job, void *setup)
{
    return engine_play_all(job, setup);
}

int engine_play_types(struct job *job, const struct engine_setup *setup, const char *algorithm)
{
    struct player p;
    if (open_player(&p, job, setup) != RB_OK)
        return 1;
    for (int type = 0; type < TYPE_COUNT; type++)
        for (int op = 0; op < OP_COUNT; op++) {
            const struct call c = { .algorithm = algorithm_find(algorithm), .group = { .nranks = job->nranks, .servers = 1 },
                                    .count = 777, .type = (enum rb_type)type, .op = (enum rb_op)op };
            play(&p, &c);
        }
    close_player(&p);
    return p.failures;
}
