/* collectives/device/kernels.h - the kernels, one for each type, operator and memory scope; included by kernels_*.cu (several, so that
 * they compile side by side), which define GPU_SCOPE and KERNELS_NAMESPACE. nvcc only. */
#ifndef RB_COLLECTIVES_KERNELS_H
#define RB_COLLECTIVES_KERNELS_H

#include "collectives/device/hooks_cuda.h"

#include "collectives/device/channel.h"

/* Groups of 512 threads: 64 KiB of loads in flight on a multiprocessor. Everything else (registers) follows from that. */
enum { KERNEL_THREADS = 512 };

namespace KERNELS_NAMESPACE {

/* Group g plays channel g % nchannels of rank g / nchannels of the launch. */
template <int TYPE, int OP> __global__ void __launch_bounds__(KERNEL_THREADS, 1) play(const __grid_constant__ struct gpu_call call)
{
    extern __shared__ __align__(16) char image[];
    __shared__ struct gpu_group group;
    channel_play<TYPE, OP>(&call, (int)(blockIdx.x / call.nchannels), (int)(blockIdx.x % call.nchannels), image, &group);
}

typedef void kernel(const struct gpu_call);

/* In the order of enum rb_op; OP_AVG adds, and divides at the end. */
#define KERNELS_OF(TYPE) { play<TYPE, OP_SUM>, play<TYPE, OP_PROD>, play<TYPE, OP_MIN>, play<TYPE, OP_MAX>, play<TYPE, OP_SUM> }
static_assert(OP_SUM == 0 && OP_PROD == 1 && OP_MIN == 2 && OP_MAX == 3 && OP_AVG == 4 && OP_COUNT == 5, "the rows follow the enum");

}

#endif
