/* collectives/transport/gpu_driver.h - what only the GPU's driver can tell a network card: libcuda.so.1, opened at run time. Memory
 * itself is allocated by struct gpu_api.
 *
 * Source   names and numbers: CUDA driver API reference, device management and memory management (CUDA 11.7 and newer). */
#ifndef RB_TRANSPORT_GPU_DRIVER_H
#define RB_TRANSPORT_GPU_DRIVER_H

#include "collectives/device/gpu.h"

#include <stddef.h>
#include <stdint.h>

enum {
    GPU_DRIVER_OK = 0,
    GPU_RDMA_SUPPORTED = 116,        /* CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED */
    GPU_RDMA_WRITES_ORDERING = 118,  /* ..._GPU_DIRECT_RDMA_WRITES_ORDERING: from GPU_ORDERED_FOR_OWNER on no flush is needed */
    GPU_DMABUF_SUPPORTED = 124,      /* ..._DMA_BUF_SUPPORTED */
    GPU_ORDERED_FOR_OWNER = 100,
    GPU_HANDLE_DMABUF = 1,           /* CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD */
};

struct gpu_driver {
    int (*get_device)(int *device_p, int ordinal);
    int (*get_attribute)(int *value_p, int attribute, int device);
    /* NULL with drivers before 11.7. Address and bytes are multiples of a page. */
    int (*get_handle)(void *handle, unsigned long long address, size_t bytes, int type, unsigned long long flags);
};

/* Where a network's slots for the kernels of a GPU come from. */
struct verbs_gpu {
    const struct gpu_api *api;
    const struct gpu_driver *driver; /* NULL: none, nothing can be asked of it */
    int device;
    const char *modules; /* "/sys/module" */
};

/* NULL where there is no driver. The library stays open. */
const struct gpu_driver *gpu_driver_get(void);

#endif
