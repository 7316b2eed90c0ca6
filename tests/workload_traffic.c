/* What every workload moves, counted from the schedules of its calls, against the documents' formulas and the report's models. */
#include "workload/traffic.h"

#include "core/error.h"
#include "report/memory_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double got, double wanted, double relative)
{
    assert_true(fabs(got - wanted) <= relative * fabs(wanted));
}

static struct workload_setup setup_of(const struct workload *w, const char *model, double scale, int nranks)
{
    const struct preset *preset = NULL;
    assert_int_equal(preset_find(model, &preset), RB_OK);
    struct workload_setup s = { .model = model_scaled(preset, scale, nranks), .bucket_bytes = 300000, .micro_batches = 6, .generated = 3, .batch = 5 };
    s.grid = w->grid(nranks);
    return s;
}

static struct workload_traffic count(const struct workload *w, const struct workload_setup *s)
{
    struct program *programs = programs_make(w, s);
    struct workload_traffic t = {0};
    assert_int_equal(traffic_count(programs, &s->grid, MODEL_BYTES, &t), RB_OK);
    programs_free(programs, s->grid.size[AXIS_ALL]);
    return t;
}

static const struct workload *named(const char *name)
{
    const struct workload *w = NULL;
    assert_int_equal(workload_find(name, &w), RB_OK);
    return w;
}

/* To the byte, whatever the number of ranks and the model. */
static void bytes_equal_the_formulas(void **state)
{
    (void)state;
    static const char *const models[] = { "llama-2-7b", "llama-2-70b", "gpt-2-1.5b" };
    for (size_t i = 0; i < workload_count; i++)
        for (size_t m = 0; m < RB_LEN(models) && workloads[i]->run == NULL; m++)
            for (int n = 1; n <= 12; n++) {
                const struct workload_setup s = setup_of(workloads[i], models[m], 32, n);
                if (workloads[i]->refuses != NULL && workloads[i]->refuses(&s) != NULL)
                    continue;
                const struct workload_traffic t = count(workloads[i], &s);
                assert_near((double)(t.total + t.copied), workloads[i]->formula(&s), 1e-12);
            }
}

/* In units of P (bytes of all weights) sent by a rank, without the (n-1)/n of a ring: 2, 2, 2, 3. */
static void data_parallel_moves_two_or_three_times_the_weights(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double times;
    } rows[] = { { "ddp", 2 }, { "zero1", 2 }, { "zero2", 2 }, { "zero3", 3 }, { "zero-offload", 2 } };
    for (size_t i = 0; i < RB_LEN(rows); i++)
        for (int n = 2; n <= 16; n *= 2) {
            const struct workload_setup s = setup_of(named(rows[i].name), "llama-2-7b", 16, n);
            const struct workload_traffic t = count(named(rows[i].name), &s);
            const double whole = (double)model_params(&s.model) * MODEL_BYTES;
            assert_near((double)t.busiest_egress / (whole * (n - 1) / n), rows[i].times, 1e-3);
            assert_int_equal(t.total, (uint64_t)(rows[i].times * (n - 1) * whole));
        }
    const struct workload_setup s = setup_of(named("zero-offload"), "llama-2-7b", 16, 4);
    assert_int_equal(count(named("zero-offload"), &s).copied, 2 * model_params(&s.model) * MODEL_BYTES);
}

static void buckets_change_the_calls_not_the_bytes(void **state)
{
    (void)state;
    struct workload_setup s = setup_of(named("ddp"), "llama-2-7b", 16, 4);
    const struct workload_traffic small = count(named("ddp"), &s);
    s.bucket_bytes = (uint64_t)25 << 20;
    const struct workload_traffic large = count(named("ddp"), &s);
    assert_int_equal(small.total, large.total);
    assert_int_equal(large.calls, (model_params(&s.model) * MODEL_BYTES + s.bucket_bytes - 1) / s.bucket_bytes);
    assert_true(small.calls > 4 * large.calls);
}

/* The volumes that report/layer.h gives for the splits of one layer. */
static void layers_move_what_the_layer_model_says(void **state)
{
    (void)state;
    for (int n = 2; n <= 16; n *= 2) {
        const struct workload_setup s = setup_of(named("tp-layer"), "llama-2-7b", 16, n);
        const struct layer l = model_layer(&s.model, s.model.tokens);
        assert_near((double)count(named("tp-layer"), &s).total / (n * s.model.layers * split_volume(SPLIT_1D, &l, n)), 1, 1e-12);
    }
    for (int q = 2; q <= 4; q++) {
        const struct workload_setup s = setup_of(named("tp-2d"), "llama-2-7b", 16, q * q);
        const struct layer l = model_layer(&s.model, s.model.tokens);
        assert_int_equal(s.grid.size[AXIS_TENSOR], q);
        assert_near((double)count(named("tp-2d"), &s).total / (q * q * s.model.layers * split_volume(SPLIT_2D, &l, q * q)), 1, 1e-12);
    }
    for (int n = 2; n <= 12; n += 5) {
        const struct workload_setup s = setup_of(named("ring-attention"), "llama-2-7b", 16, n);
        const struct layer l = model_layer(&s.model, s.model.tokens * n);
        assert_near((double)count(named("ring-attention"), &s).total / (n * s.model.layers * split_volume(SPLIT_RING, &l, n)), 1, 1e-12);
    }
}

/* 8 x 64 x 6 = 3072 GPUs have one call list each, and the ranks' factors go round. */
static void the_grid_of_the_documents(void **state)
{
    (void)state;
    const struct grid g = grid_make(8, 6, 64), two = named("3d")->grid(2), eight = named("3d")->grid(8), twelve = named("3d")->grid(12);
    assert_int_equal(g.size[AXIS_ALL], 3072);
    assert_int_equal(two.size[AXIS_TENSOR], 2);
    for (int axis = AXIS_TENSOR; axis < AXIS_COUNT; axis++)
        assert_int_equal(eight.size[axis], 2);
    assert_int_equal(twelve.size[AXIS_ALL], 12);
    for (int axis = 0; axis < AXIS_COUNT; axis++)
        for (int r = 0; r < 3072; r += 7) {
            const int group = grid_group(&g, (enum axis)axis, r), at = grid_position(&g, (enum axis)axis, r);
            assert_int_equal(grid_rank(&g, (enum axis)axis, group, at), r);
        }
}

/* All ranks together compute the same whatever the split. */
static void the_work_is_shared(void **state)
{
    (void)state;
    const struct workload_setup tensor = setup_of(named("tp-layer"), "llama-2-7b", 16, 4);
    struct workload_setup alone = tensor;
    alone.grid = grid_make(1, 1, 1);
    assert_near(count(named("tp-layer"), &tensor).flop * 4, count(named("tp-layer"), &alone).flop, 1e-12);
    const struct layer l = model_layer(&alone.model, alone.model.tokens);
    assert_near(count(named("tp-layer"), &alone).flop / (alone.model.layers * layer_training_flop(&l)), 1, 0.02);
}

static void names_and_shapes(void **state)
{
    (void)state;
    const struct workload *w = NULL;
    const struct preset *preset = NULL;
    assert_int_equal(workload_find("zero33", &w), RB_EUSAGE);
    assert_int_equal(workload_find("", &w), RB_EUSAGE);
    assert_int_equal(preset_find("llama-2-7b", &preset), RB_OK);
    const double scale = model_scale_that_fits(preset, 64 << 20);
    const struct workload_model m = model_scaled(preset, scale, 6), twice = model_scaled(preset, scale / 2, 1);
    assert_true(model_params(&twice) * MODEL_BYTES > 64 << 20);
    assert_int_equal(m.layers % 6, 0);
    assert_int_equal(m.hidden % 96, 0);
    assert_int_equal(m.tokens % 6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_equal_the_formulas),
        cmocka_unit_test(data_parallel_moves_two_or_three_times_the_weights),
        cmocka_unit_test(buckets_change_the_calls_not_the_bytes),
        cmocka_unit_test(layers_move_what_the_layer_model_says),
        cmocka_unit_test(the_grid_of_the_documents),
        cmocka_unit_test(the_work_is_shared),
        cmocka_unit_test(names_and_shapes),
    };
    return cmocka_run_group_tests_name("workload_traffic", tests, NULL, NULL);
}
