/* tests/gpu_standin.h - a GPU that is host memory, for what the verbs transport wants of one: memory, pinning, and a driver whose answers
 * the test sets. Its dma-bufs are descriptors of nothing. */
#ifndef RB_TESTS_GPU_STANDIN_H
#define RB_TESTS_GPU_STANDIN_H

#include "collectives/transport/verbs_memory.h"
#include "core/error.h"
#include "core/text.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GPU_MEMORY = 64 << 20 };

static struct {
    char *memory; /* [GPU_MEMORY], given by the test */
    _Atomic size_t used;
    _Atomic int pinned, handles, unaligned;
    bool has_dmabuf, refuses_handle, ordered, moves_pinned, no_pin;
} gpu;

static int gpu_allocate(size_t bytes, void **memory_p)
{
    const size_t at = atomic_fetch_add(&gpu.used, (bytes + 255) / 256 * 256 + 256); /* no page's beginning */
    *memory_p = gpu.memory + at + 256;
    return RB_OK;
}

static void gpu_release(void *memory)
{
    (void)memory;
}

static int gpu_pin(void *host, size_t bytes, void **device_p)
{
    (void)bytes;
    if (gpu.no_pin)
        return rb_fail(RB_ECUDA, "no memory can be pinned");
    atomic_fetch_add(&gpu.pinned, 1);
    *device_p = (char *)host + (gpu.moves_pinned ? 4096 : 0);
    return RB_OK;
}

static void gpu_unpin(void *host)
{
    (void)host;
    atomic_fetch_sub(&gpu.pinned, 1);
}

static const struct gpu_api fake_gpu = { .name = "fake", .allocate = gpu_allocate, .release = gpu_release, .pin = gpu_pin, .unpin = gpu_unpin };

static int driver_device(int *device_p, int ordinal)
{
    *device_p = ordinal;
    return 0;
}

static int driver_attribute(int *value_p, int attribute, int device)
{
    (void)device;
    *value_p = attribute == GPU_DMABUF_SUPPORTED ? gpu.has_dmabuf : attribute == GPU_RDMA_WRITES_ORDERING ? (gpu.ordered ? 100 : 0) : 0;
    return 0;
}

static int driver_handle(void *handle, unsigned long long address, size_t bytes, int type, unsigned long long flags)
{
    (void)flags;
    if (address % 4096 != 0 || bytes % 4096 != 0 || type != GPU_HANDLE_DMABUF)
        atomic_fetch_add(&gpu.unaligned, 1);
    if (gpu.refuses_handle)
        return 1;
    const int fd = memfd_create("gpu", MFD_CLOEXEC);
    memcpy(handle, &fd, sizeof fd);
    atomic_fetch_add(&gpu.handles, 1);
    return 0;
}

static const struct gpu_driver fake_driver = { driver_device, driver_attribute, driver_handle };

static char modules[] = "/tmp/rb-modules-XXXXXX";

/* nvidia_peermem, as it shows where it is loaded. */
static int make_modules(void **state)
{
    (void)state;
    if (mkdtemp(modules) == NULL)
        return 1;
    char *folder = rb_format("%s/nvidia_peermem", modules), *file = rb_format("%s/version", folder);
    mkdir(folder, 0700);
    FILE *f = fopen(file, "w");
    fputs("1\n", f);
    fclose(f);
    free(folder);
    free(file);
    return 0;
}

static int remove_modules(void **state)
{
    (void)state;
    char *command = rb_format("rm -rf %s", modules);
    const int rc = system(command);
    free(command);
    return rc;
}

#endif
