/* The kernels of floats, with flags that order memory for all devices and the host. */
#define GPU_SCOPE sys
#define KERNELS_NAMESPACE kernels_floats
#include "collectives/device/kernels.h"

using namespace KERNELS_NAMESPACE;

/* NULL for other types. */
extern "C" const void *kernel_of_floats(enum rb_type type, enum rb_op op)
{
    switch (type) {
    case TYPE_HALF: {
        static kernel *const row[] = KERNELS_OF(TYPE_HALF);
        return (const void *)row[op];
    }
    case TYPE_FLOAT: {
        static kernel *const row[] = KERNELS_OF(TYPE_FLOAT);
        return (const void *)row[op];
    }
    case TYPE_DOUBLE: {
        static kernel *const row[] = KERNELS_OF(TYPE_DOUBLE);
        return (const void *)row[op];
    }
    case TYPE_BFLOAT16: {
        static kernel *const row[] = KERNELS_OF(TYPE_BFLOAT16);
        return (const void *)row[op];
    }
    case TYPE_FLOAT8E4M3: {
        static kernel *const row[] = KERNELS_OF(TYPE_FLOAT8E4M3);
        return (const void *)row[op];
    }
    case TYPE_FLOAT8E5M2: {
        static kernel *const row[] = KERNELS_OF(TYPE_FLOAT8E5M2);
        return (const void *)row[op];
    }
    default: return NULL;
    }
}
