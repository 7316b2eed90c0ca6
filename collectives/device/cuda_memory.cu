#include "collectives/device/cuda_memory.h"

extern "C" {
#include "core/error.h"
}

#include <cuda.h>
#include <cuda_runtime.h>

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 256 }; /* blocks that are mapped by cuMem at a time */

/* Smaller blocks of cudaMalloc share 2 MiB, and an IPC handle opens all of that: of two such blocks a peer could open only one (CUDA
 * programming guide, interprocess communication: share allocations of a multiple of 2 MiB only). */
static const size_t share_grain = (size_t)2 << 20;

enum kind { KIND_IPC = 1, KIND_DESCRIPTOR };

struct handle {
    int kind;
    int process, descriptor;
    size_t bytes;
    cudaIpcMemHandle_t ipc;
};

struct block {
    CUdeviceptr at;
    size_t bytes;
    CUmemGenericAllocationHandle handle;
    int descriptor; /* -1: not shared yet, or another's */
};

static struct block blocks[MOST];

/* The driver's own functions come through the runtime: nothing is linked to libcuda. */
struct driver_calls {
    decltype(&cuMemGetAllocationGranularity) granularity;
    decltype(&cuMemCreate) create;
    decltype(&cuMemRelease) release;
    decltype(&cuMemAddressReserve) reserve;
    decltype(&cuMemAddressFree) unreserve;
    decltype(&cuMemMap) map;
    decltype(&cuMemUnmap) unmap;
    decltype(&cuMemSetAccess) access;
    decltype(&cuMemExportToShareableHandle) share;
    decltype(&cuMemImportFromShareableHandle) import;
};

template <class F> static bool find(const char *name, F *function_p)
{
    cudaDriverEntryPointQueryResult found;
    void *p = NULL;
    const cudaError_t e = cudaGetDriverEntryPointByVersion(name, &p, 10020, cudaEnableDefault, &found);
    *function_p = (F)p;
    return e == cudaSuccess && found == cudaDriverEntryPointSuccess && p != NULL;
}

static const struct driver_calls *driver()
{
    static struct driver_calls d;
    static int state;
    if (state == 0)
        state = find("cuMemGetAllocationGranularity", &d.granularity) && find("cuMemCreate", &d.create) && find("cuMemRelease", &d.release) &&
                find("cuMemAddressReserve", &d.reserve) && find("cuMemAddressFree", &d.unreserve) && find("cuMemMap", &d.map) &&
                find("cuMemUnmap", &d.unmap) && find("cuMemSetAccess", &d.access) && find("cuMemExportToShareableHandle", &d.share) &&
                find("cuMemImportFromShareableHandle", &d.import) ? 1 : -1;
    return state > 0 ? &d : NULL;
}

/* Asked once, with a block of its own: is there IPC here at all? */
static bool has_ipc()
{
    static int state;
    if (state == 0) {
        void *p = NULL;
        cudaIpcMemHandle_t h;
        state = cudaMalloc(&p, share_grain) == cudaSuccess && cudaIpcGetMemHandle(&h, p) == cudaSuccess ? 1 : -1;
        cudaFree(p);
        (void)cudaGetLastError();
    }
    return state > 0;
}

static CUmemAllocationProp properties(int device)
{
    CUmemAllocationProp p = {};
    p.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    p.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
    p.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    p.location.id = device;
    return p;
}

static struct block *find_block(const void *memory)
{
    for (struct block &b : blocks)
        if (b.at == (CUdeviceptr)memory)
            return &b;
    return NULL;
}

static int refused(const char *what, CUresult r)
{
    return rb_fail(RB_ECUDA, "%s: driver error %d", what, (int)r);
}

/* Gives memory an address for this device; on failure the memory is released. */
static int map_block(int device, struct block b, void **memory_p)
{
    const struct driver_calls *d = driver();
    struct block *place = find_block(NULL);
    CUmemAccessDesc access = {};
    access.location = properties(device).location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    CUresult r = place == NULL ? CUDA_ERROR_OUT_OF_MEMORY : d->reserve(&b.at, b.bytes, 0, 0, 0);
    const bool reserved = r == CUDA_SUCCESS;
    if (r == CUDA_SUCCESS)
        r = d->map(b.at, b.bytes, 0, b.handle, 0);
    const bool mapped = r == CUDA_SUCCESS;
    if (r == CUDA_SUCCESS)
        r = d->access(b.at, b.bytes, &access, 1);
    if (r == CUDA_SUCCESS) {
        *place = b;
        *memory_p = (void *)b.at;
        return RB_OK;
    }
    if (mapped)
        d->unmap(b.at, b.bytes);
    if (reserved)
        d->unreserve(b.at, b.bytes);
    d->release(b.handle);
    return refused("mapping GPU memory", r);
}

static int allocate_block(int device, size_t bytes, void **memory_p)
{
    const struct driver_calls *d = driver();
    if (d == NULL)
        return rb_fail(RB_ECUDA, "this driver has neither IPC handles nor cuMem: ranks cannot share GPU memory; run one process");
    const CUmemAllocationProp p = properties(device);
    struct block b = { 0, 0, 0, -1 };
    size_t grain = 0;
    CUresult r = d->granularity(&grain, &p, CU_MEM_ALLOC_GRANULARITY_MINIMUM);
    if (r != CUDA_SUCCESS)
        return refused("the grain of GPU memory", r);
    b.bytes = (bytes + grain - 1) / grain * grain;
    r = d->create(&b.handle, b.bytes, &p, 0);
    if (r != CUDA_SUCCESS)
        return refused("allocating GPU memory", r);
    return map_block(device, b, memory_p);
}

int cuda_memory_allocate(int device, size_t bytes, void **memory_p)
{
    if (!has_ipc())
        return allocate_block(device, bytes, memory_p);
    const cudaError_t e = cudaMalloc(memory_p, (bytes + share_grain - 1) / share_grain * share_grain);
    if (e != cudaSuccess)
        return rb_fail(RB_ECUDA, "%zu bytes of GPU memory: %s", bytes, cudaGetErrorString(e));
    return RB_OK;
}

static void unmap_block(struct block *b)
{
    const struct driver_calls *d = driver();
    d->unmap(b->at, b->bytes);
    d->unreserve(b->at, b->bytes);
    d->release(b->handle);
    if (b->descriptor >= 0)
        close(b->descriptor);
    *b = {};
}

void cuda_memory_release(void *memory)
{
    struct block *b = memory != NULL ? find_block(memory) : NULL;
    if (b != NULL)
        unmap_block(b);
    else
        cudaFree(memory);
}

int cuda_memory_share(void *memory, struct gpu_handle *handle)
{
    struct handle h = {};
    static_assert(sizeof h <= sizeof *handle, "a handle fits");
    struct block *b = find_block(memory);
    h.kind = b != NULL ? KIND_DESCRIPTOR : KIND_IPC;
    if (b == NULL) {
        const cudaError_t e = cudaIpcGetMemHandle(&h.ipc, memory);
        if (e != cudaSuccess)
            return rb_fail(RB_ECUDA, "an IPC handle for GPU memory: %s", cudaGetErrorString(e));
    } else {
        if (b->descriptor < 0) {
            const CUresult r = driver()->share(&b->descriptor, b->handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0);
            if (r != CUDA_SUCCESS)
                return refused("a descriptor for GPU memory", r);
        }
        h.process = (int)getpid();
        h.descriptor = b->descriptor;
        h.bytes = b->bytes;
    }
    memcpy(handle, &h, sizeof h);
    return RB_OK;
}

static int fetch_descriptor(const struct handle *h)
{
    const int process = (int)syscall(SYS_pidfd_open, h->process, 0);
    if (process < 0)
        return -1;
    const int descriptor = (int)syscall(SYS_pidfd_getfd, process, h->descriptor, 0);
    close(process);
    return descriptor;
}

static int open_block(int device, const struct handle *h, void **memory_p)
{
    struct block b = { 0, h->bytes, 0, -1 };
    const int descriptor = fetch_descriptor(h);
    if (driver() == NULL || descriptor < 0)
        return rb_fail(RB_ECUDA, "cannot fetch the descriptor of a peer's GPU memory (pidfd_getfd; is kernel.yama.ptrace_scope above 0?)");
    const CUresult r = driver()->import(&b.handle, (void *)(uintptr_t)descriptor, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR);
    close(descriptor);
    if (r != CUDA_SUCCESS)
        return refused("opening a peer's GPU memory", r);
    return map_block(device, b, memory_p);
}

int cuda_memory_open(int device, const struct gpu_handle *handle, void **memory_p)
{
    struct handle h;
    memcpy(&h, handle, sizeof h);
    if (h.kind == KIND_DESCRIPTOR)
        return open_block(device, &h, memory_p);
    const cudaError_t e = cudaIpcOpenMemHandle(memory_p, h.ipc, cudaIpcMemLazyEnablePeerAccess);
    if (e != cudaSuccess)
        return rb_fail(RB_ECUDA, "opening a peer's GPU memory: %s", cudaGetErrorString(e));
    return RB_OK;
}

void cuda_memory_close(void *memory)
{
    struct block *b = memory != NULL ? find_block(memory) : NULL;
    if (b != NULL)
        unmap_block(b);
    else
        cudaIpcCloseMemHandle(memory);
}
