#include "collectives/device/cuda_parts.h"

extern "C" {
#include "core/error.h"
}

#include <cuda.h>
#include <cuda_runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The driver's own functions come through the runtime: nothing is linked to libcuda. */
struct driver_calls {
    decltype(&cuDeviceGet) device;
    decltype(&cuDeviceGetDevResource) resource;
    decltype(&cuDevSmResourceSplitByCount) split;
    decltype(&cuDevResourceGenerateDesc) describe;
    decltype(&cuGreenCtxCreate) create;
    decltype(&cuGreenCtxDestroy) destroy;
    decltype(&cuCtxFromGreenCtx) context;
    decltype(&cuCtxPushCurrent) push;
    decltype(&cuCtxPopCurrent) pop;
    decltype(&cuStreamCreate) stream;
    decltype(&cuEventCreate) event;
};

struct state {
    cudaStream_t launches;
    cudaEvent_t launched, queued[GPU_RANKS];
    CUgreenCtx contexts[GPU_RANKS];
};

template <class F> static bool find(const char *name, F *function_p)
{
    cudaDriverEntryPointQueryResult found;
    void *p = NULL;
    const cudaError_t e = cudaGetDriverEntryPointByVersion(name, &p, CUDART_VERSION, cudaEnableDefault, &found);
    *function_p = (F)p;
    return e == cudaSuccess && found == cudaDriverEntryPointSuccess && p != NULL;
}

static const struct driver_calls *driver()
{
    static thread_local struct driver_calls d;
    static thread_local int known;
    if (known == 0)
        known = find("cuDeviceGet", &d.device) && find("cuDeviceGetDevResource", &d.resource) && find("cuDevSmResourceSplitByCount", &d.split) &&
                find("cuDevResourceGenerateDesc", &d.describe) && find("cuGreenCtxCreate", &d.create) && find("cuGreenCtxDestroy", &d.destroy) &&
                find("cuCtxFromGreenCtx", &d.context) && find("cuCtxPushCurrent", &d.push) && find("cuCtxPopCurrent", &d.pop) &&
                find("cuStreamCreate", &d.stream) && find("cuEventCreate", &d.event) ? 1 : -1;
    return known > 0 ? &d : NULL;
}

static int failed(const char *what, cudaError_t e)
{
    return e == cudaSuccess ? RB_OK : rb_fail(RB_ECUDA, "%s: %s (%s)", what, cudaGetErrorString(e), cudaGetErrorName(e));
}

/* The largest equal parts of which there are enough: counts are rounded up, so fewer may come out than the number divided. */
static bool split(const struct driver_calls *d, CUdevice device, int count, CUdevResource *results)
{
    CUdevResource all;
    if (d->resource(device, &all, CU_DEV_RESOURCE_TYPE_SM) != CUDA_SUCCESS)
        return false;
    for (unsigned each = all.sm.smCount / (unsigned)count; each > 0; each--) {
        unsigned groups = 0;
        if (d->split(NULL, &groups, &all, NULL, 0, each) != CUDA_SUCCESS || groups < (unsigned)count)
            continue;
        groups = (unsigned)count;
        return d->split(results, &groups, &all, NULL, 0, each) == CUDA_SUCCESS && groups == (unsigned)count;
    }
    return false;
}

static bool open_part(const struct driver_calls *d, CUdevice device, CUdevResource *resource, struct gpu_parts *parts, int i)
{
    struct state *s = (struct state *)parts->state;
    CUdevResourceDesc description;
    CUcontext context, before;
    CUstream stream;
    CUevent event;
    if (d->describe(&description, resource, 1) != CUDA_SUCCESS ||
        d->create(&s->contexts[i], description, device, CU_GREEN_CTX_DEFAULT_STREAM) != CUDA_SUCCESS)
        return false;
    if (d->context(&context, s->contexts[i]) != CUDA_SUCCESS || d->push(context) != CUDA_SUCCESS)
        return false;
    const bool made = d->stream(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS;
    const bool marked = made && d->event(&event, CU_EVENT_DISABLE_TIMING) == CUDA_SUCCESS;
    if (made)
        parts->streams[i] = stream;
    if (marked)
        s->queued[i] = event;
    return d->pop(&before) == CUDA_SUCCESS && marked;
}

static bool open_green(int device, struct gpu_parts *parts)
{
    const struct driver_calls *d = driver();
    CUdevResource results[GPU_RANKS];
    CUdevice handle;
    bool cut = d != NULL && d->device(&handle, device) == CUDA_SUCCESS && split(d, handle, parts->count, results);
    for (int i = 0; i < parts->count && cut; i++)
        cut = open_part(d, handle, &results[i], parts, i);
    if (cut)
        parts->sms = (int)results[0].sm.smCount;
    return cut;
}

static void close_streams(struct gpu_parts *parts)
{
    struct state *s = (struct state *)parts->state;
    for (int i = 0; i < parts->count; i++) {
        if (s->queued[i] != NULL)
            cudaEventDestroy(s->queued[i]);
        if (parts->streams[i] != NULL)
            cudaStreamDestroy((cudaStream_t)parts->streams[i]);
        if (s->contexts[i] != NULL)
            driver()->destroy(s->contexts[i]);
        s->queued[i] = NULL;
        s->contexts[i] = NULL;
        parts->streams[i] = NULL;
    }
}

static int open_plain(struct gpu_parts *parts)
{
    struct state *s = (struct state *)parts->state;
    for (int i = 0; i < parts->count; i++) {
        cudaStream_t stream;
        RB_TRY(failed("a stream", cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking)));
        parts->streams[i] = stream;
        RB_TRY(failed("an event", cudaEventCreateWithFlags(&s->queued[i], cudaEventDisableTiming)));
    }
    return RB_OK;
}

static int open_streams(int device, int all, struct gpu_parts *parts)
{
    parts->sms = all / parts->count;
    parts->cut = parts->count > 1 && open_green(device, parts);
    if (parts->cut) {
        snprintf(parts->how, sizeof parts->how, "green contexts of %d of the %d SMs", parts->sms, all);
        return RB_OK;
    }
    close_streams(parts); /* of contexts that could be made only in part */
    cudaGetLastError();
    if (parts->count == 1)
        snprintf(parts->how, sizeof parts->how, "the whole GPU of %d SMs", all);
    else
        snprintf(parts->how, sizeof parts->how, "%d of the %d SMs asked for, which is a hint only (no green contexts: CUDA 12.4 and newer drivers)", parts->sms, all);
    return open_plain(parts);
}

int cuda_parts_open(int device, void *launches, int count, struct gpu_parts *parts)
{
    struct state *s = (struct state *)calloc(1, sizeof *s);
    int all = 0;
    memset(parts, 0, sizeof *parts);
    if (s == NULL)
        return rb_fail(RB_EINTERNAL, "out of memory");
    parts->count = count;
    parts->state = s;
    s->launches = (cudaStream_t)launches;
    int rc = failed("a GPU's multiprocessors", cudaDeviceGetAttribute(&all, cudaDevAttrMultiProcessorCount, device));
    if (rc == RB_OK)
        rc = failed("an event", cudaEventCreateWithFlags(&s->launched, cudaEventDisableTiming));
    if (rc == RB_OK)
        rc = open_streams(device, all, parts);
    if (rc != RB_OK)
        cuda_parts_close(parts);
    return rc;
}

void cuda_parts_close(struct gpu_parts *parts)
{
    struct state *s = (struct state *)parts->state;
    if (s == NULL)
        return;
    close_streams(parts);
    if (s->launched != NULL)
        cudaEventDestroy(s->launched);
    free(s);
    parts->state = NULL;
}

int cuda_parts_join(struct gpu_parts *parts, void *const *streams, int count)
{
    struct state *s = (struct state *)parts->state;
    for (int i = 0; i < parts->count; i++) {
        RB_TRY(failed("an event", cudaEventRecord(s->queued[i], (cudaStream_t)parts->streams[i])));
        for (int k = 0; k < (count > 0 ? count : 1); k++)
            RB_TRY(failed("waiting for an event", cudaStreamWaitEvent(count > 0 ? (cudaStream_t)streams[k] : s->launches, s->queued[i], 0)));
    }
    return RB_OK;
}

/* A wait is for the event as it was recorded last: one event serves all streams. */
int cuda_parts_fork(struct gpu_parts *parts, void *const *streams, int count)
{
    struct state *s = (struct state *)parts->state;
    for (int k = 0; k < (count > 0 ? count : 1); k++) {
        RB_TRY(failed("an event", cudaEventRecord(s->launched, count > 0 ? (cudaStream_t)streams[k] : s->launches)));
        for (int i = 0; i < parts->count; i++)
            RB_TRY(failed("waiting for an event", cudaStreamWaitEvent((cudaStream_t)parts->streams[i], s->launched, 0)));
    }
    return RB_OK;
}
