/* Every claim against a figure worked out by hand (the comment beside it), its verdict, and the rule of agreement. */
#include "core/error.h"
#include "report/claims.h"
#include "tests/capture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *id;
    double value;
    enum claim_verdict verdict;
} by_hand[] = {
    { "llama2-70b-years-on-one-gpu", 194.063926941, VERDICT_REPRODUCED }, /* 1.7e6 / (24*365) */
    { "llama2-70b-a100-for-a-month", 2361.11111111, VERDICT_REPRODUCED }, /* 1.7e6 / (30*24) */
    { "adam-bytes-per-param", 12, VERDICT_REPRODUCED }, /* 4 + 4 + 4 */
    { "llama2-70b-weights", 140, VERDICT_REPRODUCED }, /* 2 * 70 */
    { "llama2-70b-adam-state", 840, VERDICT_REPRODUCED }, /* 12 * 70 */
    { "llama2-70b-activations", 730.14444032, VERDICT_REPRODUCED }, /* 4096*8*8192*80 * (10+24) = 2^35 * 80/128 * 34 = 730144440320 B */
    { "llama2-70b-training-memory", 1850.14444032, VERDICT_REPRODUCED }, /* 140+140+840 + 730.14 */
    { "a100-80g-needed-for-memory", 24, VERDICT_REPRODUCED }, /* 1850.14 / 80 = 23.1, up */
    { "4090-needed-for-memory", 78, VERDICT_REPRODUCED }, /* 1850.14 / 24 = 77.1, up */
    { "pipeline-stored-activations", 159, VERDICT_REPRODUCED }, /* 2*80 - 1 */
    { "full-recompute-layers", 3240, VERDICT_REPRODUCED }, /* 80*81/2 */
    { "full-recompute-overhead", 40.5, VERDICT_REPRODUCED }, /* 3240/80 */
    { "pipeline-layer-step-flops", 196.608, VERDICT_ASSUMPTION }, /* 8*4096*6e9 */
    { "pipeline-layer-step-time-4090", 0.595781818182, VERDICT_REPRODUCED }, /* 196.608/330 */
    { "dp-gradient-pcie4-time", 0.125, VERDICT_REPRODUCED }, /* 4/32 */
    { "dp-gradient-allreduce-time", 0.25, VERDICT_ASSUMPTION }, /* 2*4/32 */
    { "dp-accumulated-step-time", 47.6625454545, VERDICT_REPRODUCED }, /* 80 * 0.59578 */
    { "cluster-batch", 16384, VERDICT_REPRODUCED }, /* 2048*8 */
    { "dp-ps-equals-ring-volume", 0.99951171875, VERDICT_ASSUMPTION }, /* 2(N-1)S / 2NS, N = 2048 */
    { "zero2-memory", 7.21126760563, VERDICT_ASSUMPTION }, /* 16 / (2 + 14/64) */
    { "zero3-volume", 1.5, VERDICT_REPRODUCED }, /* 3/2 */
    { "zero3-memory", 64, VERDICT_ITSELF }, /* 16 / (16/64) */
    { "tp-head-width", 128, VERDICT_REPRODUCED }, /* 8192/64 */
    { "tp-one-head-per-gpu-ratio", 384, VERDICT_REPRODUCED }, /* 6*128/2 */
    { "tp-one-head-bandwidth-4090", 859.375, VERDICT_REPRODUCED }, /* 330000/384 */
    { "tp-one-head-bandwidth-4090-duplex", 1.71875, VERDICT_REPRODUCED }, /* 2*330/384 */
    { "tp-required-ratio-4090", 10312.5, VERDICT_REPRODUCED }, /* 330000/32 */
    { "tp-limit-4090", 2.38312727273, VERDICT_REPRODUCED }, /* 24576 / 10312.5 */
    { "tp-required-ratio-h100", 2197.77777778, VERDICT_ITSELF }, /* 989000/450 */
    { "tp-limit-h100", 11.1822042467, VERDICT_REPRODUCED }, /* 24576 / 2197.8 */
    { "tp-required-ratio-h800", 4945, VERDICT_REPRODUCED }, /* 989000/200 */
    { "tp-limit-h800", 4.9698685541, VERDICT_ITSELF }, /* 24576/4945 */
    { "tp-required-ratio-h100-pcie5", 15453.125, VERDICT_REPRODUCED }, /* 989000/64 */
    { "tp-limit-h100-pcie5", 1.59035793731, VERDICT_REPRODUCED }, /* 24576 / 15453.1 */
    { "nvlink-3090-nominal", 112.5, VERDICT_DATASHEET }, /* 4 links * 14.0625 * 2 directions */
    { "gh200-compute-doubles", 0.999595714574, VERDICT_DATASHEET }, /* 989 / 989.4, dense */
    { "h800-nvlink", 400, VERDICT_REPRODUCED }, /* 8 links * 25 * 2 directions */
    { "a100-flop-per-link-byte", 1040, VERDICT_REPRODUCED }, /* 312000/300 */
    { "cluster-failure-interval", 21.09375, VERDICT_REPRODUCED }, /* 43200/2048 */
    { "cluster-failure-loss", 0.474074074074, VERDICT_REPRODUCED }, /* 10 / 21.09375 */
    { "kv-cache-70b", 85.89934592, VERDICT_ASSUMPTION }, /* 2*80*8192*4096*8*2 = 80 * 2^30 */
    { "kv-cache-flops-saved", 703.687441777, VERDICT_ASSUMPTION }, /* 4*8192^2*4096*80*8 = 640 * 2^40 */
    { "kv-cache-flops-per-byte", 8192, VERDICT_ITSELF }, /* 640*2^40 / (80*2^30) = 8 * 2^10 */
    { "kv-recompute-loads", 43.980465111, VERDICT_ASSUMPTION }, /* 4096*80*2*8192^2 = 40 * 2^40 */
    { "kv-cache-per-prompt-70b", 10.73741824, VERDICT_ITSELF }, /* 80 * 2^30 / 8 */
    { "activation-one-layer", 0.536870912, VERDICT_REPRODUCED }, /* 8*4096*8192*2 = 2^29 */
    { "balance-batch-4090", 330, VERDICT_REPRODUCED }, /* 330/1 */
    { "balance-batch-h100", 295.223880597, VERDICT_REPRODUCED }, /* 989/3.35 */
    { "pp-token-latency-stage-4090", 0.0175, VERDICT_REPRODUCED }, /* 140/8/1000 */
    { "pp-token-latency-4090", 0.14, VERDICT_REPRODUCED }, /* 8 * 0.0175 */
    { "pp-token-rate-4090", 7.14285714286, VERDICT_REPRODUCED }, /* 1/0.14 */
    { "compute-bound-stage-4090", 0.054303030303, VERDICT_REPRODUCED }, /* 1024*2*70e9/8/330e12 */
    { "pp-transfer-batch8", 4.096, VERDICT_REPRODUCED }, /* 131072 B / 32e3 B/us */
    { "pp-transfer-batch330", 0.16896, VERDICT_ASSUMPTION }, /* 5406720 B / 32e6 B/ms */
    { "pp-transfer-gbe-batch1", 0.131072, VERDICT_ITSELF }, /* 16384 B / 125e3 B/ms */
    { "pp-transfer-gbe-batch330", 43.25376, VERDICT_ASSUMPTION }, /* 5406720 B / 125e3 B/ms */
    { "pp-gbe-batch330-rate", 2.05748582475, VERDICT_ITSELF }, /* 1 / (8*0.04325376 + 0.14) */
    { "pp-gbe-budget-batch", 57, VERDICT_ASSUMPTION }, /* 125e6*0.0075 / 16384 = 57.2, down */
    { "pp-gbe-throughput", 2280, VERDICT_ASSUMPTION }, /* 8 * 57 * 5 */
    { "tp-transfer-batch1", 0.512, VERDICT_REPRODUCED }, /* 16384/32e3 */
    { "tp-comm-batch1-4090", 4.8, VERDICT_REPRODUCED }, /* 160 * 0.03 */
    { "tp-token-latency-batch1-4090", 22.3, VERDICT_REPRODUCED }, /* 17.5 + 4.8 */
    { "tp-token-rate-batch1-4090", 44.8430493274, VERDICT_REPRODUCED }, /* 1/0.0223 */
    { "tp-transfer-batch330-4090", 0.16896, VERDICT_REPRODUCED }, /* 5406720/32e6 */
    { "tp-comm-batch330-4090", 27.0336, VERDICT_REPRODUCED }, /* 160 * 0.16896 */
    { "tp-token-latency-batch330-4090", 44.5336, VERDICT_REPRODUCED }, /* 17.5 + 27.0336 */
    { "tp-token-rate-batch330-4090", 22.4549553595, VERDICT_REPRODUCED }, /* 1/0.0445336 */
    { "tp-transfer-batch295-h100", 0.0107406222222, VERDICT_REPRODUCED }, /* 295*16384 B / 450e6 B/ms */
    { "tp-comm-batch295-h100", 1.71849955556, VERDICT_ASSUMPTION }, /* 160 * 0.0107406 */
    { "tp-compute-h100", 5.22388059701, VERDICT_REPRODUCED }, /* 140/8/3.35 */
    { "tp-token-latency-h100", 6.94238015257, VERDICT_ASSUMPTION }, /* 5.2239 + 1.7185 */
    { "tp-token-rate-h100", 144.042817884, VERDICT_ASSUMPTION }, /* 1000/6.9424 */
    { "cost-4090-server-capital", 1.52207001522, VERDICT_REPRODUCED }, /* 40000 / 26280 h */
    { "cost-4090-server-power", 0.5, VERDICT_REPRODUCED }, /* 5 * 0.1 */
    { "cost-4090-server-rack", 0.520833333333, VERDICT_REPRODUCED }, /* 375 / 720 h */
    { "cost-4090-server", 2.54290334855, VERDICT_REPRODUCED }, /* 1.52207 + 0.5 + 0.52083 */
    { "throughput-8x4090", 12207.03125, VERDICT_REPRODUCED }, /* 330 / 0.0270336 */
    { "tokens-per-hour-8x4090", 43.9453125, VERDICT_REPRODUCED }, /* 12207.03 * 3600 */
    { "tokens-per-dollar-8x4090", 17.281550447, VERDICT_ASSUMPTION }, /* 43.9453 / 2.54290 */
    { "cost-h100-server-capital", 11.4155251142, VERDICT_REPRODUCED }, /* 300000/26280 */
    { "cost-h100-server-rack", 1.04166666667, VERDICT_REPRODUCED }, /* 750/720 */
    { "cost-h100-server", 13.4571917808, VERDICT_ASSUMPTION }, /* 11.41553 + 1 + 1.04167 */
    { "throughput-8xh100", 56471.4285714, VERDICT_REPRODUCED }, /* 295 / 0.00522388 */
    { "tokens-per-hour-8xh100", 203.297142857, VERDICT_ASSUMPTION }, /* 56471.4 * 3600 */
    { "tokens-per-dollar-8xh100", 15.1069514478, VERDICT_ASSUMPTION }, /* 203.297 / 13.45719 */
    { "h100-vs-4090-token-cost", 0.143946911242, VERDICT_ASSUMPTION }, /* 17.2816 / 15.1070 - 1 */
    { "h100-vs-4090-throughput", 4.62613942857, VERDICT_REPRODUCED }, /* 56471.4 / 12207.0 */
    { "gpt35-price-ratio", 34.5631008941, VERDICT_REPRODUCED }, /* 17.2816 / 0.5 */
    { "desktop-pp-10gbe-transfer", 4.325376, VERDICT_REPRODUCED }, /* 5406720*8 bit / 10e6 bit/ms */
    { "desktop-tp-200g-transfer", 0.2162688, VERDICT_REPRODUCED }, /* 5406720*8 / 200e6 */
    { "desktop-tp-200g-token-latency", 52.103008, VERDICT_ASSUMPTION }, /* 160 * 0.2162688 + 17.5 */
    { "desktop-tp-200g-token-rate", 19.1927498696, VERDICT_REPRODUCED }, /* 1000 / 52.103 */
    { "hybrid-tp4-pp2-token-latency", 75.8748032, VERDICT_ASSUMPTION }, /* 27.0336 + 2*(5406720*4*8/25e6 + 17.5) */
    { "hybrid-tp4-pp2-token-rate", 13.1796058484, VERDICT_REPRODUCED }, /* 1000 / 75.8748 */
    { "cheapest-cluster-capital", 0.76103500761, VERDICT_REPRODUCED }, /* 20000/26280 */
    { "cheapest-cluster-tokens-per-dollar", 29.296875, VERDICT_REPRODUCED }, /* 43.9453 / 1.5 */
    { "gpt3-3d-parallel-gpus", 3072, VERDICT_REPRODUCED }, /* 8*64*6 */
    { "tp-2d-peers", 99, VERDICT_REPRODUCED }, /* sqrt(10000) - 1 */
    { "sequence-ring-steps", 99, VERDICT_REPRODUCED }, /* 100 - 1 */
    { "200b-fp32-weights", 800, VERDICT_REPRODUCED }, /* 4*200 */
    { "200b-training-memory", 3.2, VERDICT_REPRODUCED }, /* 16 * 0.2 */
    { "llama-7b-params", 6590300160, VERDICT_REPRODUCED }, /* 385*4096^2 + 32000*4096 */
    { "llama-7b-decoder-params", 6442450944, VERDICT_REPRODUCED }, /* 384*4096^2 */
    { "llama-13b-params", 12772966400, VERDICT_ITSELF }, /* 481*5120^2 + 32000*5120 */
    { "llama-13b-decoder-params", 12582912000, VERDICT_ITSELF }, /* 480*5120^2 */
    { "llama-33b-params", 32154976256, VERDICT_ITSELF }, /* 721*6656^2 + 32000*6656 */
    { "llama-33b-decoder-params", 31897681920, VERDICT_ITSELF }, /* 720*6656^2 */
    { "llama-65b-params", 64753762304, VERDICT_ITSELF }, /* 961*8192^2 + 32000*8192 */
    { "llama-65b-decoder-params", 64424509440, VERDICT_ITSELF }, /* 960*8192^2 */
    { "train-memory-13b-fixed", 100.663296, VERDICT_ASSUMPTION }, /* 8 * 12.582912 */
    { "activation-13b-batch1", NAN, VERDICT_MISSING }, /* no sequence length */
    { "kv-cache-13b", 28.5212672, VERDICT_ASSUMPTION }, /* 4*64*40*5120*544 */
    { "llama-65b-train-days", 32.9665195795, VERDICT_DATASHEET }, /* 6*1.4e12*65e9 / (2048*312e12*0.3) / 86400 */
    { "batch-accumulation-steps", 200, VERDICT_REPRODUCED }, /* 1000 / (10/2) */
    { "batch-accumulation-updates", 100, VERDICT_REPRODUCED }, /* 1000/10 */
};

struct loaded {
    struct catalogue catalogue;
    struct claims claims;
};

static int load(void **state)
{
    static struct loaded l;
    *state = &l;
    return catalogue_load(&l.catalogue, NULL) == RB_OK && claims_load(&l.claims, NULL, &l.catalogue) == RB_OK ? 0 : -1;
}

static int unload(void **state)
{
    struct loaded *l = *state;
    claims_free(&l->claims);
    catalogue_free(&l->catalogue);
    return 0;
}

static const struct claim *find(const struct claims *c, const char *id)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->list[i].id, id) == 0)
            return &c->list[i];
    return NULL;
}

static void every_claim_is_what_the_hand_finds(void **state)
{
    const struct loaded *l = *state;
    assert_int_equal(l->claims.count, RB_LEN(by_hand));
    for (size_t i = 0; i < RB_LEN(by_hand); i++) {
        const struct claim *c = find(&l->claims, by_hand[i].id);
        assert_non_null(c);
        const double off = fabs(c->recomputed - by_hand[i].value), size = fabs(by_hand[i].value);
        if (isnan(by_hand[i].value) ? !isnan(c->recomputed) : !(off <= 1e-9 * size))
            fail_msg("%s: recomputed %.12g, by hand %.12g", c->id, c->recomputed, by_hand[i].value);
        if (c->verdict != by_hand[i].verdict)
            fail_msg("%s: %s", c->id, claim_verdict_names[c->verdict]);
        assert_string_equal(c->recorded, claim_verdict_names[by_hand[i].verdict]);
    }
}

static void what_is_wrong_says_why_and_what_follows(void **state)
{
    const struct loaded *l = *state;
    for (size_t i = 0; i < l->claims.count; i++) {
        const struct claim *c = &l->claims.list[i];
        assert_true(c->why[0] != '\0');
        if (c->verdict == VERDICT_ITSELF || c->verdict == VERDICT_DATASHEET)
            assert_true(c->consequence[0] != '\0');
        if (c->verdict == VERDICT_ASSUMPTION)
            assert_true(claim_agrees(c->assumed, c->printed_text, c->relation) && !claim_agrees(c->recomputed, c->printed_text, c->relation));
    }
}

static void agreement_is_rounding(void **state)
{
    (void)state;
    static const struct {
        double recomputed;
        const char *printed, *relation;
        bool agrees;
    } rows[] = {
        { 10312, "10000", "digits", true },  { 15001, "10000", "digits", false }, { 2361, "2400", "digits", true },
        { 2349, "2400", "digits", false },   { 0.125, "0.12", "digits", true },   { 0.1251, "0.12", "digits", false },
        { 4.97, "4.8", "digits", false },    { 44, "40", "digits", true },        { 44, "40", "exact", false },
        { 40.4, "40", "exact", true },       { 10.4, "10", "about", true },       { 10.6, "10", "about", false },
        { 4.3, "5", "most", true },          { 5.1, "5", "most", false },         { 5.1, "5", "least", true },
        { NAN, "5", "digits", false },       { 5, "", "digits", false },          { 5, "five", "digits", false },
        { 0, "0", "digits", true },          { 0.512, "1", "digits", true },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++)
        if (claim_agrees(rows[i].recomputed, rows[i].printed, rows[i].relation) != rows[i].agrees)
            fail_msg("%g against %s (%s)", rows[i].recomputed, rows[i].printed, rows[i].relation);
}

#define HEAD "id,document,topic,statement,formula,inputs,printed,unit,relation,verdict,consequence\n"

static int load_text(const struct catalogue *c, const char *text, struct capture *said)
{
    char path[] = "/tmp/claims-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct claims claims = {0};
    capture_begin(said);
    const int rc = claims_load(&claims, path, c);
    capture_end(said);
    unlink(path);
    if (rc == RB_OK)
        claims_free(&claims);
    return rc;
}

static void a_damaged_file_is_refused_with_its_place(void **state)
{
    const struct loaded *l = *state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        { HEAD "no-such-claim,d,t,s,f,,1,u,digits,reproduced,\n", ":2:1: id: 'no-such-claim': no code" },
        { HEAD "cluster-batch,d,t,s,f,gpus,1,u,digits,reproduced,\n", ":2:6: inputs: 'gpus': name=number" },
        { HEAD "cluster-batch,d,t,s,f,gpus=nan,1,u,digits,reproduced,\n", ":2:6: inputs" },
        { HEAD "cluster-batch,d,t,s,f,gpus=1;micro=2,many,u,digits,reproduced,\n", ":2:7: printed: 'many' is no number" },
        { HEAD "cluster-batch,d,t,s,f,gpus=1;micro=2,2,u,digits,reproduced,\ncluster-batch,d,t,s,f,gpus=1;micro=2,2,u,digits,reproduced,\n",
          ":3:1: id: 'cluster-batch' is there twice" },
        { HEAD "cluster-batch,d,t,s,f,gpus=1;micro=2,2,u,digits,reproduced,\n", "1 claims, where the program knows" },
        { "id,document\ncluster-batch,d\n", "no column 'topic'" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct capture said;
        assert_int_equal(load_text(&l->catalogue, rows[i].text, &said), RB_EUSAGE);
        assert_int_equal(capture_lines(&said), 1);
        if (strstr(said.text, rows[i].message) == NULL)
            fail_msg("row %zu: '%s' is not in: %s", i, rows[i].message, said.text);
    }
}

/* A figure of the catalogue carries the claim: a user's catalogue changes the verdict. */
static void datasheet_claims_follow_the_catalogue(void **state)
{
    (void)state;
    static const char other[] = "model,dense_bf16_tflops,dense_fp16_tflops,memory_GB,memory_GBps,scaleup_link,scaleup_unidir_GBps,scaleup_bidir_GBps,"
                                "scaleup_per_peer_GBps,scaleup_max_gpus,pcie_unidir_GBps,source\n"
                                "RTX 3090,,,,,NVLink,300,600,300,2,31.5,test\n";
    struct catalogue c;
    struct claims claims;
    assert_int_equal(catalogue_load(&c, NULL), RB_OK);
    assert_int_equal(catalogue_merge_text(&c, "t", other, sizeof other - 1), RB_OK);
    assert_int_equal(claims_load(&claims, NULL, &c), RB_OK);
    assert_int_equal(find(&claims, "nvlink-3090-nominal")->verdict, VERDICT_REPRODUCED);
    claims_free(&claims);
    catalogue_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_claim_is_what_the_hand_finds),
        cmocka_unit_test(what_is_wrong_says_why_and_what_follows),
        cmocka_unit_test(agreement_is_rounding),
        cmocka_unit_test(a_damaged_file_is_refused_with_its_place),
        cmocka_unit_test(datasheet_claims_follow_the_catalogue),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
