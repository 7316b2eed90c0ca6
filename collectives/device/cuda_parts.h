/* collectives/device/cuda_parts.h - a GPU cut into parts by green contexts (CUDA 12.4 and newer), for struct gpu_api. nvcc only.
 *
 * Source   CUDA driver API, "Green Contexts": parts are rounded to what the GPU can cut (Hopper: 8 multiprocessors), so that a few may be left
 * over. An event is recorded on streams of the context that it was made in, and waited for by any. */
#ifndef RB_COLLECTIVES_CUDA_PARTS_H
#define RB_COLLECTIVES_CUDA_PARTS_H

#include "collectives/device/gpu.h"

/* launches: the stream (cudaStream_t) that parts are joined to and forked from where no others are given. */
int cuda_parts_open(int device, void *launches, int count, struct gpu_parts *parts);
void cuda_parts_close(struct gpu_parts *parts);
int cuda_parts_join(struct gpu_parts *parts, void *const *streams, int count);
int cuda_parts_fork(struct gpu_parts *parts, void *const *streams, int count);

#endif
