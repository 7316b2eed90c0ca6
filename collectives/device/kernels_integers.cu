/* The kernels of integers, with flags that order memory for all devices and the host. */
#define GPU_SCOPE sys
#define KERNELS_NAMESPACE kernels_integers
#include "collectives/device/kernels.h"

using namespace KERNELS_NAMESPACE;

/* NULL for other types. */
extern "C" const void *kernel_of_integers(enum rb_type type, enum rb_op op)
{
    switch (type) {
    case TYPE_INT8: {
        static kernel *const row[] = KERNELS_OF(TYPE_INT8);
        return (const void *)row[op];
    }
    case TYPE_UINT8: {
        static kernel *const row[] = KERNELS_OF(TYPE_UINT8);
        return (const void *)row[op];
    }
    case TYPE_INT32: {
        static kernel *const row[] = KERNELS_OF(TYPE_INT32);
        return (const void *)row[op];
    }
    case TYPE_UINT32: {
        static kernel *const row[] = KERNELS_OF(TYPE_UINT32);
        return (const void *)row[op];
    }
    case TYPE_INT64: {
        static kernel *const row[] = KERNELS_OF(TYPE_INT64);
        return (const void *)row[op];
    }
    case TYPE_UINT64: {
        static kernel *const row[] = KERNELS_OF(TYPE_UINT64);
        return (const void *)row[op];
    }
    default: return NULL;
    }
}
