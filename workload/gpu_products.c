#include "workload/gpu_products.h"

#include "core/error.h"
#include "core/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_LEAST = 2, PLACES_MOST = 16, CACHE = 128 << 20, ONES = 8, PERIOD = 999983 }; /* numbers repeat after a prime number of them */

struct gpu_prepared {
    struct matmul gemm;
    struct cublas_product *product;
};

static size_t rounded(size_t bytes)
{
    return (bytes + CUBLAS_ALIGN - 1) / CUBLAS_ALIGN * CUBLAS_ALIGN;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t operand_bytes(enum cublas_type type, int rows, int columns)
{
    return rounded((size_t)rows * (size_t)columns * type_bytes(cublas_operand(type)));
}

/* --- opening --- */

static int open_leader(struct gpu_products *p, const struct gpu_products_setup *setup)
{
    char why[240];
    if (!cublas_open(&p->cublas, setup->library, why, sizeof why)) {
        if (setup->why == NULL)
            return rb_fail(RB_ENOTIMPL, "%s", why);
        snprintf(setup->why, setup->room, "%s", why);
        return RB_ENOTIMPL;
    }
    return gpu_api.parts_open(p->gang->nmembers, &p->parts);
}

/* The same words on all ranks: those of the first leader. */
static int share_facts(struct gpu_products *p)
{
    struct facts {
        int sms, cut;
        char how[120], version[32];
    } f = {0};
    if (gang_leads(p->gang)) {
        f = (struct facts){ .sms = p->parts.sms, .cut = p->parts.cut };
        memcpy(f.how, p->parts.how, sizeof f.how);
        snprintf(f.version, sizeof f.version, "%s", cublas_version(p->cublas));
    }
    RB_TRY(job_broadcast(p->gang->job, &f, sizeof f, p->gang->leaders[0]));
    p->sms = f.sms;
    p->cut = f.cut != 0;
    memcpy(p->how, f.how, sizeof p->how);
    memcpy(p->version, f.version, sizeof p->version);
    return RB_OK;
}

int gpu_products_open(struct gpu_products **p_p, struct gang *gang, const struct gpu_products_setup *setup)
{
    struct gpu_products *p = rb_calloc(1, sizeof *p);
    p->gang = gang;
    p->type = setup->type;
    rb_mute(gang->job->rank != gang->leaders[0]);
    int rc = gang_leads(gang) ? open_leader(p, setup) : RB_OK;
    rb_mute(false);
    rc = job_agree(gang->job, rc);
    if (rc == RB_OK)
        rc = share_facts(p);
    if (rc != RB_OK) {
        gpu_products_close(p);
        return rc;
    }
    *p_p = p;
    return RB_OK;
}

static void forget(struct gpu_products *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].product != NULL)
            cublas_release(p->list[i].product);
    for (int m = 0; m < GPU_RANKS; m++)
        if (p->memory[m] != NULL)
            gpu_api.release(p->memory[m]);
    memset(p->memory, 0, sizeof p->memory);
    free(p->list);
    p->list = NULL;
    p->count = 0;
}

void gpu_products_close(struct gpu_products *p)
{
    if (p == NULL)
        return;
    forget(p);
    if (p->parts.count > 0)
        gpu_api.parts_close(&p->parts);
    cublas_close(p->cublas);
    free(p);
}

/* --- preparing --- */

static struct gpu_prepared *find(const struct gpu_products *p, const struct matmul *g)
{
    for (size_t i = 0; i < p->count; i++)
        if (memcmp(&p->list[i].gemm, g, sizeof *g) == 0)
            return &p->list[i];
    return NULL;
}

/* The numbers that memory holds over and over. */
static char *numbers_of(const struct gpu_products *p, enum gpu_numbers numbers, int rank, bool is_b);

static int fill_region(char *at, size_t bytes, const char *block, size_t block_bytes)
{
    for (size_t done = 0; done < bytes; done += block_bytes)
        RB_TRY(gpu_api.copy(at + done, block, bytes - done < block_bytes ? bytes - done : block_bytes));
    return RB_OK;
}

int gpu_products_fill(struct gpu_products *p, enum gpu_numbers numbers)
{
    const size_t block_bytes = PERIOD * type_bytes(cublas_operand(p->type));
    int rc = RB_OK;
    for (int m = 0; m < p->gang->nmembers && rc == RB_OK; m++) {
        char *a = numbers_of(p, numbers, p->gang->members[m], false), *b = numbers_of(p, numbers, p->gang->members[m], true);
        rc = fill_region(p->memory[m], p->a_bytes, a, block_bytes);
        if (rc == RB_OK)
            rc = fill_region(p->memory[m] + p->a_bytes, p->b_bytes, b, block_bytes);
        free(a);
        free(b);
    }
    return rc;
}

/* Weights that are larger than the cache, or so many of them; small models stay small. */
static void find_rooms(struct gpu_products *p, const struct matmul *shapes, size_t count)
{
    size_t b = 0;
    p->a_bytes = p->c_bytes = 0;
    p->deepest = 1;
    for (size_t i = 0; i < count; i++) {
        const struct matmul *g = &shapes[i];
        p->a_bytes = larger(p->a_bytes, operand_bytes(p->type, g->m, g->k));
        b = larger(b, operand_bytes(p->type, g->k, g->n));
        p->c_bytes = larger(p->c_bytes, rounded((size_t)g->m * (size_t)g->n * type_bytes(cublas_result(p->type))));
        p->deepest = g->k > p->deepest ? g->k : p->deepest;
    }
    p->b_bytes = larger(PLACES_LEAST * b, PLACES_MOST * b < CACHE ? PLACES_MOST * b : CACHE);
}

static int prepare_all(struct gpu_products *p, const struct matmul *shapes, size_t count, bool *missing_p)
{
    *missing_p = false;
    p->list = rb_calloc(count + 1, sizeof *p->list);
    for (size_t i = 0; i < count; i++) {
        const struct matmul g = shapes[i];
        if (find(p, &g) != NULL)
            continue;
        struct gpu_prepared *k = &p->list[p->count++];
        k->gemm = g;
        RB_TRY(cublas_prepare(p->cublas, p->type, (struct cublas_shape){ g.m, g.n, g.k }, p->parts.count > 1 ? p->parts.sms : 0, &k->product));
        *missing_p = *missing_p || k->product == NULL;
    }
    return RB_OK;
}

static int prepare_leader(struct gpu_products *p, const struct matmul *shapes, size_t count, bool *missing_p)
{
    forget(p);
    find_rooms(p, shapes, count);
    RB_TRY(prepare_all(p, shapes, count, missing_p));
    for (int m = 0; m < p->gang->nmembers; m++) {
        void *memory;
        RB_TRY(gpu_api.allocate(p->a_bytes + p->b_bytes + p->c_bytes + CUBLAS_WORKSPACE, &memory));
        p->memory[m] = memory;
    }
    return gpu_products_fill(p, GPU_NUMBERS_RANDOM);
}

static int lacks(const struct gpu_products *p)
{
    const struct matmul *g = NULL;
    for (size_t i = 0; i < p->count && g == NULL; i++)
        if (p->list[i].product == NULL)
            g = &p->list[i].gemm;
    if (g == NULL)
        return RB_ENOTIMPL; /* another leader has said it */
    return rb_fail(RB_ENOTIMPL, "cuBLAS %s has no product of %d x %d x %d in %s on this GPU (%s): take another --compute-type or --scale",
                   p->version, g->m, g->n, g->k, cublas_type_names[p->type], p->gang->facts.name);
}

int gpu_products_prepare(struct gpu_products *p, const struct matmul *shapes, size_t count, bool *missing_p)
{
    bool missing = false;
    const int rc = gang_leads(p->gang) ? prepare_leader(p, shapes, count, &missing) : RB_OK;
    RB_TRY(job_agree(p->gang->job, rc));
    double any = missing;
    RB_TRY(job_reduce(p->gang->job, &any, 1, JOB_MAX));
    if (missing_p != NULL)
        *missing_p = any > 0;
    return any == 0 || missing_p != NULL ? RB_OK : p->gang->job->rank == p->gang->leaders[0] ? lacks(p) : RB_ENOTIMPL;
}

/* --- queueing --- */

/* Weights of a turn. */
static size_t place_of(enum cublas_type type, size_t b_bytes, const struct matmul *g, unsigned turn)
{
    const size_t each = operand_bytes(type, g->k, g->n);
    return turn % (b_bytes / each) * each;
}

int gpu_products_queue(struct gpu_products *p, int member, const struct matmul *g, unsigned turn, void *result)
{
    char *a = p->memory[member], *b = a + p->a_bytes, *c = b + p->b_bytes;
    const struct cublas_operands o = { .a = a, .b = b + place_of(p->type, p->b_bytes, g, turn), .c = result != NULL ? result : c,
                                       .workspace = c + p->c_bytes };
    return cublas_queue(find(p, g)->product, &o, p->parts.streams[member]);
}

int gpu_products_finished(struct gpu_products *p, bool *done_p)
{
    *done_p = true;
    for (int m = 0; m < p->parts.count && *done_p; m++)
        RB_TRY(gpu_api.stream_finished(p->parts.streams[m], done_p));
    return RB_OK;
}

/* --- numbers --- */

/* A hash of the index (Knuth's multiplicative one, mixed): nothing that sums up by accident. */
static uint32_t scattered(uint32_t index, uint32_t rank)
{
    uint32_t h = (index + rank * 7919u + 1) * UINT32_C(2654435761);
    h ^= h >> 15;
    return h * UINT32_C(2246822519) >> 8;
}

/* A one every so many elements of A. */
static size_t apart(int deepest)
{
    return ((size_t)deepest + ONES - 1) / ONES;
}

static bool exact_of_b(size_t index, int rank)
{
    return (scattered((uint32_t)(index % PERIOD), (uint32_t)rank) & 1) != 0;
}

/* 0.5, 1, 1.5, 2 by bits, and the bit of the sign. */
static const struct {
    uint32_t values[4], sign;
} bits_of[CUBLAS_TYPES] = {
    [CUBLAS_BF16] = { { 0x3F00, 0x3F80, 0x3FC0, 0x4000 }, 0x8000 },
    [CUBLAS_FP16] = { { 0x3800, 0x3C00, 0x3E00, 0x4000 }, 0x8000 },
    [CUBLAS_TF32] = { { 0x3F000000, 0x3F800000, 0x3FC00000, 0x40000000 }, 0x80000000 },
    [CUBLAS_FP8] = { { 0x30, 0x38, 0x3C, 0x40 }, 0x80 },
};
enum { VALUE_ONE = 1 };

static void put(char *block, size_t index, size_t bytes, uint32_t bits)
{
    const uint16_t half = (uint16_t)bits;
    const uint8_t byte = (uint8_t)bits;
    memcpy(block + index * bytes, bytes == 4 ? (const void *)&bits : bytes == 2 ? (const void *)&half : (const void *)&byte, bytes);
}

static char *numbers_of(const struct gpu_products *p, enum gpu_numbers numbers, int rank, bool is_b)
{
    const size_t bytes = type_bytes(cublas_operand(p->type));
    char *block = rb_malloc(PERIOD * bytes);
    for (size_t i = 0; i < PERIOD; i++) {
        const uint32_t h = scattered((uint32_t)i, (uint32_t)rank + (is_b ? 0 : 1000));
        const bool one = is_b ? exact_of_b(i, rank) : i % apart(p->deepest) == 0;
        if (numbers == GPU_NUMBERS_EXACT)
            put(block, i, bytes, one ? bits_of[p->type].values[VALUE_ONE] : 0);
        else
            put(block, i, bytes, bits_of[p->type].values[h & 3] | ((h & 4) != 0 ? bits_of[p->type].sign : 0));
    }
    return block;
}

struct gpu_places gpu_products_places(const struct gpu_products *p)
{
    return (struct gpu_places){ p->type, p->b_bytes, p->deepest };
}

int gpu_products_exact(const struct gpu_places *p, int rank, const struct matmul *g, unsigned turn, int i, int j)
{
    const size_t k = (size_t)g->k, step = apart(p->deepest), first = (size_t)i * k, place = place_of(p->type, p->b_bytes, g, turn) / type_bytes(cublas_operand(p->type));
    int sum = 0;
    for (size_t e = first; e < first + k;) {
        const size_t in_period = e % PERIOD, beyond = in_period % step;
        if (beyond == 0) {
            const size_t at = e - first, b = cublas_transposed(p->type) ? (size_t)j * k + at : at * (size_t)g->n + (size_t)j;
            sum += exact_of_b(place + b, rank);
        }
        const size_t next = in_period - beyond + step; /* the period begins anew with a one */
        e += (next < PERIOD ? next : PERIOD) - in_period;
    }
    return sum;
}
