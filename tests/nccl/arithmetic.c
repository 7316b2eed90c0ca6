#include "tests/nccl/arithmetic.h"

#include "collectives/baseline/nccl_api.h"
#include "collectives/device/fp8.h"

#include <stdint.h>
#include <string.h>

size_t arithmetic_bytes(int type)
{
    static const size_t bytes[] = { 1, 1, 4, 4, 8, 8, 2, 4, 8, 2, 1, 1 };
    return bytes[type];
}

#define LOAD(kind)                       \
    do {                                 \
        kind v_;                         \
        memcpy(&v_, at, sizeof v_);      \
        return (double)v_;               \
    } while (0)

#define STORE(kind, value)               \
    do {                                 \
        const kind v_ = (kind)(value);   \
        memcpy(at, &v_, sizeof v_);      \
    } while (0)

static double load(const char *at, int type)
{
    uint16_t half;
    uint32_t wide;
    float f;
    switch (type) {
    case NCCL_INT8: LOAD(int8_t);
    case NCCL_UINT8: LOAD(uint8_t);
    case NCCL_INT32: LOAD(int32_t);
    case NCCL_UINT32: LOAD(uint32_t);
    case NCCL_INT64: LOAD(int64_t);
    case NCCL_UINT64: LOAD(uint64_t);
    case NCCL_FLOAT32: LOAD(float);
    case NCCL_FLOAT64: LOAD(double);
    case NCCL_FLOAT8E4M3: return (double)fp8_e4m3_to_float((uint8_t)*at);
    case NCCL_FLOAT8E5M2: return (double)fp8_e5m2_to_float((uint8_t)*at);
    default: memcpy(&half, at, sizeof half);
    }
    if (type == NCCL_FLOAT16)
        return (double)half_to_float(half);
    wide = (uint32_t)half << 16;
    memcpy(&f, &wide, sizeof f);
    return (double)f;
}

/* Results are exact in the type, or cut towards zero where it is one of whole numbers. */
static void store(char *at, int type, double value)
{
    const float f = (float)value;
    uint32_t wide;
    memcpy(&wide, &f, sizeof wide);
    switch (type) {
    case NCCL_INT8: STORE(int8_t, (int64_t)value); break;
    case NCCL_UINT8: STORE(uint8_t, (int64_t)value); break;
    case NCCL_INT32: STORE(int32_t, (int64_t)value); break;
    case NCCL_UINT32: STORE(uint32_t, (int64_t)value); break;
    case NCCL_INT64: STORE(int64_t, value); break;
    case NCCL_UINT64: STORE(uint64_t, (int64_t)value); break;
    case NCCL_FLOAT32: STORE(float, value); break;
    case NCCL_FLOAT64: STORE(double, value); break;
    case NCCL_FLOAT16: STORE(uint16_t, half_from_float(f)); break;
    case NCCL_BFLOAT16: STORE(uint16_t, wide >> 16); break;
    case NCCL_FLOAT8E4M3: STORE(uint8_t, fp8_e4m3_from_float(f)); break;
    case NCCL_FLOAT8E5M2: STORE(uint8_t, fp8_e5m2_from_float(f)); break;
    default: break;
    }
}

static double combine(int op, double a, double b)
{
    switch (op) {
    case NCCL_PROD: return a * b;
    case NCCL_MAX: return a > b ? a : b;
    case NCCL_MIN: return a < b ? a : b;
    default: return a + b;
    }
}

void arithmetic_reduce(char *out, const char *const *sources, int n, size_t count, int type, int op)
{
    const size_t each = arithmetic_bytes(type);
    for (size_t i = 0; i < count; i++) {
        double v = load(sources[0] + i * each, type);
        for (int r = 1; r < n; r++)
            v = combine(op, v, load(sources[r] + i * each, type));
        store(out + i * each, type, op == NCCL_AVG ? v / n : v);
    }
}
