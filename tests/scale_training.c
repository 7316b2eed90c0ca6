/* A training step against figures derived by hand, and what the documents conclude. */
#include "scale/training.h"

#include "core/error.h"
#include "tests/scale_data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void prepare(struct training *t, struct cluster *c, const char *cluster, const char *model)
{
    assert_int_equal(cluster_load(c, cluster, &catalogue, &links), RB_OK);
    *t = (struct training){ .cluster = c, .batch = 1024, .flops = gpu_dense16(c->gpu).value * 1e12, .memory = c->gpu->memory_GB.value * 1e9, .zero = true };
    assert_int_equal(preset_find(model, &t->model), RB_OK);
    t->seq = t->model->seq;
}

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got / want - 1) <= tolerance))
        fail_msg("%.9g where %.9g is expected", got, want);
}

/* One GPU: nothing but arithmetic, 6 P tokens and the attention's 12 L b s^2 h more; 16 bytes a parameter. */
static void test_one_gpu(void **state)
{
    (void)state;
    struct cluster c;
    struct training t;
    prepare(&t, &c, "1xH100", "llama-2-7b");
    const struct training_time r = training_step(&t, &(struct training_split){ 1, 1, 1, 1, false });
    const double tokens = 1024 * 4096.0;
    near(r.compute, (6 * 6.6e9 * tokens + 12 * 32 * 4096.0 * 4096 * tokens) / t.flops, 0.03);
    assert_true(r.step == r.compute && r.bubble == 0 && r.gradients == 0 && r.tensor == 0);
    near(r.memory, 16 * 6.74e9 + 4096.0 * 4096 * 32 * 34, 0.001);
}

/* The bubble is (P - 1) / m of the rest. */
static void test_bubble(void **state)
{
    (void)state;
    struct cluster c;
    struct training t;
    prepare(&t, &c, "8xH100", "llama-2-7b");
    const struct training_time r = training_step(&t, &(struct training_split){ 1, 8, 1, 1, false });
    near(r.bubble, 7.0 / 1024 * (r.compute + r.tensor + r.handover), 1e-9);
    near(r.step, r.compute + r.tensor + r.handover + r.bubble, 1e-9);
}

/* Full recomputation: a third more arithmetic for the layers, far less memory. */
static void test_recompute(void **state)
{
    (void)state;
    struct cluster c;
    struct training t;
    prepare(&t, &c, "8xH100", "gpt-3-175b");
    const struct training_time less = training_step(&t, &(struct training_split){ 8, 1, 1, 1, false });
    const struct training_time more = training_step(&t, &(struct training_split){ 8, 1, 1, 1, true });
    assert_true(more.compute > 1.3 * less.compute && more.compute < 1.34 * less.compute);
    assert_true(more.memory < less.memory);
}

static struct training_time best(const char *cluster, const char *model)
{
    struct cluster c;
    struct training t;
    struct training_time *list;
    prepare(&t, &c, cluster, model);
    const size_t n = training_rank(&t, &list);
    assert_true(n > 0);
    for (size_t i = 1; i < n; i++)
        assert_true(list[i - 1].fits > list[i].fits || (list[i - 1].fits && list[i].fits && list[i - 1].step <= list[i].step) ||
                    (!list[i - 1].fits && !list[i].fits && list[i - 1].memory <= list[i].memory));
    const struct training_time first = list[0];
    free(list);
    return first;
}

/* The documents: tensor parallelism ends inside the node; the slower link of the H800 halves it; on 4090 there is none. */
static void test_conclusions(void **state)
{
    (void)state;
    const struct training_time h100 = best("128x8xH100", "llama-2-70b"), h800 = best("128x8xH800", "llama-2-70b");
    const struct training_time rtx = best("2048x4090", "llama-2-70b"), a100 = best("3072xA100", "gpt-3-175b");
    assert_true(h100.fits && h800.fits && rtx.fits && a100.fits);
    assert_true(h100.split.tensor <= 8 && a100.split.tensor == 8);
    assert_true(h800.split.tensor < h100.split.tensor);
    assert_int_equal(rtx.split.tensor, 1);
    assert_true(h100.utilisation > 2 * rtx.utilisation);
}

/* 4 x 4 x 64 of llama-2-70b on 128 x 8 H100, part by part. Layer: 2 s h (2 h + h/4) + 6 s h f + 4 s^2 h forward, three times that in all. */
static void test_parts_by_hand(void **state)
{
    (void)state;
    struct cluster c;
    struct training t;
    prepare(&t, &c, "128x8xH100", "llama-2-70b");
    const struct training_time r = training_step(&t, &(struct training_split){ 4, 4, 64, 1, false });
    const double s = 4096, h = 8192, m = 1024.0 / 64, act = 2 * s * h, link = c.link_Bps, card = c.nic_Bps;
    const double layer = 3 * (2 * s * h * 2.25 * h + 6 * s * h * 28672 + 4 * s * s * h);
    near(r.compute, m * (20 * layer + 6 * s * h * 32000 / 4) / 4 / t.flops, 1e-9);
    near(r.tensor, m * 20 * 4 * (8.4e-6 + 6 * 3.4e-6 + 2 * 3 / 4.0 * act / link), 1e-9);
    near(r.handover, m * 2 * (8.4e-6 + 14e-6 + act / 4 / card), 1e-9);
    near(r.bubble, 3 * (r.compute + r.tensor + r.handover) / m, 1e-9);
    const double bytes = 2 * 68.98e9 / 16; /* pairs of replicas in a node, 32 nodes */
    const double all = 8.4e-6 + 2 * 3.4e-6 + bytes / link + 8.4e-6 + 62 * 14e-6 + 2 * 31 / 32.0 * bytes / 2 / card;
    near(r.gradients, all - r.compute / m * 2 / 3, 1e-6);
    near(r.step, r.compute + r.tensor + r.handover + r.bubble + r.gradients, 1e-9);
    near(r.memory, 4 * 68.98e9 / 16 + 12 * 68.98e9 / 16 / 64 + 4 * 20 * s * h * (10 + 24 / 4.0), 1e-9);
}

/* What does not fit is listed leanest first, so that one sees by how much. */
static void test_what_does_not_fit(void **state)
{
    (void)state;
    struct cluster c;
    struct training t;
    struct training_time *list;
    prepare(&t, &c, "8xH800", "llama-2-70b");
    const size_t n = training_rank(&t, &list);
    assert_true(n > 2 && !list[0].fits && list[0].memory < list[n - 1].memory && list[0].split.recompute);
    near(training_state(&t), 16 * 68.98e9, 1e-12);
    assert_true(training_state(&t) > 8 * t.memory);
    free(list);
}

static void test_impossible(void **state)
{
    (void)state;
    struct cluster c;
    struct training t;
    prepare(&t, &c, "4x8xH100", "llama-2-70b");
    assert_false(training_possible(&t, &(struct training_split){ 8, 4, 2, 1, false }));   /* 64 GPUs of 32 */
    assert_false(training_possible(&t, &(struct training_split){ 1, 1, 32, 64, false })); /* 2048 sequences of 1024 */
    assert_true(training_possible(&t, &(struct training_split){ 8, 4, 1, 1, false }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_gpu),   cmocka_unit_test(test_bubble),     cmocka_unit_test(test_recompute),
        cmocka_unit_test(test_conclusions), cmocka_unit_test(test_parts_by_hand), cmocka_unit_test(test_what_does_not_fit), cmocka_unit_test(test_impossible),
    };
    return cmocka_run_group_tests(tests, open_data, close_data);
}
