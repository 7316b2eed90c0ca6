#include "collectives/device/cuda_memory.h"

extern "C" {
#include "core/error.h"
}

#include <cuda.h>
#include <cuda_runtime.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 2048 }; /* blocks that are mapped by cuMem at a time, by all threads */

/* Smaller blocks of cudaMalloc share 2 MiB, and an IPC handle opens all of that: of two such blocks a peer could open only one (CUDA
 * programming guide, interprocess communication: share allocations of a multiple of 2 MiB only). */
static const size_t share_grain = (size_t)2 << 20;

enum kind { KIND_IPC = 1, KIND_DESCRIPTOR };

struct handle {
    uint64_t owner; /* process_name() */
    int kind;
    int process, descriptor;
    int device;
    size_t bytes;
    void *at; /* in the owner's process */
    cudaIpcMemHandle_t ipc;
};

struct block {
    CUdeviceptr at;
    size_t bytes;
    CUmemGenericAllocationHandle handle;
    int descriptor; /* -1: not shared yet, or another's */
    bool opened;    /* another process's */
};

/* Opened by IPC, as often as it is listed. */
struct opened {
    struct opened *next;
    void *at;
};

static struct block blocks[MOST];
static struct opened *opened;
static uint64_t own_name;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of these three */

/* Numbers of processes repeat from container to container. */
static uint64_t process_name()
{
    pthread_mutex_lock(&lock);
    if (own_name == 0 && getrandom(&own_name, sizeof own_name, GRND_NONBLOCK) != (ssize_t)sizeof own_name)
        own_name = (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)&own_name;
    pthread_mutex_unlock(&lock);
    return own_name;
}

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
    static thread_local struct driver_calls d;
    static thread_local int state;
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
    static thread_local int state;
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

/* With the lock. NULL: a free place. */
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

static bool keep_block(const struct block *b)
{
    pthread_mutex_lock(&lock);
    struct block *place = find_block(NULL);
    if (place != NULL)
        *place = *b;
    pthread_mutex_unlock(&lock);
    return place != NULL;
}

/* all: also those of other processes. */
static bool take_block(const void *memory, bool all, struct block *b)
{
    pthread_mutex_lock(&lock);
    struct block *found = memory != NULL ? find_block(memory) : NULL;
    const bool take = found != NULL && (all || found->opened);
    if (take) {
        *b = *found;
        *found = {};
    }
    pthread_mutex_unlock(&lock);
    return take;
}

static CUresult give_access(int device, const struct block *b)
{
    CUmemAccessDesc access = {};
    access.location = properties(device).location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    return driver()->access(b->at, b->bytes, &access, 1);
}

/* Gives memory an address for this device; on failure the memory is released. */
static int map_block(int device, struct block b, void **memory_p)
{
    const struct driver_calls *d = driver();
    CUresult r = d->reserve(&b.at, b.bytes, 0, 0, 0);
    const bool reserved = r == CUDA_SUCCESS;
    if (r == CUDA_SUCCESS)
        r = d->map(b.at, b.bytes, 0, b.handle, 0);
    const bool mapped = r == CUDA_SUCCESS;
    if (r == CUDA_SUCCESS)
        r = give_access(device, &b);
    if (r == CUDA_SUCCESS && !keep_block(&b))
        r = CUDA_ERROR_OUT_OF_MEMORY;
    if (r == CUDA_SUCCESS) {
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
    struct block b = { 0, 0, 0, -1, false };
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

static void unmap_block(const struct block *b)
{
    const struct driver_calls *d = driver();
    d->unmap(b->at, b->bytes);
    d->unreserve(b->at, b->bytes);
    d->release(b->handle);
    if (b->descriptor >= 0)
        close(b->descriptor);
}

void cuda_memory_release(void *memory)
{
    struct block b;
    if (take_block(memory, true, &b))
        unmap_block(&b);
    else
        cudaFree(memory);
}

static int share_block(struct block *b, struct handle *h)
{
    if (b->descriptor < 0) {
        const CUresult r = driver()->share(&b->descriptor, b->handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0);
        if (r != CUDA_SUCCESS)
            return refused("a descriptor for GPU memory", r);
    }
    h->kind = KIND_DESCRIPTOR;
    h->descriptor = b->descriptor;
    h->bytes = b->bytes;
    return RB_OK;
}

static int share_ipc(void *memory, struct handle *h)
{
    const cudaError_t e = cudaIpcGetMemHandle(&h->ipc, memory);
    if (e != cudaSuccess)
        return rb_fail(RB_ECUDA, "an IPC handle for GPU memory: %s", cudaGetErrorString(e));
    h->kind = KIND_IPC;
    return RB_OK;
}

int cuda_memory_share(int device, void *memory, struct gpu_handle *handle)
{
    struct handle h = {};
    static_assert(sizeof h <= sizeof *handle, "a handle fits");
    h.owner = process_name();
    h.process = (int)getpid();
    h.device = device;
    h.at = memory;
    pthread_mutex_lock(&lock);
    struct block *b = find_block(memory);
    const int rc = b != NULL ? share_block(b, &h) : RB_OK;
    pthread_mutex_unlock(&lock);
    RB_TRY(rc);
    if (b == NULL)
        RB_TRY(share_ipc(memory, &h));
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
    struct block b = { 0, h->bytes, 0, -1, true };
    const int descriptor = fetch_descriptor(h);
    if (driver() == NULL || descriptor < 0)
        return rb_fail(RB_ECUDA, "cannot fetch the descriptor of a peer's GPU memory (pidfd_getfd; is kernel.yama.ptrace_scope above 0?)");
    const CUresult r = driver()->import(&b.handle, (void *)(uintptr_t)descriptor, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR);
    close(descriptor);
    if (r != CUDA_SUCCESS)
        return refused("opening a peer's GPU memory", r);
    return map_block(device, b, memory_p);
}

/* A process cannot open its own handles. What cudaMalloc made is let through for all of it at once, and only once. */
static int open_own(int device, const struct handle *h, void **memory_p)
{
    const struct block b = { (CUdeviceptr)h->at, h->bytes, 0, -1, false };
    if (h->device != device && h->kind == KIND_DESCRIPTOR) {
        const CUresult r = give_access(device, &b);
        if (r != CUDA_SUCCESS)
            return refused("access to another GPU's memory", r);
    } else if (h->device != device) {
        const cudaError_t e = cudaDeviceEnablePeerAccess(h->device, 0);
        if (e != cudaSuccess && e != cudaErrorPeerAccessAlreadyEnabled)
            return rb_fail(RB_ECUDA, "access to another GPU's memory: %s", cudaGetErrorString(e));
        (void)cudaGetLastError();
    }
    *memory_p = h->at;
    return RB_OK;
}

static int open_ipc(const struct handle *h, void **memory_p)
{
    struct opened *o = (struct opened *)malloc(sizeof *o);
    const cudaError_t e = o != NULL ? cudaIpcOpenMemHandle(memory_p, h->ipc, cudaIpcMemLazyEnablePeerAccess) : cudaErrorMemoryAllocation;
    if (e != cudaSuccess) {
        free(o);
        return rb_fail(RB_ECUDA, "opening a peer's GPU memory: %s", cudaGetErrorString(e));
    }
    pthread_mutex_lock(&lock);
    *o = { opened, *memory_p };
    opened = o;
    pthread_mutex_unlock(&lock);
    return RB_OK;
}

static bool forget_opened(const void *memory)
{
    pthread_mutex_lock(&lock);
    struct opened **o = &opened;
    while (*o != NULL && (*o)->at != memory)
        o = &(*o)->next;
    struct opened *found = *o;
    if (found != NULL)
        *o = found->next;
    pthread_mutex_unlock(&lock);
    free(found);
    return found != NULL;
}

int cuda_memory_open(int device, const struct gpu_handle *handle, void **memory_p)
{
    struct handle h;
    memcpy(&h, handle, sizeof h);
    if (h.owner == process_name() && h.process == (int)getpid()) /* a fork inherits the name */
        return open_own(device, &h, memory_p);
    return h.kind == KIND_DESCRIPTOR ? open_block(device, &h, memory_p) : open_ipc(&h, memory_p);
}

void cuda_memory_close(void *memory)
{
    struct block b;
    if (take_block(memory, false, &b))
        unmap_block(&b);
    else if (forget_opened(memory))
        cudaIpcCloseMemHandle(memory);
}
