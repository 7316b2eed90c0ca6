#include "workload/gpu_prices.h"

#include "core/error.h"
#include "core/text.h"
#include "workload/samples.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 5, PRODUCTS = 8, CALLS = 4, BESIDE_MOST = 32 };

struct pricing {
    struct comm *comm;
    struct gpu_products *products;
};

/* Medians of the modes asked for. */
static int play(const struct pricing *k, const struct program *program, const enum play_mode *modes, size_t n, double *sec)
{
    struct gpu_player *player = NULL;
    double samples[PLAY_MODES][SAMPLES], warm;
    RB_TRY(gpu_player_open(&player, program, k->comm, k->products));
    int rc = gpu_player_step(player, modes[0], &warm, NULL);
    for (int i = 0; i < SAMPLES; i++)
        for (size_t mode = 0; mode < n && rc == RB_OK; mode++)
            rc = gpu_player_step(player, modes[mode], &samples[mode][i], NULL);
    RB_TRY(rc);
    for (size_t mode = 0; mode < n; mode++)
        sec[mode] = samples_median(samples[mode], SAMPLES);
    return gpu_player_close(player);
}

static int price_product(const struct pricing *k, const struct grid *grid, struct price_gemm *price)
{
    static const enum play_mode mode = PLAY_COMPUTE;
    struct program program = { .grid = grid };
    for (int i = 0; i < PRODUCTS; i++)
        program_gemm(&program, price->gemm.m, price->gemm.n, price->gemm.k);
    const int rc = play(k, &program, &mode, 1, &price->work.sec);
    price->work.sec /= PRODUCTS;
    program_free(&program);
    return rc;
}

static bool is_priced(const struct prices *p, const struct matmul *g)
{
    for (size_t i = 0; i < p->ngemms; i++)
        if (memcmp(&p->gemms[i].gemm, g, sizeof *g) == 0)
            return true;
    return false;
}

static int price_products(struct prices *p, const struct pricing *k, const struct program *program)
{
    for (size_t i = 0; i < program->nactions; i++) {
        const struct action *a = &program->actions[i];
        if (a->kind != ACTION_GEMM || is_priced(p, &a->gemm))
            continue;
        p->gemms = rb_realloc(p->gemms, (p->ngemms + 1) * sizeof *p->gemms);
        p->gemms[p->ngemms] = (struct price_gemm){ .gemm = a->gemm };
        RB_TRY(price_product(k, program->grid, &p->gemms[p->ngemms++]));
    }
    return RB_OK;
}

static int price_size(const struct pricing *k, const struct program *program, const struct program_call *c, uint64_t count, double *sec_p)
{
    static const enum play_mode mode = PLAY_CALLS;
    struct program calls = { .grid = program->grid };
    for (int i = 0; i < CALLS; i++)
        program_call(&calls, c->axis, c->algorithm->collective, count, c->root);
    const int rc = play(k, &calls, &mode, 1, sec_p);
    *sec_p /= CALLS;
    program_free(&calls);
    return rc;
}

/* Of the largest call: its sizes go down from there. */
static int price_calls(struct prices *p, const struct pricing *k, const struct program *program, const struct program_call *c)
{
    double bytes[PRICE_SIZES], us[PRICE_SIZES];
    size_t n = 0;
    for (int i = PRICE_SIZES - 1; i >= 0; i--) { /* ascending */
        const uint64_t count = c->count >> (2 * i);
        if (count == 0 || (n > 0 && (double)count * p->element_bytes <= bytes[n - 1]))
            continue;
        bytes[n] = (double)count * p->element_bytes;
        RB_TRY(price_size(k, program, c, count, &us[n]));
        us[n++] *= 1e6;
    }
    p->calls = rb_calloc(1, sizeof *p->calls);
    p->ncalls = 1;
    p->calls[0] = (struct price_call){ .algorithm = c->algorithm, .ranks = program->grid->size[c->axis], .groups = 1, .to_bytes = bytes[n - 1], .wire = 1 };
    fit_points(&p->calls[0].fit, bytes, us, NULL, n);
    return RB_OK;
}

/* A call that begins before products that take at least as long. */
static int price_share(struct prices *p, const struct pricing *k, const struct program *program, const struct program_call *c)
{
    static const enum play_mode modes[] = { PLAY_ALL, PLAY_COMPUTE, PLAY_CALLS };
    struct program beside = { .grid = program->grid };
    const struct price_gemm *largest = &p->gemms[0];
    double sec[RB_LEN(modes)];
    for (size_t i = 1; i < p->ngemms; i++)
        largest = p->gemms[i].work.sec > largest->work.sec ? &p->gemms[i] : largest;
    const double products = ceil(price_of_call(p, program->grid, c, c->count) / largest->work.sec);
    const int call = program_start(&beside, c->axis, c->algorithm->collective, c->count, c->root);
    for (int i = 0; i < (products < BESIDE_MOST ? (int)products : (int)BESIDE_MOST); i++)
        program_gemm(&beside, largest->gemm.m, largest->gemm.n, largest->gemm.k);
    program_wait(&beside, call);
    const int rc = play(k, &beside, modes, RB_LEN(modes), sec);
    program_free(&beside);
    RB_TRY(rc);
    p->core_share = fmin(fmax((sec[0] - fmax(sec[1], sec[2])) / sec[2], 0), 1.5);
    return RB_OK;
}

int gpu_prices_measure(struct prices *p, const struct program *program, struct comm *comm, struct gpu_products *products)
{
    const struct pricing k = { comm, products };
    const struct program_call *largest = NULL;
    *p = (struct prices){ .element_bytes = (int)type_bytes(cublas_result(products->type)) };
    RB_TRY(price_products(p, &k, program));
    for (size_t i = 0; i < program->ncalls; i++)
        largest = largest == NULL || program->calls[i].count > largest->count ? &program->calls[i] : largest;
    if (largest == NULL)
        return RB_OK;
    RB_TRY(price_calls(p, &k, program, largest));
    return price_share(p, &k, program, largest);
}
