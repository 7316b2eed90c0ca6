#include "bench/yardstick/gpu/goals.h"

#include "bench/yardstick/gpu/gauge.h"
#include "core/error.h"
#include "report/records.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double GIGA = 1e9, MICRO = 1e-6;
enum { FILES = 6 };
static const uint64_t SMALL = 64 << 10, MIDDLE = 16 << 20, LARGE = 256 << 20;

static double of_run(const struct records *r, const char *key)
{
    const json_t *value = r->run != NULL ? json_object_get(r->run, key) : NULL;
    return json_is_number(value) ? json_number_value(value) : 0;
}

static bool is_ours(const struct record_case *c)
{
    return c->baseline[0] == '\0' && c->label[0] == '\0' && !c->in_place && strcmp(c->collective, "all_reduce") == 0 && c->time_us.median > 0;
}

static bool is_ring(const struct record_case *c, const char *protocol)
{
    return is_ours(c) && strcmp(c->algorithm, "ring") == 0 && (protocol == NULL || strcmp(c->protocol, protocol) == 0);
}

/* The fastest of this size; NULL: none. */
static const struct record_case *fastest(const struct records *r, uint64_t bytes, const char *protocol, bool ring)
{
    const struct record_case *best = NULL;
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *c = &r->cases[i];
        const bool wanted = ring ? is_ring(c, protocol) : is_ours(c) && (protocol == NULL || strcmp(c->protocol, protocol) == 0);
        if (wanted && c->bytes == bytes && (best == NULL || c->time_us.median < best->time_us.median))
            best = c;
    }
    return best;
}

static uint64_t next_size(const struct records *r, uint64_t after)
{
    uint64_t next = 0;
    for (size_t i = 0; i < r->ncases; i++)
        if (is_ours(&r->cases[i]) && r->cases[i].bytes > after && (next == 0 || r->cases[i].bytes < next))
            next = r->cases[i].bytes;
    return next;
}

static int put_roof(struct gauges *all, const struct records *gpu, const struct records *r)
{
    uint64_t bytes = 0;
    for (uint64_t b = next_size(r, 0); b > 0 && b <= LARGE; b = next_size(r, b))
        bytes = b;
    const struct record_case *c = fastest(r, bytes, "slots", true);
    const double memory = of_run(gpu, "copy_GBps") * GIGA, cache = of_run(gpu, "l2_copy_GBps") * GIGA;
    if (c == NULL || memory <= 0 || cache <= 0)
        return RB_OK;
    const double n = c->ranks, S = (double)c->bytes, t = fmax(2 * n * S / memory, (6 * n - 4) * S / cache), factor = 2 * (n - 1) / n;
    char name[96];
    snprintf(name, sizeof name, "ring all-reduce, %d ranks, %llu MiB, busbw", c->ranks, (unsigned long long)c->bytes >> 20);
    return gauge_put(all, &(struct gauge){ name, "GB/s", factor * S / (c->time_us.median * MICRO) / GIGA, factor * S / t / GIGA,
                                           2 * n * S / memory > (6 * n - 4) * S / cache ? "memory" : "second-level cache", 0.65 });
}

/* NCCL's time over ours at its worst size, ours being the fastest of all algorithms and protocols. */
static int put_against_nccl(struct gauges *all, const struct records *r, uint64_t from, uint64_t to, const char *range)
{
    double worst = NAN;
    int ranks = 0;
    for (uint64_t b = next_size(r, from - 1); b > 0 && b <= to; b = next_size(r, b)) {
        double best = NAN;
        for (size_t i = 0; i < r->ncases; i++)
            if (is_ours(&r->cases[i]) && r->cases[i].bytes == b && isfinite(r->cases[i].ratio)) {
                best = fmax(best, r->cases[i].ratio);
                ranks = r->cases[i].ranks;
            }
        worst = fmin(worst, best);
    }
    char name[96];
    snprintf(name, sizeof name, "NCCL's time / ours, all-reduce, %s, the worst size", range);
    if (isnan(worst)) {
        printf("%-58s not measured: these records hold no NCCL\n", name);
        return RB_OK;
    }
    snprintf(name, sizeof name, "NCCL's time / ours, %d ranks, %s, the worst size", ranks, range);
    return gauge_put(all, &(struct gauge){ name, "x", worst, 0, NULL, 1 });
}

static int put_scope(struct gauges *all, const struct records *r, const struct records *wide)
{
    double worst = 0;
    uint64_t at = 0;
    for (uint64_t b = next_size(wide, 0); b > 0; b = next_size(wide, b)) {
        const struct record_case *near = fastest(r, b, NULL, true), *far = fastest(wide, b, NULL, true);
        if (near != NULL && far != NULL && far->time_us.median / near->time_us.median > worst) {
            worst = far->time_us.median / near->time_us.median;
            at = b;
        }
    }
    if (at == 0)
        return RB_OK;
    char name[96];
    snprintf(name, sizeof name, "flags for all devices / for this GPU, time at %llu B", (unsigned long long)at);
    return gauge_put(all, &(struct gauge){ .name = name, .unit = "x", .value = worst });
}

/* What all ranks push through the link, each way, against copies both ways at once. */
static int put_staged(struct gauges *all, const struct records *gpu, const struct records *r, const char *how)
{
    uint64_t bytes = 0;
    for (uint64_t b = next_size(r, 0); b > 0; b = next_size(r, b))
        bytes = b;
    const struct record_case *c = fastest(r, bytes, NULL, true);
    if (c == NULL || of_run(gpu, "host_both_GBps") <= 0)
        return RB_OK;
    char name[96];
    snprintf(name, sizeof name, "%s ring all-reduce, %d ranks, each way on the link", how, c->ranks);
    return gauge_put(all, &(struct gauge){ name, "GB/s", c->wire_GBps * c->ranks, of_run(gpu, "host_both_GBps"), "cudaMemcpy both ways", 0.9 });
}

static int compare(struct gauges *all, const struct records *r)
{
    gauge_title("several ranks on the GPU");
    RB_TRY(put_roof(all, &r[0], &r[1]));
    RB_TRY(put_against_nccl(all, &r[5], MIDDLE, UINT64_MAX, "from 16 MiB, equal CTAs"));
    RB_TRY(put_against_nccl(all, &r[1], 1, SMALL, "up to 64 KiB"));
    RB_TRY(put_scope(all, &r[1], &r[2]));
    RB_TRY(put_staged(all, &r[0], &r[3], "staged by kernels,"));
    RB_TRY(put_staged(all, &r[0], &r[4], "staged by copy engines,"));
    return RB_OK;
}

int goals(char *const *files, int count)
{
    struct records r[FILES];
    memset(r, 0, sizeof r);
    struct gauges all = { 0 };
    int rc = count < 2 ? rb_fail(RB_EUSAGE, "gpu-yardstick goals GAUGES RESULTS [SYSTEM-SCOPE [STAGED [COPIED [EQUAL-CTAS]]]]") : RB_OK;
    for (int i = 0; i < count && i < FILES && rc == RB_OK; i++)
        if (records_read(&r[i], files[i], true) != RB_OK) {
            memset(&r[i], 0, sizeof r[i]);
            rc = i < 2 ? RB_EUSAGE : RB_OK;
        }
    all.records = rc == RB_OK ? fopen(files[0], "a") : NULL;
    if (rc == RB_OK)
        rc = compare(&all, r);
    if (all.records != NULL)
        fclose(all.records);
    for (int i = 0; i < FILES; i++)
        records_free(&r[i]);
    return rc;
}
