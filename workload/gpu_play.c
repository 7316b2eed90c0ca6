#include "workload/gpu_play.h"

#include "collectives/device/half.h"
#include "collectives/patience.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    ALIGN = 4096,
    COMPARED = 1 << 18,             /* elements of a call, at least one row */
    POISON = 0xff, POISONED = 1 << 20 /* bytes at once; not a number in every type */
};

struct gpu_call_place {
    char *in, *out, *seen; /* seen: out, as found by what a part does after the call */
    size_t out_bytes;
    int product; /* the action that makes what is summed up; -1: none */
    unsigned turn;
};

struct gpu_player {
    const struct program *program;
    struct comm *comm;
    struct gpu_products *products;
    struct job *job;
    void *arena;
    size_t arena_bytes;
    bool looks; /* fills seen: not in steps that are timed */
    struct gpu_call_place *calls;
    struct gpu_calls *makers[GPU_MAKERS]; /* 0: us */
    int nmakers, maker;
    struct gpu_places places;
};

/* --- opening --- */

static struct gpu_calls_setup calls_of(const struct gpu_player *p, struct baseline *baseline)
{
    return (struct gpu_calls_setup){ .program = p->program, .comm = p->comm, .type = cublas_result(p->products->type), .baseline = baseline,
                                     .parts = &p->products->parts };
}

static size_t room_of(const struct gpu_player *p, uint64_t elements)
{
    return (elements * type_bytes(cublas_result(p->products->type)) + ALIGN - 1) / ALIGN * ALIGN;
}

static int place_calls(struct gpu_player *p)
{
    const struct gpu_calls_setup setup = calls_of(p, NULL);
    size_t bytes = ALIGN;
    if (p->program->ncalls == 0)
        return RB_OK;
    RB_TRY(gpu_calls_open(&p->makers[0], &setup));
    p->nmakers = 1;
    for (size_t i = 0; i < p->program->ncalls; i++) {
        const struct operation_facts *f = gpu_calls_facts(p->makers[0], i);
        bytes += room_of(p, f->in_elements) + 2 * room_of(p, f->out_elements);
    }
    RB_TRY(comm_allocate(p->comm, bytes, &p->arena));
    p->arena_bytes = bytes;
    char *at = p->arena;
    for (size_t i = 0; i < p->program->ncalls; i++) {
        const struct operation_facts *f = gpu_calls_facts(p->makers[0], i);
        p->calls[i].out_bytes = f->out_elements * type_bytes(cublas_result(p->products->type));
        p->calls[i].in = at;
        p->calls[i].out = at += room_of(p, f->in_elements);
        p->calls[i].seen = at += room_of(p, f->out_elements);
        at += room_of(p, f->out_elements);
    }
    return RB_OK;
}

/* Which product makes what each call sums up, and which turn that has. */
static void find_makers(struct gpu_player *p)
{
    unsigned turn = 0;
    int last = -1;
    for (size_t i = 0; i < p->program->nactions; i++) {
        const struct action *a = &p->program->actions[i];
        if (a->kind == ACTION_START) {
            struct gpu_call_place *c = &p->calls[a->call];
            const struct matmul *g = last >= 0 ? &p->program->actions[last].gemm : NULL;
            c->product = g != NULL && (uint64_t)g->m * (uint64_t)g->n == p->program->calls[a->call].count ? last : -1;
            c->turn = turn - 1;
        }
        last = a->kind == ACTION_GEMM ? (int)i : -1;
        turn += a->kind == ACTION_GEMM;
    }
}

static int prepare_products(struct gpu_player *p)
{
    struct matmul *shapes = rb_calloc(p->program->nactions + 1, sizeof *shapes);
    size_t n = 0;
    for (size_t i = 0; i < p->program->nactions; i++)
        if (p->program->actions[i].kind == ACTION_GEMM)
            shapes[n++] = p->program->actions[i].gemm;
    int rc = gpu_products_prepare(p->products, shapes, n, NULL);
    free(shapes);
    p->places = gpu_products_places(p->products);
    if (rc == RB_OK)
        rc = job_broadcast(p->job, &p->places, sizeof p->places, p->products->gang->leaders[0]);
    return rc;
}

int gpu_player_open(struct gpu_player **p_p, const struct program *program, struct comm *comm, struct gpu_products *products)
{
    struct gpu_player *p = rb_calloc(1, sizeof *p);
    *p = (struct gpu_player){ .program = program, .comm = comm, .products = products, .job = products->gang->job,
                              .calls = rb_calloc(program->ncalls + 1, sizeof *p->calls) };
    find_makers(p);
    int rc = prepare_products(p);
    if (rc == RB_OK)
        rc = place_calls(p);
    if (rc != RB_OK) {
        gpu_player_close(p);
        return rc;
    }
    *p_p = p;
    return RB_OK;
}

int gpu_player_close(struct gpu_player *p)
{
    int rc = RB_OK;
    if (p == NULL)
        return rc;
    if (p->arena != NULL)
        rc = comm_release(p->comm, p->arena);
    for (int i = 0; i < p->nmakers; i++)
        gpu_calls_close(p->makers[i]);
    free(p->calls);
    free(p);
    return rc;
}

int gpu_player_add(struct gpu_player *p, struct baseline *baseline, int *maker_p)
{
    const struct gpu_calls_setup setup = calls_of(p, baseline);
    const char *why = gpu_calls_lack(&setup);
    if (why != NULL || p->nmakers == 0 || p->nmakers == GPU_MAKERS)
        return rb_fail(RB_ENOTIMPL, "%s: %s", baseline->ops->name, why != NULL ? why : "no calls to make, or too many who make them");
    RB_TRY(gpu_calls_open(&p->makers[p->nmakers], &setup));
    *maker_p = p->nmakers++;
    return RB_OK;
}

void gpu_player_choose(struct gpu_player *p, int maker)
{
    p->maker = maker;
}

const char *gpu_player_chosen(const struct gpu_player *p)
{
    return gpu_calls_chosen(p->makers[p->maker]);
}

/* --- playing --- */

/* The call that an action's product makes the operand of; -1: none. */
static int made_for(const struct gpu_player *p, size_t action)
{
    const struct action *next = action + 1 < p->program->nactions ? &p->program->actions[action + 1] : NULL;
    return next != NULL && next->kind == ACTION_START && p->calls[next->call].product == (int)action ? next->call : -1;
}

static int queue_products(struct gpu_player *p, size_t action, unsigned turn)
{
    const struct gang *gang = p->products->gang;
    const int call = made_for(p, action);
    for (int m = 0; m < gang->nmembers; m++) {
        void *result = call >= 0 ? comm_peer(p->comm, p->calls[call].in, gang->members[m]) : NULL;
        RB_TRY(gpu_products_queue(p->products, m, &p->program->actions[action].gemm, turn, result));
    }
    return RB_OK;
}

static int queue_call(struct gpu_player *p, int call, enum play_mode mode)
{
    const struct gpu_call_place *c = &p->calls[call];
    return gpu_calls_queue(p->makers[p->maker], (size_t)call, mode == PLAY_TOKENS, c->in, c->out);
}

/* From here on a part may use what the call has made: does it find that? */
static int queue_wait(struct gpu_player *p, int call)
{
    const struct gpu_call_place *c = &p->calls[call];
    const struct gang *gang = p->products->gang;
    RB_TRY(gpu_calls_wait(p->makers[p->maker]));
    for (int m = 0; m < gang->nmembers && p->looks; m++) {
        const int rank = gang->members[m];
        RB_TRY(gpu_api.copy_queue(p->products->parts.streams[m], comm_peer(p->comm, c->seen, rank), comm_peer(p->comm, c->out, rank), c->out_bytes));
    }
    return RB_OK;
}

static int queue_step(struct gpu_player *p, enum play_mode mode)
{
    const bool computes = mode != PLAY_CALLS, calls = mode != PLAY_COMPUTE;
    unsigned turn = 0;
    for (size_t i = 0; i < p->program->nactions; i++) {
        const struct action *a = &p->program->actions[i];
        if (a->kind == ACTION_GEMM && computes)
            RB_TRY(queue_products(p, i, turn));
        turn += a->kind == ACTION_GEMM;
        if (a->kind == ACTION_START && calls)
            RB_TRY(queue_call(p, a->call, mode));
        if (a->kind == ACTION_WAIT && calls)
            RB_TRY(queue_wait(p, a->call));
    }
    return RB_OK;
}

static int wait_for_all(struct gpu_player *p)
{
    struct patience patience = {0};
    if (p->nmakers > 0)
        RB_TRY(gpu_calls_drain(p->makers[p->maker]));
    for (bool launches = false, products = false; !launches || !products;) {
        if (!launches)
            RB_TRY(gpu_api.finished(&launches));
        if (!products)
            RB_TRY(gpu_products_finished(p->products, &products));
        if (launches && products)
            break;
        const enum patience_result r = p->comm != NULL ? patience_wait(p->comm, &patience) : PATIENCE_GO_ON;
        if (r == PATIENCE_ABORTED || r == PATIENCE_OVER)
            return rb_fail(RB_ETIMEOUT, "rank %d: %s in a step on the GPU: %s", p->job->rank, r == PATIENCE_OVER ? "no progress" : "aborted",
                           launches ? "products are not done" : "a call is not done");
    }
    return p->nmakers > 0 ? gpu_calls_result(p->makers[p->maker]) : RB_OK;
}

static int lead(struct gpu_player *p, enum play_mode mode, double sec[2])
{
    const double start = clock_sec();
    const int rc = queue_step(p, mode);
    sec[1] = clock_sec() - start;
    RB_TRY(rc);
    RB_TRY(wait_for_all(p));
    sec[0] = clock_sec() - start;
    return RB_OK;
}

int gpu_player_step(struct gpu_player *p, enum play_mode mode, double *sec_p, double *queue_sec_p)
{
    double sec[2] = { 0, 0 };
    RB_TRY(job_barrier(p->job));
    RB_TRY(job_agree(p->job, gang_leads(p->products->gang) ? lead(p, mode, sec) : RB_OK));
    RB_TRY(job_reduce(p->job, sec, RB_LEN(sec), JOB_MAX));
    *sec_p = sec[0];
    if (queue_sec_p != NULL)
        *queue_sec_p = sec[1];
    return RB_OK;
}

/* --- checking --- */

static double element(enum rb_type type, const char *at, size_t i)
{
    uint16_t half;
    uint32_t bits;
    float value;
    if (type == TYPE_FLOAT) {
        memcpy(&value, at + i * sizeof value, sizeof value);
        return value;
    }
    memcpy(&half, at + i * sizeof half, sizeof half);
    if (type == TYPE_HALF)
        return half_to_float(half);
    bits = (uint32_t)half << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t wrong_in_row(const struct gpu_player *p, const struct gpu_call_place *c, const char *out, int row)
{
    const struct matmul *g = &p->program->actions[c->product].gemm;
    uint64_t wrong = 0;
    for (int j = 0; j < g->n; j++) {
        int want = 0;
        for (int r = 0; r < p->job->nranks; r++)
            want += gpu_products_exact(&p->places, r, g, c->turn, row, j);
        wrong += element(cublas_result(p->places.type), out, (size_t)row * (size_t)g->n + (size_t)j) != want;
    }
    return wrong;
}

/* Rows all over the result. */
static int compare(const struct gpu_player *p, const struct gpu_call_place *c, double sums[2])
{
    const struct matmul *g = &p->program->actions[c->product].gemm;
    const size_t bytes = (size_t)g->m * (size_t)g->n * type_bytes(cublas_result(p->places.type));
    const int most = COMPARED / g->n > 0 ? COMPARED / g->n : 1, rows = most < g->m ? most : g->m;
    char *out = rb_malloc(bytes);
    const int rc = comm_copy(p->comm, out, c->seen, bytes);
    for (int i = 0; i < rows && rc == RB_OK; i++) {
        sums[0] += (double)wrong_in_row(p, c, out, (int)((int64_t)g->m * i / rows));
        sums[1] += g->n;
    }
    free(out);
    return rc;
}

/* Nothing that an earlier step left may pass for this one's: products and calls out of order are then found. */
static int poison(const struct gpu_player *p)
{
    char *block = rb_malloc(POISONED);
    int rc = RB_OK;
    memset(block, POISON, POISONED);
    for (size_t done = 0; done < p->arena_bytes && rc == RB_OK; done += POISONED)
        rc = comm_copy(p->comm, (char *)p->arena + done, block, p->arena_bytes - done < POISONED ? p->arena_bytes - done : POISONED);
    free(block);
    return rc;
}

/* A step of exact numbers, looked at on the way. */
static int play_exact(struct gpu_player *p)
{
    double sec;
    int rc = gang_leads(p->products->gang) ? gpu_products_fill(p->products, GPU_NUMBERS_EXACT) : RB_OK;
    if (rc == RB_OK)
        rc = poison(p);
    RB_TRY(job_agree(p->job, rc));
    p->looks = true;
    rc = gpu_player_step(p, PLAY_ALL, &sec, NULL);
    p->looks = false;
    return rc;
}

int gpu_player_check(struct gpu_player *p, uint64_t *wrong_p, uint64_t *compared_p)
{
    const bool leads = gang_leads(p->products->gang);
    double sums[2] = { 0, 0 };
    RB_TRY(play_exact(p));
    int rc = RB_OK;
    for (size_t i = 0; i < p->program->ncalls && rc == RB_OK; i++)
        if (p->calls[i].product >= 0)
            rc = compare(p, &p->calls[i], sums);
    if (rc == RB_OK && leads)
        rc = gpu_products_fill(p->products, GPU_NUMBERS_RANDOM);
    RB_TRY(job_agree(p->job, rc));
    RB_TRY(job_reduce(p->job, sums, RB_LEN(sums), JOB_SUM));
    *wrong_p = (uint64_t)sums[0];
    *compared_p = (uint64_t)sums[1];
    return RB_OK;
}
