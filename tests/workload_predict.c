/* The model's arithmetic on prices that are made up: bubbles, overlap, queues. */
#include "workload/predict.h"
#include "workload/traffic.h"

#include "core/error.h"
#include "workload/hand_over.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double got, double wanted, double relative)
{
    assert_true(fabs(got - wanted) <= relative * fabs(wanted));
}

/* t = alpha + beta x bytes for a call of that kind, as a fit of four exact points. */
static struct price_call priced(const struct algorithm *a, int ranks, int groups, double alpha, double beta)
{
    struct price_call k = { .algorithm = a, .ranks = ranks, .groups = groups, .wire = 1 };
    double x[5], us[5];
    for (int i = 0; i < 5; i++) {
        x[i] = pow(10, i + 2);
        us[i] = (alpha + beta * x[i]) * 1e6;
    }
    fit_points(&k.fit, x, us, NULL, 5);
    assert_string_equal(k.fit.refused, "");
    return k;
}

static double predicted(const struct program *programs, const struct grid *grid, const struct prices *prices, enum play_mode mode)
{
    double sec = -1;
    assert_int_equal(predict(programs, grid, prices, mode, &sec), RB_OK);
    return sec;
}

/* --- two ranks, one call, one product --- */

struct pair {
    struct grid grid;
    struct program programs[2];
};

static void make_pair(struct pair *p, bool overlapped)
{
    p->grid = grid_make(1, 2, 1);
    for (int r = 0; r < 2; r++) {
        p->programs[r] = (struct program){ .grid = &p->grid, .rank = r };
        const int call = program_start(&p->programs[r], AXIS_DATA, COLLECTIVE_ALL_REDUCE, 250000, 0);
        if (!overlapped)
            program_wait(&p->programs[r], call);
        program_gemm(&p->programs[r], 8, 8, 8);
        program_wait(&p->programs[r], call);
    }
}

static void free_pair(struct pair *p)
{
    program_free(&p->programs[0]);
    program_free(&p->programs[1]);
}

/* A call of 10 ms (1 MB) beside a product of 30: hidden as far as the core has no part in it. */
static void overlap_hides_what_the_core_need_not_do(void **state)
{
    (void)state;
    struct price_gemm gemm = { .gemm = { 8, 8, 8 }, .work.sec = 0.030 };
    struct price_call call = priced(algorithm_find("ring_all_reduce"), 2, 1, 0, 1e-8);
    struct prices prices = { .gemms = &gemm, .ngemms = 1, .calls = &call, .ncalls = 1 };
    static const double shares[] = { 0, 0.5, 1 };
    for (size_t i = 0; i < RB_LEN(shares); i++) {
        struct pair apart, beside;
        prices.core_share = shares[i];
        make_pair(&apart, false);
        make_pair(&beside, true);
        assert_near(predicted(apart.programs, &apart.grid, &prices, PLAY_ALL), 0.040, 0.01);
        assert_near(predicted(beside.programs, &beside.grid, &prices, PLAY_ALL), 0.030 + shares[i] * 0.010, 0.01);
        assert_near(predicted(beside.programs, &beside.grid, &prices, PLAY_COMPUTE), 0.030, 1e-9);
        assert_near(predicted(beside.programs, &beside.grid, &prices, PLAY_CALLS), 0.010, 0.01);
        assert_near(predicted(beside.programs, &beside.grid, &prices, PLAY_TOKENS), 0.030, 0.01);
        free_pair(&apart);
        free_pair(&beside);
    }
    fit_free(&call.fit);
}

/* --- the pipeline --- */

static void times_of_products(const struct program *programs, int n, struct prices *p)
{
    for (int r = 0; r < n; r++)
        for (size_t i = 0; i < programs[r].nactions; i++) {
            const struct matmul *g = &programs[r].actions[i].gemm;
            if (programs[r].actions[i].kind != ACTION_GEMM || !isnan(price_of_gemm(p, g)))
                continue;
            p->gemms = realloc(p->gemms, (p->ngemms + 1) * sizeof *p->gemms);
            p->gemms[p->ngemms++] = (struct price_gemm){ .gemm = *g, .work.sec = 2.0 * g->m * g->n * g->k / 1e9 };
        }
}

/* m micro-batches through n stages keep every stage busy for m of m + n - 1 turns, with free calls and updates. */
static void the_bubble_of_a_pipeline(void **state)
{
    (void)state;
    const struct workload *w = NULL;
    const struct preset *preset = NULL;
    assert_int_equal(workload_find("pipeline", &w), RB_OK);
    assert_int_equal(preset_find("llama-2-7b", &preset), RB_OK);
    for (int n = 2; n <= 6; n += 2)
        for (int m = 1; m <= 12; m += 3) {
            struct workload_setup s = { .model = model_scaled(preset, 32, n), .grid = w->grid(n), .micro_batches = m, .bucket_bytes = 1 << 20 };
            struct program *programs = programs_make(w, &s);
            struct price_call hand = priced(&hand_over_next, n, 1, 1e-12, 1e-20);
            struct prices p = { .calls = &hand, .ncalls = 1, .core_share = 1 };
            times_of_products(programs, n, &p);
            const double busy = predicted(programs, &s.grid, &p, PLAY_COMPUTE), all = predicted(programs, &s.grid, &p, PLAY_ALL);
            assert_near(all / busy, (double)(m + n - 1) / m, 0.001);
            fit_free(&hand.fit);
            free(p.gemms);
            programs_free(programs, n);
        }
}

/* --- programs that cannot be played --- */

static void a_step_that_never_ends_is_refused(void **state)
{
    (void)state;
    struct pair p;
    struct price_call call = priced(algorithm_find("ring_all_reduce"), 2, 1, 1e-6, 1e-9);
    const struct prices prices = { .calls = &call, .ncalls = 1, .core_share = 1 };
    double sec;
    p.grid = grid_make(1, 2, 1);
    p.programs[0] = (struct program){ .grid = &p.grid, .rank = 0 };
    p.programs[1] = (struct program){ .grid = &p.grid, .rank = 1 };
    program_call(&p.programs[0], AXIS_DATA, COLLECTIVE_ALL_REDUCE, 1000, 0); /* rank 1 never comes */
    assert_int_equal(predict(p.programs, &p.grid, &prices, PLAY_ALL, &sec), RB_EINTERNAL);
    assert_int_equal(predict(p.programs, &p.grid, &prices, PLAY_COMPUTE, &sec), RB_OK);
    free_pair(&p);
    fit_free(&call.fit);
}

/* Every workload on every number of ranks can be walked to its end, and calls make it longer. */
static void every_workload_ends(void **state)
{
    (void)state;
    const struct preset *preset = NULL;
    assert_int_equal(preset_find("llama-2-7b", &preset), RB_OK);
    for (size_t i = 0; i < workload_count; i++)
        for (int n = 2; n <= 9 && workloads[i]->run == NULL; n++) {
            struct workload_setup s = { .model = model_scaled(preset, 32, n), .grid = workloads[i]->grid(n), .micro_batches = 5, .bucket_bytes = 1 << 18,
                                        .generated = 3, .batch = 4 };
            struct program *programs = programs_make(workloads[i], &s);
            struct price_call calls[40];
            struct prices p = { .calls = calls, .core_share = 0.5 };
            times_of_products(programs, n, &p);
            for (int axis = AXIS_TENSOR; axis < AXIS_COUNT; axis++)
                for (size_t a = 0; a < 7 && s.grid.size[axis] > 1; a++) {
                    const struct algorithm *kind = a < 6 ? algorithm_of((enum collective_id)a, "ring") : &hand_over_next;
                    calls[p.ncalls++] = priced(kind, s.grid.size[axis], n / s.grid.size[axis], 1e-6, 1e-9);
                }
            const double compute = predicted(programs, &s.grid, &p, PLAY_COMPUTE), all = predicted(programs, &s.grid, &p, PLAY_ALL);
            assert_true(all > compute && all <= compute * n + n * predicted(programs, &s.grid, &p, PLAY_CALLS));
            while (p.ncalls > 0)
                fit_free(&calls[--p.ncalls].fit);
            free(p.gemms);
            programs_free(programs, n);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlap_hides_what_the_core_need_not_do),
        cmocka_unit_test(the_bubble_of_a_pipeline),
        cmocka_unit_test(a_step_that_never_ends_is_refused),
        cmocka_unit_test(every_workload_ends),
    };
    return cmocka_run_group_tests_name("workload_predict", tests, NULL, NULL);
}
