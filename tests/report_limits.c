/* The models behind the limits against figures worked out by hand, their properties, and the table of limits. */
#include "core/error.h"
#include "core/text.h"
#include "report/limits_measured.h"
#include "report/limits_network.h"
#include "report/memory_model.h"
#include "report/presets.h"
#include "tests/capture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fabs(expected)))
        fail_msg("%.12g, expected %.12g", value, expected);
}

/* h = 4, 2 heads, 1 of them for keys and values, feed-forward 8, not gated, batch 1, sequence 3. */
static struct layer tiny(void)
{
    return (struct layer){ .hidden = 4, .heads = 2, .kv_heads = 1, .ffn = 8, .batch = 1, .seq = 3, .bytes = 2 };
}

static void a_layer_by_hand(void **state)
{
    (void)state;
    struct layer l = tiny();
    /* query 16, key 8, value 8, output 16: 48; up and down 4x8 each: 64 -> 112 weights.
     * 2 * 3 tokens * 112 = 672; scores and values 4 * 3 * 3 * 4 = 144 -> 816; three times that with the backward pass. */
    near(layer_params(&l), 112, 0);
    near(layer_forward_flop(&l), 816, 0);
    near(layer_training_flop(&l), 2448, 0);
    l.gated = true; /* a third matrix of 32: 6 * 32 more */
    near(layer_forward_flop(&l), 1008, 0);
}

static void an_all_reduce_by_hand(void **state)
{
    (void)state;
    /* 4 GPUs, 8 MB, 1 GB/s, 1 us a hop, 5 us a call: 5 + 6 * 1 + 1.5 * 8 MB / 1 GB/s = 11 us + 12 ms */
    struct link_model k = { .bulk = { 5e-6, 1e-6, 1e9 } };
    struct comm_time c = link_all_reduce(&k, 4, 8e6);
    near(c.latency_s, 11e-6, 1e-12);
    near(c.transfer_s, 12e-3, 1e-12);
    /* The fast protocol, half the bandwidth and no latency to speak of, wins for 1 kB: 1.5 * 1e3 / 0.5e9 = 3 us */
    k.fast = (struct link_protocol){ 0, 1e-9, 0.5e9 };
    near(comm_total(link_all_reduce(&k, 4, 1e3)), 3.006e-6, 1e-9);
    near(link_all_reduce(&k, 4, 8e6).transfer_s, 12e-3, 1e-12);
    /* One peer's link carries 0.2 GB/s: 2 GPUs reach 0.2, 4 reach 0.6, 8 all of it (1.4 > 1) */
    k = (struct link_model){ .bulk = { 0, 0, 1e9 }, .per_peer_Bps = 0.2e9 };
    near(link_all_reduce(&k, 2, 1e9).transfer_s, 5, 1e-12);
    near(link_all_reduce(&k, 4, 1e9).transfer_s, 2.5, 1e-12);
    near(link_all_reduce(&k, 8, 1e9).transfer_s, 1.75, 1e-12);
    near(comm_total(link_all_reduce(&k, 1, 1e9)), 0, 0);
}

static void volumes_of_the_splits_by_hand(void **state)
{
    (void)state;
    const struct layer l = tiny();
    /* bsh = 12 elements of 2 bytes. 1D on 4: 8 * 3/4 * 12 * 2 = 144. Ring: 144 + 2 * 3/4 * 112 * 2 = 480. */
    near(split_volume(SPLIT_1D, &l, 4), 144, 1e-12);
    near(split_volume(SPLIT_RING, &l, 4), 480, 1e-12);
    /* Products: qkv A 12 B 32 C 24; output A 12 B 16 C 12; up A 12 B 32 C 24; down A 24 B 32 C 12: A 60, B 112, C 72.
     * 2D on 4 (q = 2): 3 * 1/4 * 172 * 2 = 258. 3D on 8 (l = 2): 3 * 1/8 * 244 * 2 = 183.
     * 2.5D on 8 (q = 2, d = 2): 3 * (60/8 + 112/4) = 106.5, + 2 * 1/2 * 28 = 28 -> 134.5 * 2 = 269. */
    near(split_volume(SPLIT_2D, &l, 4), 258, 1e-12);
    near(split_volume(SPLIT_3D, &l, 8), 183, 1e-12);
    near(split_volume(SPLIT_25D, &l, 8), 269, 1e-12);
    for (int s = 0; s < SPLIT_COUNT; s++)
        near(split_volume((enum layer_split)s, &l, 1), 0, 0);
}

static void sizes_that_a_split_has(void **state)
{
    (void)state;
    static const struct {
        enum layer_split split;
        double t;
        bool fits;
    } rows[] = {
        { SPLIT_1D, 7, true },  { SPLIT_2D, 9, true },    { SPLIT_2D, 8, false },   { SPLIT_25D, 8, true },  { SPLIT_25D, 4, false },
        { SPLIT_25D, 64, true }, { SPLIT_25D, 18, true }, { SPLIT_25D, 16, false }, { SPLIT_3D, 27, true },  { SPLIT_3D, 16, false },
        { SPLIT_3D, 1, true },  { SPLIT_RING, 3, true },  { SPLIT_2D, 0.5, false },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++)
        if (split_fits(rows[i].split, rows[i].t) != rows[i].fits)
            fail_msg("%s %g", layer_split_names[rows[i].split], rows[i].t);
}

static void the_documents_rule_by_hand(void **state)
{
    (void)state;
    near(document_limit(8192, 2, 989e12, 450e9), 24576.0 * 450 / 989000, 1e-12); /* 11.18 */
    near(document_limit(8192, 2, 989e12, 200e9), 24576.0 / 4945, 1e-12);         /* 4.97 */
    near(document_limit(8192, 2, 330e12, 32e9), 24576.0 / 10312.5, 1e-12);       /* 2.38 */
    near(required_flop_per_byte(989e12, 450e9), 2197.777777, 1e-6);
}

/* With bandwidth alone, no attention scores (short sequence) and an ungated block of 4h, half the time is communication where
 * 72 b s h^2 / (t F) = 4 * 2(t-1)/t * 2 b s h / W, that is t - 1 = 4.5 h W / F. */
static void the_layers_limit_by_hand(void **state)
{
    (void)state;
    const double h = 8192, W = 450e9, F = 989e12;
    const struct layer_setup s = { .layer = { .hidden = h, .heads = 64, .kv_heads = 64, .ffn = 4 * h, .batch = 1, .seq = 1e-6, .bytes = 2 },
                                   .link = { .bulk = { 0, 0, W } }, .flops = F };
    near(layer_limit(&s, 0.5), floor(1 + 4.5 * h * W / F), 0); /* 17.77 -> 17 */
    const double t = 1 + 4.5 * h * W / F;
    near(layer_time(&s, t).efficiency, 0.5, 1e-6);
    near(layer_time(&s, 1).efficiency, 1, 0);
}

static struct layer_setup usual(void)
{
    return (struct layer_setup){ .layer = { .hidden = 8192, .heads = 64, .kv_heads = 8, .ffn = 28672, .gated = true, .batch = 1, .seq = 4096, .bytes = 2 },
                                 .link = { .bulk = { 8e-6, 3e-6, 200e9 }, .fast = { 6e-6, 1e-6, 100e9 } }, .flops = 989e12 };
}

static void limits_rise_with_bandwidth_and_fall_with_rate(void **state)
{
    (void)state;
    double last_layer = 0, last_document = 0;
    for (double by = 0.1; by < 20; by *= 1.3) {
        struct layer_setup s = usual();
        s.link.bulk.Bps *= by;
        s.link.fast.Bps *= by;
        assert_true(layer_limit(&s, 0.5) >= last_layer);
        assert_true(document_limit(8192, 2, s.flops, s.link.bulk.Bps) > last_document);
        last_layer = layer_limit(&s, 0.5);
        last_document = document_limit(8192, 2, s.flops, s.link.bulk.Bps);
    }
    double above = LAYER_MOST + 1;
    for (double by = 0.1; by < 20; by *= 1.3) {
        struct layer_setup s = usual();
        s.flops *= by;
        assert_true(layer_limit(&s, 0.5) <= above);
        above = layer_limit(&s, 0.5);
    }
    near(document_limit(2 * 8192, 2, 1e12, 1e9), 2 * document_limit(8192, 2, 1e12, 1e9), 1e-12); /* in proportion to h */
    near(document_limit(8192, 2, 2e12, 2e9), document_limit(8192, 2, 1e12, 1e9), 1e-12);         /* units cancel */
}

static void efficiency_falls_with_t_and_overlap_hides(void **state)
{
    (void)state;
    struct layer_setup s = usual();
    double last = 2;
    for (double t = 1; t <= 64; t++) {
        const double e = layer_time(&s, t).efficiency;
        assert_true(e > 0 && e <= 1 && e < last);
        last = e;
    }
    s.overlap = 1;
    near(layer_time(&s, 64).efficiency, 1, 0);
    near(layer_limit(&s, 0.5), LAYER_MOST, 0);
}

static void decoding_by_hand(void **state)
{
    (void)state;
    /* The documents' 8 RTX 4090: 140 GB / 8 / 1 TB/s = 17.5 ms; 160 transfers of 330 * 16 KiB over 32 GB/s = 27.03 ms. */
    const struct decoder d = { .params = 70e9, .layers = 80, .hidden = 8192, .batch = 330, .weight_bytes = 2, .bytes = 2, .flops = 330e12, .memory_Bps = 1e12 };
    near(decode_balance_batch(330e12, 1e12), 330, 0);
    near(decode_stage(&d, 8).memory_s, 0.0175, 1e-12);
    near(decode_stage(&d, 8).arithmetic_s, 0.0175, 1e-12);
    near(decode_tensor(&d, 8, 32e9, 0).comm_s, 160 * 5406720 / 32e9, 1e-12);
    near(decode_tensor(&d, 8, 32e9, 10e-6).comm_s, 160 * (5406720 / 32e9 + 10e-6), 1e-12);
    near(decode_pipeline(&d, 8, 1e9, 0).token_s, 8 * (0.0175 + 5406720 / 1e9), 1e-12);
    near(decode_document_limit(&d, 32e9, 0), 0.14 / 0.0270336, 1e-9); /* 5.18: the transfers do not shrink with t */
    near(decode_stage(&d, 1).transfer_bytes, 5406720, 0);
    const struct link_model link = { .bulk = { 0, 0, 32e9 } };
    near(decode_tensor_ring(&d, 2, &link).comm_s, 160 * 5406720 / 32e9, 1e-12); /* 2 (2-1)/2 = 1 */
    near(decode_tensor(&d, 1, 32e9, 1).comm_s, 0, 0);
    struct decoder hidden = d;
    hidden.overlap = 0.5; /* half of 27.03 ms stays */
    near(decode_tensor(&hidden, 8, 32e9, 0).token_s, 0.0175 + 0.0135168, 1e-9);
}

static void memory_by_hand(void **state)
{
    (void)state;
    near(state_bytes(70e9), 1120e9, 1e-12);
    near(zero_state_bytes(1, 4, 1), 2 + 2 + 3, 1e-12);
    near(zero_state_bytes(1, 4, 2), 2 + 0.5 + 3, 1e-12);
    near(zero_state_bytes(1, 4, 3), 4, 1e-12);
    near(zero_volume_bytes(1e9, 4, 2, 2), 3e9, 1e-12);   /* 2 * 1e9 * 2 * 3/4 */
    near(zero_volume_bytes(1e9, 4, 3, 2), 4.5e9, 1e-12); /* 1.5 times that */
    for (int n = 1; n <= 40; n++)
        near(pipeline_kept_sets(n), 2 * n - 1, 0);
    near(training_seconds(1e9, 1e9, 1, 6e12, 0.5), 2e6, 1e-12);
    near(ring_busiest_bytes(4, 8), 12, 0);
    near(cards_needed(81e9, 80e9), 2, 0);
}

static void the_usable_count_is_a_power_of_two(void **state)
{
    (void)state;
    near(limit_usable(4.97, 8, 64), 4, 0);
    near(limit_usable(17, 8, 64), 8, 0);
    near(limit_usable(100, 72, 64), 64, 0);
    near(limit_usable(100, 1024, 40), 32, 0);
    near(limit_usable(0.3, 8, 64), 1, 0);
    near(limit_usable(8, 8, 8), 8, 0);
}

struct made {
    struct catalogue catalogue;
    struct limit_settings settings;
    struct limits limits;
};

static void make(struct made *m, const char *gpu, const char *link)
{
    assert_int_equal(catalogue_load(&m->catalogue, NULL), RB_OK);
    assert_int_equal(limits_defaults(&m->settings), RB_OK);
    m->settings.gpu = gpu;
    m->settings.link = link;
    assert_int_equal(limits_prepare(&m->settings), RB_OK);
    assert_int_equal(limits_make(&m->limits, &m->settings, &m->catalogue, NULL), RB_OK);
}

static void unmake(struct made *m)
{
    limits_free(&m->limits);
    catalogue_free(&m->catalogue);
}

static void ordered(struct limit_range r)
{
    if (!isnan(r.value))
        assert_true(r.low <= r.value && r.value <= r.high);
}

static void every_model_of_the_catalogue_has_limits(void **state)
{
    (void)state;
    struct made m;
    make(&m, "all", "all");
    assert_true(m.limits.count > 2 * m.catalogue.ngpus);
    for (size_t i = 0; i < m.limits.count; i++) {
        const struct limit *l = &m.limits.list[i];
        ordered(l->document);
        ordered(l->layer);
        assert_true(l->usable >= 1 && l->usable <= l->domain && l->usable <= 64);
        assert_true(l->usable <= l->layer.value);
        assert_true(l->at_usable > 0 && l->at_usable <= 1);
        assert_true(strcmp(l->binds, "compute") == 0 || strcmp(l->binds, "bandwidth") == 0 || strcmp(l->binds, "latency") == 0);
    }
    unmake(&m);
}

static void the_h800_carries_four(void **state)
{
    (void)state;
    struct made m;
    make(&m, "h800,H100 SXM", "scaleup");
    assert_int_equal(m.limits.count, 2);
    const struct limit *h800 = &m.limits.list[0], *h100 = &m.limits.list[1];
    near(h800->document.value, 24576.0 / 4945, 1e-12);
    near(h800->document.low, 24576.0 * 164.8 / 989000, 1e-12); /* 8 links of 20.6 */
    near(h800->usable, 4, 0);
    near(h100->usable, 8, 0);
    near(h100->document.value, 24576.0 * 450 / 989400, 1e-12);
    assert_string_equal(h800->binds, "bandwidth");
    near(limit_document_at(h800, &m.settings, 400e9).value, 2 * h800->document.value, 1e-12);
    near(limit_layer_at(h800, &m.settings, 164.8e9), h800->layer.value, 0);
    unmake(&m);
}

/* Nobody published the H800 PCIe's memory bandwidth: decoding on it has no answer, and none is made up. */
static void what_is_not_known_has_no_limit(void **state)
{
    (void)state;
    struct made m;
    assert_int_equal(catalogue_load(&m.catalogue, NULL), RB_OK);
    assert_int_equal(limits_defaults(&m.settings), RB_OK);
    m.settings.gpu = "H800 PCIe";
    m.settings.inference = true;
    assert_int_equal(limits_prepare(&m.settings), RB_OK);
    assert_int_equal(limits_make(&m.limits, &m.settings, &m.catalogue, NULL), RB_OK);
    assert_true(m.limits.count > 0);
    for (size_t i = 0; i < m.limits.count; i++) {
        const struct limit *l = &m.limits.list[i];
        assert_true(l->layer.value != l->layer.value && l->document.value != l->document.value && l->usable != l->usable);
    }
    unmake(&m);
}

static void latency_binds_small_messages(void **state)
{
    (void)state;
    struct made m;
    assert_int_equal(catalogue_load(&m.catalogue, NULL), RB_OK);
    assert_int_equal(limits_defaults(&m.settings), RB_OK);
    m.settings.gpu = "h100";
    m.settings.link = "scaleup";
    m.settings.seq = 16; /* 256 KiB an all-reduce */
    m.settings.latency_us = 50;
    assert_int_equal(limits_prepare(&m.settings), RB_OK);
    assert_int_equal(limits_make(&m.limits, &m.settings, &m.catalogue, NULL), RB_OK);
    assert_string_equal(m.limits.list[0].binds, "latency");
    near(m.limits.list[0].usable, 1, 0);
    unmake(&m);
}

/* 8 ranks, T = 14 hops of 2 us + wire / 100 GB/s, exactly: the fit must find it, and carry it to 4 ranks. */
static void a_fitted_all_reduce_is_carried_to_other_sizes(void **state)
{
    (void)state;
    enum { N = 12 };
    double x[N], t[N];
    for (int i = 0; i < N; i++) {
        x[i] = 1024.0 * pow(4, i);
        t[i] = 28 + x[i] / 1e5;
    }
    struct fit fit = {0};
    fit_points(&fit, x, t, NULL, N);
    fit.curve.ranks = 8;
    assert_string_equal(fit.refused, "");
    near(measured_all_reduce(&fit, 8, 64e6).value, 28e-6 + 1.75 * 64e6 / 100e9, 0.01);
    near(measured_all_reduce(&fit, 4, 64e6).value, 12e-6 + 1.5 * 64e6 / 100e9, 0.01); /* 6 hops of 2 us */
    fit_free(&fit);
}

static void records_of_a_gpu_give_its_measured_limit(void **state)
{
    (void)state;
    enum { N = 12 };
    struct record_case cases[N] = {0};
    for (int i = 0; i < N; i++) {
        struct record_case *k = &cases[i];
        snprintf(k->collective, sizeof k->collective, "all_reduce");
        snprintf(k->transport, sizeof k->transport, "nvlink");
        snprintf(k->gpu, sizeof k->gpu, "NVIDIA H800");
        snprintf(k->type, sizeof k->type, "float");
        k->ranks = 8;
        k->nodes = 1;
        k->bytes = (uint64_t)1024 << (2 * i);
        k->wrong = -1;
        k->time_us = (struct record_time){ .median = 28 + 1.75 * (double)k->bytes / 160e3, .min = NAN, .p95 = NAN, .p99 = NAN, .ci_low = NAN, .ci_high = NAN, .cv = NAN };
    }
    struct records r = { .cases = cases, .ncases = N };
    struct made m;
    make(&m, "h800", "scaleup");
    assert_true(m.limits.list[0].measured.value != m.limits.list[0].measured.value);
    limits_measured(&m.limits, &m.settings, &m.catalogue, &r);
    ordered(m.limits.list[0].measured);
    /* At 160 GB/s and 2 us a hop the layer model itself says how far: */
    struct layer_setup s = { .layer = m.settings.layer, .link = { .bulk = { 0, 2e-6, 160e9 } }, .flops = 989e12 };
    near(m.limits.list[0].measured.value, layer_limit(&s, 0.5), 0);
    assert_non_null(strstr(m.limits.list[0].evidence, "8 ranks"));
    assert_false(m.limits.list[0].simulated);
    for (int i = 0; i < N; i++)
        snprintf(cases[i].evidence, sizeof cases[i].evidence, "simulated");
    limits_measured(&m.limits, &m.settings, &m.catalogue, &r);
    assert_true(m.limits.list[0].simulated);
    assert_non_null(strstr(m.limits.list[0].evidence, "simulated: 8 ranks"));
    struct sheet *sheet = limits_sheet(&m.limits, &m.settings);
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    sheet_print_table(sheet, f, 0);
    fclose(f);
    assert_non_null(strstr(text, " sim"));
    free(text);
    sheet_free(sheet);
    unmake(&m);
}

/* Two hosts, 100 us a hop and 10 GB/s: the same as a link of these figures, beside the H800's own NVLink. */
static void a_measured_network_stands_beside_the_links(void **state)
{
    (void)state;
    enum { N = 12 };
    struct record_case cases[N] = {0};
    for (int i = 0; i < N; i++) {
        struct record_case *k = &cases[i];
        snprintf(k->collective, sizeof k->collective, "all_reduce");
        snprintf(k->transport, sizeof k->transport, "mpi");
        snprintf(k->algorithm, sizeof k->algorithm, "ring");
        snprintf(k->type, sizeof k->type, "float");
        k->ranks = k->nodes = 2;
        k->bytes = (uint64_t)1024 << (2 * i);
        k->wrong = -1;
        k->time_us = (struct record_time){ .median = 200 + (double)k->bytes / 10e3, .min = NAN, .p95 = NAN, .p99 = NAN, .ci_low = NAN, .ci_high = NAN, .cv = NAN };
    }
    struct records r = { .cases = cases, .ncases = N };
    struct made m;
    make(&m, "h800", "scaleup");
    assert_int_equal(m.limits.nnetwork, 0);
    limits_network(&m.limits, &m.settings, &r);
    assert_int_equal(m.limits.nnetwork, 2);
    const struct limit_network *node = &m.limits.network[0], *network = &m.limits.network[1];
    assert_true(!node->measured && network->measured);
    near(network->Bps, 10e9, 0.01);
    const struct layer_setup own = { .layer = m.settings.layer, .link = m.limits.list[0].model, .flops = m.limits.list[0].flops.value };
    const struct layer_setup slow = { .layer = m.settings.layer, .link = { .bulk = { 0, 100e-6, 10e9 } }, .flops = m.limits.list[0].flops.value };
    near(node->tensor, layer_limit(&own, m.settings.efficiency), 0);
    near(network->tensor, layer_limit(&slow, m.settings.efficiency), 0);
    /* A hand-over of b s h values takes 100 us and bytes / 10 GB/s; two of them against the arithmetic of L / p layers. */
    const struct layer *l = &m.settings.layer;
    const double bytes = l->batch * l->seq * l->hidden * 2, send = 2 * (100e-6 + bytes / 10e9), whole = layer_training_flop(l) / own.flops;
    near(network->pipeline, fmin(m.settings.decoder.layers, floor(m.settings.decoder.layers * whole / send)), 0);
    assert_true(node->data >= network->data && node->pipeline >= network->pipeline);
    unmake(&m);
}

static void shapes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct limit_settings s;
    struct capture said;
    capture_begin(&said);
    assert_int_equal(limits_defaults(&s), RB_OK);
    s.model = "llama-2-700b";
    assert_int_equal(limits_prepare(&s), RB_EUSAGE);
    assert_int_equal(limits_defaults(&s), RB_OK);
    s.gated = s.not_gated = true;
    assert_int_equal(limits_prepare(&s), RB_EUSAGE);
    assert_int_equal(limits_defaults(&s), RB_OK);
    s.kv_heads = 128;
    assert_int_equal(limits_prepare(&s), RB_EUSAGE);
    assert_int_equal(limits_defaults(&s), RB_OK);
    s.hidden = 32;
    assert_int_equal(limits_prepare(&s), RB_EUSAGE);
    capture_end(&said);
    assert_int_equal(capture_lines(&said), 4);
    assert_non_null(strstr(said.text, "did you mean llama-2-70b"));
}

static int command(const char *words, struct capture *said)
{
    char *copy = rb_strdup(words), *at = copy, *argv[16];
    int argc = 0;
    for (char *w; (w = strsep(&at, " ")) != NULL;)
        argv[argc++] = w;
    argv[argc] = NULL;
    capture_begin(said);
    const int rc = limits_command(argc, argv);
    capture_end(said);
    free(copy);
    return rc;
}

static void bad_options_end_with_6_and_one_line(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "limits --hidden -1",     "limits --hidden nan",        "limits --efficiency 0", "limits --efficiency 1.5", "limits --gpu H9000",
        "limits --link nvlink",   "limits --accumulate fp64",   "limits --bytes 0",      "limits --format yaml",    "limits --overlap 2",
        "limits --nic nothing --gpu h100", "limits --catalogue /nonexistent", "limits --results /nonexistent.jsonl --gpu h100", "limits stray",
        "limits --seq 1e99",      "limits --domain 0",
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct capture said;
        if (command(rows[i], &said) != 6 || capture_lines(&said) != 1)
            fail_msg("%s: %s", rows[i], said.text);
    }
}

static void presets_are_consistent(void **state)
{
    (void)state;
    const struct preset *p;
    assert_int_equal(preset_find("LLaMA-2 70B", &p), RB_OK);
    assert_string_equal(p->name, "llama-2-70b");
    for (size_t i = 0; i < preset_count; i++) {
        p = &presets[i];
        const struct layer l = { .hidden = p->hidden, .heads = p->heads, .kv_heads = p->kv_heads, .ffn = p->ffn, .gated = p->gated };
        const double params = p->layers * layer_params(&l) + (p->gated ? 2 : 1) * p->vocab * p->hidden;
        if (fabs(params / p->params - 1) > 0.03) /* norms, biases, positions */
            fail_msg("%s: its shape makes %.4g parameters, published %.4g", p->name, params, p->params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_by_hand),
        cmocka_unit_test(an_all_reduce_by_hand),
        cmocka_unit_test(volumes_of_the_splits_by_hand),
        cmocka_unit_test(sizes_that_a_split_has),
        cmocka_unit_test(the_documents_rule_by_hand),
        cmocka_unit_test(the_layers_limit_by_hand),
        cmocka_unit_test(limits_rise_with_bandwidth_and_fall_with_rate),
        cmocka_unit_test(efficiency_falls_with_t_and_overlap_hides),
        cmocka_unit_test(decoding_by_hand),
        cmocka_unit_test(memory_by_hand),
        cmocka_unit_test(the_usable_count_is_a_power_of_two),
        cmocka_unit_test(every_model_of_the_catalogue_has_limits),
        cmocka_unit_test(the_h800_carries_four),
        cmocka_unit_test(what_is_not_known_has_no_limit),
        cmocka_unit_test(latency_binds_small_messages),
        cmocka_unit_test(a_fitted_all_reduce_is_carried_to_other_sizes),
        cmocka_unit_test(records_of_a_gpu_give_its_measured_limit),
        cmocka_unit_test(a_measured_network_stands_beside_the_links),
        cmocka_unit_test(shapes_that_cannot_be_are_refused),
        cmocka_unit_test(bad_options_end_with_6_and_one_line),
        cmocka_unit_test(presets_are_consistent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
