/* The commonest kernels once more, with flags that order memory for one GPU only: for collectives whose ranks are all on it. */
#define GPU_SCOPE gpu
#define KERNELS_NAMESPACE kernels_one_gpu
#include "collectives/device/kernels.h"

using namespace KERNELS_NAMESPACE;

/* NULL where there is none. */
extern "C" const void *kernel_one_gpu(enum rb_type type, enum rb_op op)
{
    if (op != OP_SUM && op != OP_AVG)
        return NULL;
    kernel *const k = type == TYPE_FLOAT ? play<TYPE_FLOAT, OP_SUM> : type == TYPE_HALF ? play<TYPE_HALF, OP_SUM>
                      : type == TYPE_BFLOAT16 ? play<TYPE_BFLOAT16, OP_SUM> : NULL;
    return (const void *)k;
}
