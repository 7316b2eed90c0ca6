/* The loops, included once per instruction set with LEAF(name) and LEAF_TARGET defined. No include guard on purpose. */

#define LEAF_LOOP(name, type, expression)                                                                         \
    LEAF_TARGET static void LEAF(name##_##type)(void *dst, const void *a, const void *b, size_t count)            \
    {                                                                                                             \
        type *d = dst;                                                                                            \
        const type *x = a, *y = b;                                                                                \
        LEAF_INDEPENDENT                                                                                          \
        for (size_t i = 0; i < count; i++)                                                                        \
            d[i] = (type)(expression);                                                                            \
    }

#define LEAF_DIVIDE(type)                                                         \
    LEAF_TARGET static void LEAF(divide_##type)(void *data, size_t count, int by) \
    {                                                                             \
        type *d = data;                                                           \
        for (size_t i = 0; i < count; i++)                                        \
            d[i] = (type)(d[i] / (type)by);                                       \
    }

/* Sums and products of integers wrap: unsigned arithmetic makes that defined. */
#define LEAF_TYPE(type, wide)                        \
    LEAF_LOOP(sum, type, (wide)x[i] + (wide)y[i])    \
    LEAF_LOOP(prod, type, (wide)x[i] * (wide)y[i])   \
    LEAF_LOOP(min, type, x[i] < y[i] ? x[i] : y[i])  \
    LEAF_LOOP(max, type, x[i] > y[i] ? x[i] : y[i])

LEAF_TYPE(int8_t, uint32_t)
LEAF_TYPE(uint8_t, uint32_t)
LEAF_TYPE(int32_t, uint32_t)
LEAF_TYPE(uint32_t, uint32_t)
LEAF_TYPE(int64_t, uint64_t)
LEAF_TYPE(uint64_t, uint64_t)
LEAF_TYPE(float, float)
LEAF_TYPE(double, double)
LEAF_DIVIDE(int32_t)
LEAF_DIVIDE(uint32_t)
LEAF_DIVIDE(int64_t)
LEAF_DIVIDE(float)
LEAF_DIVIDE(double)

LEAF_TARGET static void LEAF(divide_int8_t)(void *data, size_t count, int by)
{
    int8_t *d = data;
    for (size_t i = 0; i < count; i++)
        d[i] = (int8_t)(d[i] / by);
}

LEAF_TARGET static void LEAF(divide_uint8_t)(void *data, size_t count, int by)
{
    uint8_t *d = data;
    for (size_t i = 0; i < count; i++)
        d[i] = (uint8_t)(d[i] / by);
}

LEAF_TARGET static void LEAF(divide_uint64_t)(void *data, size_t count, int by)
{
    uint64_t *d = data;
    for (size_t i = 0; i < count; i++)
        d[i] /= (uint64_t)by;
}

/* Floats of 16 and 8 bits go through blocks of floats, so that the arithmetic in between vectorises. */
enum { LEAF(narrow_block) = 256 };

#define LEAF_NARROW(op, kind, bits, expression)                                                                 \
    LEAF_TARGET static void LEAF(op##_##kind)(void *dst, const void *a, const void *b, size_t count)            \
    {                                                                                                           \
        float x[LEAF(narrow_block)], y[LEAF(narrow_block)];                                                     \
        for (size_t at = 0; at < count; at += LEAF(narrow_block)) {                                             \
            const size_t n = count - at < LEAF(narrow_block) ? count - at : LEAF(narrow_block);                 \
            LEAF(widen_##kind)(x, (const bits *)a + at, n);                                                     \
            LEAF(widen_##kind)(y, (const bits *)b + at, n);                                                     \
            for (size_t i = 0; i < n; i++)                                                                      \
                x[i] = expression;                                                                              \
            LEAF(narrow_##kind)((bits *)dst + at, x, n);                                                        \
        }                                                                                                       \
    }

#define LEAF_NARROW_TYPE(kind, bits)                                               \
    LEAF_NARROW(sum, kind, bits, x[i] + y[i])                                      \
    LEAF_NARROW(prod, kind, bits, x[i] * y[i])                                     \
    LEAF_NARROW(min, kind, bits, x[i] < y[i] ? x[i] : y[i])                        \
    LEAF_NARROW(max, kind, bits, x[i] > y[i] ? x[i] : y[i])                        \
    LEAF_TARGET static void LEAF(divide_##kind)(void *data, size_t count, int by)  \
    {                                                                              \
        float x[LEAF(narrow_block)];                                               \
        for (size_t at = 0; at < count; at += LEAF(narrow_block)) {                \
            const size_t n = count - at < LEAF(narrow_block) ? count - at : LEAF(narrow_block); \
            LEAF(widen_##kind)(x, (const bits *)data + at, n);                     \
            for (size_t i = 0; i < n; i++)                                         \
                x[i] /= (float)by;                                                 \
            LEAF(narrow_##kind)((bits *)data + at, x, n);                          \
        }                                                                          \
    }

LEAF_TARGET static void LEAF(widen_bfloat16)(float *to, const uint16_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = (uint32_t)from[i] << 16;
        memcpy(&to[i], &bits, sizeof bits);
    }
}

LEAF_TARGET static void LEAF(narrow_bfloat16)(uint16_t *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &from[i], sizeof bits);
        const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
        const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
        to[i] = (uint16_t)(nan ? (bits >> 16) | 0x40u : rounded);
    }
}

LEAF_TARGET static void LEAF(widen_half)(float *to, const uint16_t *from, size_t n)
{
    size_t i = 0;
    LEAF_WIDEN_HALF_VECTOR(to, from, n, i)
    for (; i < n; i++)
        to[i] = half_to_float(from[i]);
}

LEAF_TARGET static void LEAF(narrow_half)(uint16_t *to, const float *from, size_t n)
{
    size_t i = 0;
    LEAF_NARROW_HALF_VECTOR(to, from, n, i)
    for (; i < n; i++)
        to[i] = half_from_float(from[i]);
}

/* By way of halves, which processors know. */
#define LEAF_FP8(kind, scale)                                                                 \
    LEAF_TARGET static void LEAF(widen_##kind)(float *to, const uint8_t *from, size_t n)      \
    {                                                                                         \
        uint16_t halves[LEAF(narrow_block)] = { 0 }; /* gcc sees no more than that n may be 0 */ \
        for (size_t i = 0; i < n; i++)                                                        \
            halves[i] = fp8_##kind##_to_half(from[i]);                                        \
        LEAF(widen_half)(to, halves, n);                                                      \
        for (size_t i = 0; scale != 1 && i < n; i++)                                          \
            to[i] *= scale;                                                                   \
    }                                                                                         \
    LEAF_TARGET static void LEAF(narrow_##kind)(uint8_t *to, const float *from, size_t n)     \
    {                                                                                         \
        for (size_t i = 0; i < n; i++)                                                        \
            to[i] = fp8_##kind##_from_float(from[i]);                                         \
    }
LEAF_FP8(e4m3, 256)
LEAF_FP8(e5m2, 1)

LEAF_NARROW_TYPE(half, uint16_t)
LEAF_NARROW_TYPE(bfloat16, uint16_t)
LEAF_NARROW_TYPE(e4m3, uint8_t)
LEAF_NARROW_TYPE(e5m2, uint8_t)

#define LEAF_ROW(kind)                                                                                              \
    { [OP_SUM] = LEAF(sum_##kind), [OP_PROD] = LEAF(prod_##kind), [OP_MIN] = LEAF(min_##kind), [OP_MAX] = LEAF(max_##kind), \
      [OP_AVG] = LEAF(sum_##kind) }

static const struct leaf_set LEAF(leaf_set) = {
    .name = LEAF_NAME,
    .combine2 = {
        [TYPE_INT8] = LEAF_ROW(int8_t), [TYPE_UINT8] = LEAF_ROW(uint8_t), [TYPE_INT32] = LEAF_ROW(int32_t),
        [TYPE_UINT32] = LEAF_ROW(uint32_t), [TYPE_INT64] = LEAF_ROW(int64_t), [TYPE_UINT64] = LEAF_ROW(uint64_t),
        [TYPE_HALF] = LEAF_ROW(half), [TYPE_FLOAT] = LEAF_ROW(float), [TYPE_DOUBLE] = LEAF_ROW(double),
        [TYPE_BFLOAT16] = LEAF_ROW(bfloat16), [TYPE_FLOAT8E4M3] = LEAF_ROW(e4m3), [TYPE_FLOAT8E5M2] = LEAF_ROW(e5m2),
    },
    .divide = {
        [TYPE_INT8] = LEAF(divide_int8_t), [TYPE_UINT8] = LEAF(divide_uint8_t), [TYPE_INT32] = LEAF(divide_int32_t),
        [TYPE_UINT32] = LEAF(divide_uint32_t), [TYPE_INT64] = LEAF(divide_int64_t), [TYPE_UINT64] = LEAF(divide_uint64_t),
        [TYPE_HALF] = LEAF(divide_half), [TYPE_FLOAT] = LEAF(divide_float), [TYPE_DOUBLE] = LEAF(divide_double),
        [TYPE_BFLOAT16] = LEAF(divide_bfloat16), [TYPE_FLOAT8E4M3] = LEAF(divide_e4m3), [TYPE_FLOAT8E5M2] = LEAF(divide_e5m2),
    },
    .stream = LEAF(stream),
};

#undef LEAF_LOOP
#undef LEAF_DIVIDE
#undef LEAF_TYPE
#undef LEAF_NARROW
#undef LEAF_NARROW_TYPE
#undef LEAF_FP8
#undef LEAF_ROW
