#define GPU_SCOPE sys
#include "collectives/device/hooks_cuda.h"

#include "bench/yardstick/gpu/yard.h"

extern "C" {
#include "core/clock.h"
#include "core/error.h"
}

#include <cuda_runtime.h>

#include <stdlib.h>

enum { ALLOCATIONS = 32, HOPS = 2000, SLICE = 64 << 10, MANY = 201 };

static struct {
    cudaStream_t stream, second;
    cudaEvent_t begin, end;
    int device, sms;
    void *memory[ALLOCATIONS];
    bool on_host[ALLOCATIONS];
    int count;
} yard;

#define YARD_TRY(what, call)                                                                                        \
    do {                                                                                                            \
        const cudaError_t yard_try_ = (call);                                                                       \
        if (yard_try_ != cudaSuccess)                                                                               \
            return rb_fail(RB_ECUDA, "%s: %s (%s)", what, cudaGetErrorString(yard_try_), cudaGetErrorName(yard_try_)); \
    } while (0)

struct leaf_order {
    void *memory[4];
    int nsrc, ndst, repeats;
    uint64_t count;
};

/* As a channel does it: slice after slice, all threads on one. */
static __global__ void __launch_bounds__(YARD_THREADS, 1) run_leaf(const __grid_constant__ struct leaf_order o)
{
    __shared__ const void *srcs[2];
    __shared__ void *dsts[2];
    const uint64_t slice = SLICE / sizeof(float);
    for (int pass = 0; pass < o.repeats; pass++)
        for (uint64_t at = blockIdx.x * slice; at < o.count; at += gridDim.x * slice) {
            __syncthreads();
            if (threadIdx.x < 2) {
                srcs[threadIdx.x] = (const float *)o.memory[threadIdx.x % o.nsrc] + at;
                dsts[threadIdx.x] = (float *)o.memory[o.nsrc + threadIdx.x % o.ndst] + at;
            }
            __syncthreads();
            const struct leaf_work w = { dsts, o.ndst, srcs, o.nsrc, o.count - at < slice ? o.count - at : slice, false, false };
            packs_run<TYPE_FLOAT, OP_SUM>(&w, 0);
        }
}

static __global__ void __launch_bounds__(YARD_THREADS, 1) read_all(const char *memory, uint64_t packs, int repeats, uint64_t *sink)
{
    uint64_t sum = 0;
    const uint64_t threads = (uint64_t)gridDim.x * blockDim.x, me = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
    for (int pass = 0; pass < repeats; pass++)
        for (uint64_t at = me; at + (PACKS - 1) * threads < packs; at += PACKS * threads) {
            struct pack p[PACKS];
            GPU_UNROLL
            for (int i = 0; i < PACKS; i++)
                p[i] = gpu_load(memory + (at + (uint64_t)i * threads) * PACK_BYTES);
            GPU_UNROLL
            for (int i = 0; i < PACKS; i++)
                sum += p[i].low ^ p[i].high;
        }
    if (sum == 1) /* never known to the compiler */
        *sink = sum;
}

static __device__ __forceinline__ void hop_post(bool system_scope, uint64_t *at, uint64_t value)
{
    if (system_scope)
        asm volatile("st.release.sys.global.u64 [%0], %1;" : : "l"(at), "l"(value) : "memory");
    else
        asm volatile("st.release.gpu.global.u64 [%0], %1;" : : "l"(at), "l"(value) : "memory");
}

static __device__ __forceinline__ uint64_t hop_look(bool system_scope, const uint64_t *at)
{
    uint64_t value;
    if (system_scope)
        asm volatile("ld.acquire.sys.global.u64 %0, [%1];" : "=l"(value) : "l"(at) : "memory");
    else
        asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(value) : "l"(at) : "memory");
    return value;
}

/* Two groups of one thread; each flag has a line of its own. ns: of all round trips. */
static __global__ void hop(bool system_scope, uint64_t *flags, uint64_t *ns)
{
    uint64_t *mine = flags + 64 * blockIdx.x, *other = flags + 64 * (1 - blockIdx.x);
    uint64_t start = 0;
    for (uint64_t i = 1; i <= HOPS; i++) {
        if (i == HOPS / 10 + 1)
            start = gpu_now_ns();
        if (blockIdx.x == 0)
            hop_post(system_scope, other, i);
        while (hop_look(system_scope, mine) < i)
            ;
        if (blockIdx.x == 1)
            hop_post(system_scope, other, i);
    }
    if (blockIdx.x == 0)
        *ns = gpu_now_ns() - start;
}

static __global__ void tick(uint64_t *ns)
{
    uint64_t least = ~UINT64_C(0), before = gpu_now_ns();
    for (int steps = 0; steps < 64;) {
        const uint64_t now = gpu_now_ns();
        if (now == before)
            continue;
        least = now - before < least ? now - before : least;
        before = now;
        steps++;
    }
    *ns = least;
}

static __global__ void randomize(uint32_t *words, uint64_t count, uint32_t keep, uint32_t set)
{
    for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (uint64_t)gridDim.x * blockDim.x) {
        const uint64_t mixed = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        words[i] = ((uint32_t)(mixed >> 32) & keep) | set;
    }
}

static __global__ void nothing()
{
}

extern "C" int yard_open(int device)
{
    YARD_TRY("selecting a GPU", cudaSetDevice(device));
    YARD_TRY("a stream", cudaStreamCreateWithFlags(&yard.stream, cudaStreamNonBlocking));
    YARD_TRY("a stream", cudaStreamCreateWithFlags(&yard.second, cudaStreamNonBlocking));
    YARD_TRY("an event", cudaEventCreate(&yard.begin));
    YARD_TRY("an event", cudaEventCreate(&yard.end));
    YARD_TRY("the multiprocessors", cudaDeviceGetAttribute(&yard.sms, cudaDevAttrMultiProcessorCount, device));
    yard.device = device;
    return RB_OK;
}

extern "C" void yard_close(void)
{
    for (int i = 0; i < yard.count; i++)
        yard.on_host[i] ? cudaFreeHost(yard.memory[i]) : cudaFree(yard.memory[i]);
    yard.count = 0;
    cudaEventDestroy(yard.begin);
    cudaEventDestroy(yard.end);
    cudaStreamDestroy(yard.stream);
    cudaStreamDestroy(yard.second);
}

/* Not zero: hardware may move zeros faster. */
extern "C" int yard_allocate(size_t bytes, enum yard_place place, void **memory_p)
{
    void *p = NULL;
    if (yard.count == ALLOCATIONS)
        return rb_fail(RB_EINTERNAL, "more than %d buffers", (int)ALLOCATIONS);
    YARD_TRY("selecting a GPU", cudaSetDevice(yard.device + (place == YARD_NEXT_DEVICE)));
    if (place == YARD_ON_HOST)
        YARD_TRY("pinned memory", cudaMallocHost(&p, bytes));
    else
        YARD_TRY("GPU memory", cudaMalloc(&p, bytes));
    yard.on_host[yard.count] = place == YARD_ON_HOST;
    yard.memory[yard.count++] = p;
    YARD_TRY("filling memory", cudaMemset(p, 0x3c, bytes));
    YARD_TRY("selecting a GPU", cudaSetDevice(yard.device));
    *memory_p = p;
    return RB_OK;
}

extern "C" int yard_randomize(void *memory, size_t bytes, bool fp8)
{
    randomize<<<(unsigned)yard.sms, YARD_THREADS, 0, yard.stream>>>((uint32_t *)memory, bytes / sizeof(uint32_t), fp8 ? 0x87878787u : 0x83ff83ffu,
                                                                    fp8 ? 0x38383838u : 0x3c003c00u);
    YARD_TRY("filling memory", cudaGetLastError());
    YARD_TRY("filling memory", cudaStreamSynchronize(yard.stream));
    return RB_OK;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

extern "C" int yard_time(yard_queue *queue, void *context, double *sec_p)
{
    double seconds[YARD_ROUNDS];
    for (int i = -2; i < YARD_ROUNDS; i++) {
        float ms = 0;
        YARD_TRY("an event", cudaEventRecord(yard.begin, yard.stream));
        RB_TRY(queue(context, yard.stream));
        YARD_TRY("an event", cudaEventRecord(yard.end, yard.stream));
        YARD_TRY("what is timed", cudaEventSynchronize(yard.end));
        YARD_TRY("the time between events", cudaEventElapsedTime(&ms, yard.begin, yard.end));
        if (i >= 0)
            seconds[i] = ms * 1e-3;
    }
    *sec_p = median(seconds, YARD_ROUNDS);
    return RB_OK;
}

static int queue_leaf(void *context, void *stream)
{
    const struct yard_leaf *l = (const struct yard_leaf *)context;
    struct leaf_order o = { {}, l->nsrc, l->ndst, l->repeats, l->bytes / sizeof(float) };
    for (int i = 0; i < l->nsrc + l->ndst; i++)
        o.memory[i] = l->memory[i];
    run_leaf<<<(unsigned)l->groups, YARD_THREADS, 0, (cudaStream_t)stream>>>(o);
    YARD_TRY("the leaf kernel", cudaGetLastError());
    return RB_OK;
}

extern "C" int yard_run_leaf(const struct yard_leaf *l, double *sec_p)
{
    struct yard_leaf copy = *l;
    RB_TRY(yard_time(queue_leaf, &copy, sec_p));
    *sec_p /= l->repeats;
    return RB_OK;
}

struct read_order {
    const void *memory;
    size_t bytes;
    int repeats;
};

static int queue_read(void *context, void *stream)
{
    const struct read_order *r = (const struct read_order *)context;
    read_all<<<(unsigned)yard.sms, YARD_THREADS, 0, (cudaStream_t)stream>>>((const char *)r->memory, r->bytes / PACK_BYTES, r->repeats,
                                                                            (uint64_t *)r->memory);
    YARD_TRY("the reading kernel", cudaGetLastError());
    return RB_OK;
}

extern "C" int yard_read(const void *memory, size_t bytes, int repeats, double *sec_p)
{
    struct read_order r = { memory, bytes, repeats };
    RB_TRY(yard_time(queue_read, &r, sec_p));
    *sec_p /= repeats;
    return RB_OK;
}

static int queue_copy(enum yard_way way, char *device, char *other, size_t bytes)
{
    if (way == YARD_DEVICE)
        YARD_TRY("a copy", cudaMemcpyAsync(other, device, bytes, cudaMemcpyDeviceToDevice, yard.stream));
    if (way == YARD_PEER)
        YARD_TRY("a peer's copy", cudaMemcpyPeerAsync(device, yard.device, other, yard.device + 1, bytes, yard.stream));
    if (way == YARD_TO_DEVICE || way == YARD_BOTH_WAYS)
        YARD_TRY("a copy", cudaMemcpyAsync(device, other, bytes, cudaMemcpyHostToDevice, yard.stream));
    if (way == YARD_TO_HOST)
        YARD_TRY("a copy", cudaMemcpyAsync(other, device, bytes, cudaMemcpyDeviceToHost, yard.stream));
    if (way == YARD_BOTH_WAYS)
        YARD_TRY("a copy", cudaMemcpyAsync(other + bytes, device + bytes, bytes, cudaMemcpyDeviceToHost, yard.second));
    return RB_OK;
}

extern "C" int yard_copy(enum yard_way way, void *device, void *other, size_t bytes, double *sec_p)
{
    double seconds[YARD_ROUNDS];
    for (int i = -2; i < YARD_ROUNDS; i++) {
        const double start = clock_sec();
        RB_TRY(queue_copy(way, (char *)device, (char *)other, bytes));
        YARD_TRY("a copy", cudaStreamSynchronize(yard.stream));
        YARD_TRY("a copy", cudaStreamSynchronize(yard.second));
        if (i >= 0)
            seconds[i] = clock_sec() - start;
    }
    *sec_p = median(seconds, YARD_ROUNDS);
    return RB_OK;
}

extern "C" int yard_hop(bool system_scope, double *sec_p)
{
    double seconds[YARD_ROUNDS];
    void *memory = NULL;
    uint64_t ns = 0;
    YARD_TRY("GPU memory", cudaMalloc(&memory, 4096));
    uint64_t *flags = (uint64_t *)memory;
    for (int i = 0; i < YARD_ROUNDS; i++) {
        void *arguments[] = { &system_scope, &flags, NULL };
        uint64_t *result = flags + 256;
        arguments[2] = &result;
        YARD_TRY("clearing flags", cudaMemsetAsync(memory, 0, 4096, yard.stream));
        YARD_TRY("the kernel of hops", cudaLaunchCooperativeKernel((const void *)hop, dim3(2), dim3(1), arguments, 0, yard.stream));
        YARD_TRY("the time of hops", cudaMemcpyAsync(&ns, result, sizeof ns, cudaMemcpyDeviceToHost, yard.stream));
        YARD_TRY("the kernel of hops", cudaStreamSynchronize(yard.stream));
        seconds[i] = (double)ns * 1e-9 / (2 * (HOPS - HOPS / 10));
    }
    cudaFree(memory);
    *sec_p = median(seconds, YARD_ROUNDS);
    return RB_OK;
}

extern "C" int yard_tick(double *sec_p)
{
    void *memory = NULL;
    uint64_t ns = 0;
    YARD_TRY("GPU memory", cudaMalloc(&memory, sizeof ns));
    tick<<<1, 1, 0, yard.stream>>>((uint64_t *)memory);
    YARD_TRY("the kernel of ticks", cudaMemcpyAsync(&ns, memory, sizeof ns, cudaMemcpyDeviceToHost, yard.stream));
    YARD_TRY("the kernel of ticks", cudaStreamSynchronize(yard.stream));
    cudaFree(memory);
    *sec_p = (double)ns * 1e-9;
    return RB_OK;
}

extern "C" int yard_launch(bool cooperative, double *sec_p)
{
        double seconds[MANY];
    for (int i = -20; i < MANY; i++) {
        const double start = clock_sec();
        if (cooperative)
            YARD_TRY("an empty kernel", cudaLaunchCooperativeKernel((const void *)nothing, dim3((unsigned)yard.sms), dim3(YARD_THREADS), NULL, 0, yard.stream));
        else
            nothing<<<(unsigned)yard.sms, YARD_THREADS, 0, yard.stream>>>();
        YARD_TRY("an empty kernel", cudaStreamSynchronize(yard.stream));
        if (i >= 0)
            seconds[i] = clock_sec() - start;
    }
    *sec_p = median(seconds, MANY);
    return RB_OK;
}
