/* GPUs by the CUDA runtime (linked statically: the driver is found when the program runs). */
#include "collectives/device/gpu.h"

extern "C" {
#include "collectives/device/pins.h"
#include "core/error.h"
}
#include "collectives/device/cuda_memory.h"
#include "collectives/device/cuda_parts.h"

#include <cuda_runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" const void *kernel_of_floats(enum rb_type type, enum rb_op op);
extern "C" const void *kernel_of_integers(enum rb_type type, enum rb_op op);
extern "C" const void *kernel_one_gpu(enum rb_type type, enum rb_op op);

static thread_local struct {
    int device;
    cudaStream_t stream;
} selected = { -1, NULL };

static int failed(const char *what, cudaError_t e)
{
    return rb_fail(RB_ECUDA, "%s: %s (%s)", what, cudaGetErrorString(e), cudaGetErrorName(e));
}

#define CUDA_TRY(what, call)                 \
    do {                                     \
        const cudaError_t cuda_try_ = (call); \
        if (cuda_try_ != cudaSuccess)        \
            return failed(what, cuda_try_);  \
    } while (0)

static int count(char *why, size_t room)
{
    int n = 0;
    const cudaError_t e = cudaGetDeviceCount(&n);
    if (e == cudaErrorInsufficientDriver || e == cudaErrorInitializationError)
        snprintf(why, room, "no NVIDIA driver that this program (CUDA %d.%d) can use", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    else if (e == cudaErrorNoDevice || (e == cudaSuccess && n == 0))
        snprintf(why, room, "the driver shows no GPU%s", getenv("CUDA_VISIBLE_DEVICES") != NULL ? " (CUDA_VISIBLE_DEVICES is set)" : "");
    else if (e != cudaSuccess)
        snprintf(why, room, "%s (%s)", cudaGetErrorString(e), cudaGetErrorName(e));
    return e == cudaSuccess ? n : 0;
}

static int facts(int device, struct gpu_facts *f)
{
    cudaDeviceProp p;
    CUDA_TRY("the properties of a GPU", cudaGetDeviceProperties(&p, device));
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "%.63s", p.name);
    snprintf(f->bus, sizeof f->bus, "%04x:%02x:%02x.0", p.pciDomainID, p.pciBusID, p.pciDeviceID);
    memcpy(f->uuid, &p.uuid, sizeof f->uuid);
    f->sms = p.multiProcessorCount;
    f->major = p.major;
    f->minor = p.minor;
    f->memory = p.totalGlobalMem;
    f->cooperative = p.cooperativeLaunch != 0;
    CUDA_TRY("the driver's version", cudaDriverGetVersion(&f->driver));
    CUDA_TRY("the runtime's version", cudaRuntimeGetVersion(&f->runtime));
    return RB_OK;
}

static int select(int device)
{
    if (selected.device == device)
        return RB_OK;
    CUDA_TRY("selecting a GPU", cudaSetDevice(device));
    CUDA_TRY("a stream", cudaStreamCreateWithFlags(&selected.stream, cudaStreamNonBlocking));
    selected.device = device;
    return RB_OK;
}

static bool reaches(int from, int to)
{
    int can = from == to;
    return can != 0 || (cudaDeviceCanAccessPeer(&can, from, to) == cudaSuccess && can != 0);
}

/* PCIe carries no atomics between GPUs, NVLink does. */
static bool linked(int from, int to)
{
    int atomics = from == to;
    return atomics != 0 || (cudaDeviceGetP2PAttribute(&atomics, cudaDevP2PAttrNativeAtomicSupported, from, to) == cudaSuccess && atomics != 0);
}

static int copy(void *to, const void *from, size_t bytes)
{
    CUDA_TRY("a copy", cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, selected.stream));
    CUDA_TRY("a copy", cudaStreamSynchronize(selected.stream));
    return RB_OK;
}

static int allocate(size_t bytes, void **memory_p)
{
    RB_TRY(cuda_memory_allocate(selected.device, bytes, memory_p));
    CUDA_TRY("clearing GPU memory", cudaMemsetAsync(*memory_p, 0, bytes, selected.stream));
    CUDA_TRY("clearing GPU memory", cudaStreamSynchronize(selected.stream));
    return RB_OK;
}

static int share(void *memory, struct gpu_handle *handle)
{
    return cuda_memory_share(selected.device, memory, handle);
}

static int open_shared(const struct gpu_handle *handle, void **memory_p)
{
    return cuda_memory_open(selected.device, handle, memory_p);
}

static int pin_once(void *host, size_t bytes)
{
    CUDA_TRY("pinning shared host memory", cudaHostRegister(host, bytes, cudaHostRegisterPortable | cudaHostRegisterMapped));
    return RB_OK;
}

static void unpin_once(void *host)
{
    cudaHostUnregister(host);
}

static int pin(void *host, size_t bytes, void **device_p)
{
    RB_TRY(pins_take(host, bytes, pin_once));
    CUDA_TRY("the GPU's address of host memory", cudaHostGetDevicePointer(device_p, host, 0));
    return RB_OK;
}

static void unpin(void *host)
{
    pins_drop(host, unpin_once);
}

static __global__ void write_word(uint64_t *at, uint64_t value)
{
    asm volatile("st.release.sys.global.u64 [%0], %1;" : : "l"(at), "l"(value) : "memory");
}

static int poke(uint64_t *at, uint64_t value)
{
    write_word<<<1, 1, 0, selected.stream>>>(at, value);
    CUDA_TRY("a kernel that writes a word", cudaGetLastError());
    CUDA_TRY("a kernel that writes a word", cudaStreamSynchronize(selected.stream));
    return RB_OK;
}

static const void *kernel_of(const struct gpu_launch *l)
{
    const void *kernel = l->one_gpu ? kernel_one_gpu(l->type, l->op) : NULL;
    if (kernel == NULL)
        kernel = kernel_of_floats(l->type, l->op);
    return kernel != NULL ? kernel : kernel_of_integers(l->type, l->op);
}

static int groups(const struct gpu_launch *l, int *groups_p)
{
    int sms = 0, each = 0;
    const void *kernel = kernel_of(l);
    if (l->shared_bytes > 32 << 10) /* 48 KiB need no leave, but what a kernel has of its own counts */
        CUDA_TRY("shared memory of a kernel", cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)l->shared_bytes));
    CUDA_TRY("a GPU's multiprocessors", cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, selected.device));
    CUDA_TRY("the occupancy of a kernel", cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, (int)l->threads, l->shared_bytes));
    *groups_p = sms * each;
    return RB_OK;
}

/* Cooperative: refused, instead of hanging, when not all groups fit at once. */
static int launch(const struct gpu_launch *l)
{
    struct gpu_call call = *l->call;
    void *arguments[] = { &call };
    CUDA_TRY("launching a collective", cudaLaunchCooperativeKernel(kernel_of(l), dim3(call.nranks * call.nchannels), dim3(l->threads), arguments,
                                                                  l->shared_bytes, selected.stream));
    return RB_OK;
}

static int finished(bool *done_p)
{
    const cudaError_t e = cudaStreamQuery(selected.stream);
    *done_p = e != cudaErrorNotReady;
    return e == cudaSuccess || e == cudaErrorNotReady ? RB_OK : failed("a collective's kernel", e);
}

static int stream_open(void **stream_p)
{
    cudaStream_t stream;
    CUDA_TRY("a stream", cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    *stream_p = stream;
    return RB_OK;
}

static void stream_close(void *stream)
{
    cudaStreamDestroy((cudaStream_t)stream);
}

static int stream_finished(void *stream, bool *done_p)
{
    const cudaError_t e = cudaStreamQuery((cudaStream_t)stream);
    *done_p = e != cudaErrorNotReady;
    return e == cudaSuccess || e == cudaErrorNotReady ? RB_OK : failed("work on a stream", e);
}

static int copy_queue(void *stream, void *to, const void *from, size_t bytes)
{
    CUDA_TRY("queueing a copy", cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, (cudaStream_t)stream));
    return RB_OK;
}

static int event_open(void **event_p)
{
    cudaEvent_t event;
    CUDA_TRY("an event", cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    *event_p = event;
    return RB_OK;
}

static int event_record(void *event, void *stream)
{
    CUDA_TRY("an event", cudaEventRecord((cudaEvent_t)event, (cudaStream_t)stream));
    return RB_OK;
}

static int event_finished(void *event, bool *done_p)
{
    const cudaError_t e = cudaEventQuery((cudaEvent_t)event);
    *done_p = e != cudaErrorNotReady;
    return e == cudaSuccess || e == cudaErrorNotReady ? RB_OK : failed("copies on a stream", e);
}

static void event_close(void *event)
{
    cudaEventDestroy((cudaEvent_t)event);
}

static cudaStream_t stream_of(void *stream)
{
    return stream != NULL ? (cudaStream_t)stream : selected.stream;
}

/* Cooperative launches are kept like others: the attribute is one of a graph's nodes too (CUDA driver API, CUlaunchAttributeID). */
static int record_begin(void *stream)
{
    CUDA_TRY("beginning a graph", cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal));
    return RB_OK;
}

static int record_end(void *stream, void **graph_p)
{
    cudaGraph_t kept = NULL;
    cudaGraphExec_t graph = NULL;
    CUDA_TRY("ending a graph", cudaStreamEndCapture(stream_of(stream), &kept));
    cudaError_t e = cudaGraphInstantiate(&graph, kept, 0);
    cudaGraphDestroy(kept);
    CUDA_TRY("making a graph", e);
    e = cudaGraphUpload(graph, stream_of(stream));
    if (e != cudaSuccess)
        cudaGraphExecDestroy(graph);
    CUDA_TRY("bringing a graph to the GPU", e);
    *graph_p = graph;
    return RB_OK;
}

static int replay(void *graph, void *stream)
{
    CUDA_TRY("launching a graph", cudaGraphLaunch((cudaGraphExec_t)graph, stream_of(stream)));
    return RB_OK;
}

static void graph_close(void *graph)
{
    cudaGraphExecDestroy((cudaGraphExec_t)graph);
}

static int parts_open(int count, struct gpu_parts *parts)
{
    return cuda_parts_open(selected.device, selected.stream, count, parts);
}

static void explain(char *text, size_t room)
{
    struct gpu_facts f;
    text[0] = '\0';
    if (selected.device >= 0 && facts(selected.device, &f) == RB_OK)
        snprintf(text, room, "%s (%s, %d SMs, sm_%d%d), CUDA driver %d.%d, runtime %d.%d", f.name, f.bus, f.sms, f.major, f.minor, f.driver / 1000,
                 f.driver % 1000 / 10, f.runtime / 1000, f.runtime % 1000 / 10);
}

const struct gpu_api gpu_api = {
    "cuda", count, facts, select, reaches, linked, allocate, cuda_memory_release, copy, share, open_shared, cuda_memory_close, pin, unpin,
    poke, groups, launch, finished, explain, stream_open, stream_close, stream_finished, copy_queue, event_open, event_record,
    event_finished, event_close, record_begin, record_end, replay, graph_close,
    parts_open, cuda_parts_close, cuda_parts_join, cuda_parts_fork,
};
