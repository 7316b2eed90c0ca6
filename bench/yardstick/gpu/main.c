/* bench/yardstick/gpu/main.c - what one GPU does, and what the kernels' loops reach of it: every figure beside its ceiling of the same run
 * and the goal. `make bench-gpu` runs it; it is no part of ringbench.
 *
 * gpu-yardstick [RESULTS.jsonl [DEVICE]]    exit code 5 and one line where there is no GPU; goals that are not met do not change it
 * gpu-yardstick goals FILES...              goals.h
 * gpu-yardstick protocols FILES...          report/protocols.h, on standard output */
#include "bench/yardstick/gpu/gauge.h"
#include "bench/yardstick/gpu/gemm.h"
#include "bench/yardstick/gpu/goals.h"
#include "bench/yardstick/gpu/yard.h"
#include "collectives/device/gpu.h"
#include "core/error.h"
#include "core/text.h"
#include "report/presets.h"
#include "report/protocols.h"
#include "report/records.h"
#include "topo/nvml.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double GIGA = 1e9, TERA = 1e12, MICRO = 1e-6;
enum { HALF = 64 }; /* multiprocessors of the second goal */
static const size_t large = (size_t)1 << 30, hot = (size_t)4 << 20, one_hot = (size_t)1 << 20;

struct yardstick {
    struct gauges gauges;
    struct gpu_facts facts;
    int device, count;
    void *memory[4]; /* large each */
    double copy_Bps; /* read and written */
    json_t *run;
};

static json_t *nvml_facts(const struct gpu_facts *f)
{
    char why[NVML_WHY];
    struct nvml *n = nvml_open(NULL, why);
    if (n == NULL)
        return json_pack("{s:s}", "trouble", why);
    struct nvml_report *r = nvml_read(n);
    const int at = nvml_find(r, f->bus);
    const struct nvml_gpu *g = at >= 0 ? &r->gpus[at] : NULL;
    json_t *json = g == NULL ? json_pack("{s:s}", "trouble", "NVML does not know this GPU")
                             : json_pack("{s:s, s:i, s:i, s:f}", "driver", r->driver, "sm_clock_MHz", g->sm_clock_MHz, "memory_clock_MHz",
                                         g->memory_clock_MHz, "power_W", g->power_W);
    nvml_report_free(r);
    nvml_close(n);
    return json;
}

static void describe(struct yardstick *y)
{
    char date[32];
    const time_t now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    const struct gpu_facts *f = &y->facts;
    y->run = json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:i, s:i, s:o}", "program", "gpu-yardstick", "date", date, "gpu", f->name, "sms", f->sms, "sm",
                       10 * f->major + f->minor, "memory_bytes", (json_int_t)f->memory, "cuda_driver", f->driver, "cuda_runtime", f->runtime, "nvml",
                       nvml_facts(f));
    char *text = json_dumps(y->run, JSON_COMPACT);
    printf("%s\n", text);
    free(text);
}

static int put(struct yardstick *y, const char *name, const char *unit, double value)
{
    return gauge_put(&y->gauges, &(struct gauge){ .name = name, .unit = unit, .value = value });
}

/* The shapes of a transformer layer's four products, 4096 tokens. */
static int products(struct yardstick *y, struct gemm *g, const struct preset *p, double best[CUBLAS_TYPES])
{
    const int h = (int)p->hidden, ffn = (int)p->ffn, qkv = (int)(p->hidden * (1 + 2 * p->kv_heads / p->heads));
    static const char *const names[] = { "query, key, value", "projection", "feed-forward up", "feed-forward down" };
    const struct cublas_shape shapes[] = { { 4096, qkv, h }, { 4096, h, h }, { 4096, ffn, h }, { 4096, h, ffn } };
    for (int t = 0; t < CUBLAS_TYPES; t++) {
        double flop = 0, sec = 0;
        for (size_t i = 0; i < RB_LEN(shapes); i++) {
            char name[96];
            double flops;
            RB_TRY(gemm_rate(g, (enum cublas_type)t, &shapes[i], &flops));
            if (flops <= 0)
                continue;
            snprintf(name, sizeof name, "%s, %s %s, %d x %d x %d", cublas_type_names[t], p->name, names[i], shapes[i].m, shapes[i].n, shapes[i].k);
            RB_TRY(put(y, name, "TFLOP/s", flops / TERA));
            const double work = (double)shapes[i].m * shapes[i].n * shapes[i].k;
            flop += work;
            sec += work / flops;
        }
        best[t] = sec > 0 ? flop / sec / TERA : 0;
    }
    return RB_OK;
}

/* gemm_tflops is what `ringbench limits` looks for in a run's line: bf16, all products of the layer. */
static int measure_gemm(struct yardstick *y)
{
    const struct preset *p;
    struct gemm *g;
    double best[CUBLAS_TYPES] = { 0 };
    RB_TRY(preset_find(y->facts.memory > (size_t)24 << 30 ? "llama-2-70b" : "llama-2-7b", &p));
    const int rc = gemm_open(&g, (size_t)(p->ffn * p->hidden));
    if (rc == RB_ENOTIMPL)
        return RB_OK;
    RB_TRY(rc);
    gauge_title("cuBLAS");
    RB_TRY(products(y, g, p, best));
    json_object_set_new(y->run, "cublas", json_string(gemm_version(g)));
    json_object_set_new(y->run, "gemm_tflops", json_real(best[CUBLAS_BF16] > 0 ? best[CUBLAS_BF16] : best[CUBLAS_FP16]));
    for (int t = 0; t < CUBLAS_TYPES; t++) {
        char name[32];
        snprintf(name, sizeof name, "layer_%s_tflops", cublas_type_names[t]);
        json_object_set_new(y->run, name, best[t] > 0 ? json_real(best[t]) : json_null());
    }
    gemm_close(g);
    return RB_OK;
}

struct leaf_gauge {
    const char *name;
    int nsrc, ndst;
    bool all;
    double goal;
};

static int measure_streams(struct yardstick *y)
{
    static const struct leaf_gauge all[] = {
        { "reduce 2 -> 1, float, all SMs", 2, 1, true, 0.92 },      { "reduce-copy 2 -> 2, float, all SMs", 2, 2, true, 0.92 },
        { "copy 1 -> 2, float, all SMs", 1, 2, true, 0.92 },        { "reduce 2 -> 1, float, 64 SMs", 2, 1, false, 0.85 },
        { "reduce-copy 2 -> 2, float, 64 SMs", 2, 2, false, 0.85 }, { "copy 1 -> 2, float, 64 SMs", 1, 2, false, 0.85 },
    };
    double sec;
    gauge_title("memory: read and written");
    RB_TRY(yard_copy(YARD_DEVICE, y->memory[0], y->memory[1], large, &sec));
    y->copy_Bps = 2 * (double)large / sec;
    json_object_set_new(y->run, "copy_GBps", json_real(y->copy_Bps / GIGA));
    RB_TRY(put(y, "cudaMemcpy, device to device, 1 GiB", "GB/s", y->copy_Bps / GIGA));
    for (size_t i = 0; i < RB_LEN(all); i++) {
        struct yard_leaf l = { all[i].all || y->facts.sms < HALF ? y->facts.sms : HALF, all[i].nsrc, all[i].ndst, 1, large, { 0 } };
        memcpy(l.memory, y->memory, sizeof l.memory);
        RB_TRY(yard_run_leaf(&l, &sec));
        const double Bps = (l.nsrc + l.ndst) * (double)large / sec;
        RB_TRY(gauge_put(&y->gauges, &(struct gauge){ all[i].name, "GB/s", Bps / GIGA, y->copy_Bps / GIGA, "cudaMemcpy", all[i].goal }));
    }
    return RB_OK;
}

static int measure_leaves(struct yardstick *y)
{
    double sec;
    struct yard_leaf l = { 1, 1, 1, 64, one_hot, { y->memory[0], y->memory[1] } };
    gauge_title("in the second-level cache");
    RB_TRY(yard_run_leaf(&l, &sec));
    RB_TRY(gauge_put(&y->gauges, &(struct gauge){ "copy 1 -> 1, one group of 512 threads, payload", "GB/s", (double)one_hot / sec / GIGA, 0, NULL, 60 }));
    l = (struct yard_leaf){ 1, 2, 1, 64, one_hot, { y->memory[0], y->memory[1], y->memory[2] } };
    RB_TRY(yard_run_leaf(&l, &sec));
    RB_TRY(put(y, "reduce 2 -> 1, one group, payload", "GB/s", (double)one_hot / sec / GIGA));
    l = (struct yard_leaf){ y->facts.sms, 1, 1, 64, hot, { y->memory[0], y->memory[1] } };
    RB_TRY(yard_run_leaf(&l, &sec));
    RB_TRY(put(y, "copy 1 -> 1, all SMs, read and written", "GB/s", 2 * (double)hot / sec / GIGA));
    json_object_set_new(y->run, "l2_copy_GBps", json_real(2 * (double)hot / sec / GIGA));
    RB_TRY(yard_read(y->memory[0], 4 * hot, 64, &sec));
    return put(y, "read, all SMs", "GB/s", 4 * (double)hot / sec / GIGA);
}

static int measure_flags(struct yardstick *y)
{
    double gpu, sys, tick, plain, cooperative;
    gauge_title("flags, clock, launches");
    RB_TRY(yard_hop(false, &gpu));
    RB_TRY(yard_hop(true, &sys));
    RB_TRY(yard_tick(&tick));
    RB_TRY(yard_launch(false, &plain));
    RB_TRY(yard_launch(true, &cooperative));
    RB_TRY(put(y, "flag from group to group, order for this GPU", "us", gpu / MICRO));
    RB_TRY(put(y, "flag from group to group, order for all devices", "us", sys / MICRO));
    RB_TRY(put(y, "what the wider order costs, a hop", "us", (sys - gpu) / MICRO));
    RB_TRY(put(y, "smallest step of the kernels' clock", "us", tick / MICRO));
    RB_TRY(put(y, "empty kernel until the host knows", "us", plain / MICRO));
    return put(y, "the same, cooperative", "us", cooperative / MICRO);
}

static int measure_links(struct yardstick *y)
{
    void *host, *peer;
    double sec;
    const size_t bytes = large / 4;
    gauge_title("links, payload");
    RB_TRY(yard_allocate(2 * bytes, YARD_ON_HOST, &host));
    RB_TRY(yard_copy(YARD_TO_DEVICE, y->memory[0], host, bytes, &sec));
    RB_TRY(put(y, "cudaMemcpy, pinned host to device", "GB/s", (double)bytes / sec / GIGA));
    RB_TRY(yard_copy(YARD_TO_HOST, y->memory[0], host, bytes, &sec));
    RB_TRY(put(y, "cudaMemcpy, device to pinned host", "GB/s", (double)bytes / sec / GIGA));
    RB_TRY(yard_copy(YARD_BOTH_WAYS, y->memory[0], host, bytes, &sec));
    json_object_set_new(y->run, "host_both_GBps", json_real((double)bytes / sec / GIGA));
    RB_TRY(put(y, "both at once, each way", "GB/s", (double)bytes / sec / GIGA));
    if (y->device + 1 >= y->count)
        return RB_OK;
    RB_TRY(yard_allocate(bytes, YARD_NEXT_DEVICE, &peer));
    RB_TRY(yard_copy(YARD_PEER, y->memory[0], peer, bytes, &sec));
    return put(y, "cudaMemcpyPeer from the next GPU", "GB/s", (double)bytes / sec / GIGA);
}

static int measure(struct yardstick *y)
{
    describe(y);
    RB_TRY(yard_open(y->device));
    RB_TRY(measure_gemm(y));
    for (size_t i = 0; i < RB_LEN(y->memory); i++)
        RB_TRY(yard_allocate(large, YARD_HERE, &y->memory[i]));
    RB_TRY(measure_streams(y));
    RB_TRY(measure_leaves(y));
    RB_TRY(measure_flags(y));
    RB_TRY(measure_links(y));
    yard_close();
    return RB_OK;
}

/* The table that --protocol auto reads, from runs with all protocols. */
static int protocols(char *const *files, int count)
{
    int rc = RB_OK;
    protocols_write_head(stdout);
    for (int i = 0; i < count && rc == RB_OK; i++) {
        struct records r;
        rc = records_read(&r, files[i], true);
        if (rc == RB_OK) {
            rc = protocols_write(stdout, &r);
            records_free(&r);
        }
    }
    return rc;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "protocols") == 0)
        return rb_exit_code(protocols(argv + 2, argc - 2));
    if (argc > 1 && strcmp(argv[1], "goals") == 0)
        return rb_exit_code(goals(argv + 2, argc - 2));
    char why[160];
    struct yardstick y = { .device = argc > 2 ? atoi(argv[2]) : 0 };
    y.count = gpu_api.count(why, sizeof why);
    if (y.count <= y.device)
        return rb_exit_code(rb_fail(RB_ENOTIMPL, "no GPU %d: %s", y.device, y.count == 0 ? why : "this process sees fewer"));
    if (gpu_api.select(y.device) != RB_OK || gpu_api.facts(y.device, &y.facts) != RB_OK)
        return rb_exit_code(RB_ECUDA);
    y.gauges.records = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (argc > 1 && y.gauges.records == NULL)
        return rb_exit_code(rb_fail(RB_EUSAGE, "%s cannot be written", argv[1]));
    int rc = measure(&y);
    if (y.gauges.records != NULL) { /* last: readers take the last line of this kind */
        const int written = records_write_json(y.gauges.records, "run", y.run);
        rc = rc == RB_OK ? written : rc;
        fclose(y.gauges.records);
    }
    json_decref(y.run);
    return rb_exit_code(rc);
}
