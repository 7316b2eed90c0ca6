/* collectives/device/cuda_memory.h - GPU memory that other processes of the machine can open: cudaMalloc with CUDA IPC handles first,
 * cuMem with a POSIX descriptor where the system has no IPC handles (WSL, some virtual GPUs). nvcc only.
 *
 * A descriptor travels as (process, number): the opener fetches it with pidfd_getfd (Linux 5.6), which wants the same user. Memory of
 * the opener's own process is opened by its address, with access from the opener's device.
 *
 * Threads any. */
#ifndef RB_COLLECTIVES_CUDA_MEMORY_H
#define RB_COLLECTIVES_CUDA_MEMORY_H

#include "collectives/device/gpu.h"

int cuda_memory_allocate(int device, size_t bytes, void **memory_p);
void cuda_memory_release(void *memory);
int cuda_memory_share(int device, void *memory, struct gpu_handle *handle);
int cuda_memory_open(int device, const struct gpu_handle *handle, void **memory_p);
void cuda_memory_close(void *memory);

#endif
