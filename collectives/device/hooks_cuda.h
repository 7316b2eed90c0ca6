/* collectives/device/hooks_cuda.h - what channel.h wants from its back end, for nvcc. GPU_SCOPE is sys or gpu: whether flags order memory
 * for all devices and the host, or for one GPU only.
 *
 * Loads of what peers wrote are ld.relaxed.sys (they skip the first-level cache), flags ld.acquire and st.release: never
 * __threadfence_system(), whose machine code is a sequentially consistent fence and an invalidation of the cache. */
#ifndef RB_COLLECTIVES_HOOKS_CUDA_H
#define RB_COLLECTIVES_HOOKS_CUDA_H

#include "collectives/device/image.h"

#define GPU_WAIT_SPINS 1024

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#define GPU_FN __device__ __forceinline__
#define GPU_UNROLL _Pragma("unroll")
#define GPU_TEXT_(x) #x
#define GPU_TEXT(x) GPU_TEXT_(x)

struct pack;
GPU_FN struct pack gpu_load(const void *address);
GPU_FN void gpu_store(void *address, struct pack p);

GPU_FN uint32_t gpu_thread() { return threadIdx.x; }
GPU_FN uint32_t gpu_threads() { return blockDim.x; }
GPU_FN uint32_t gpu_warp() { return 32; }
GPU_FN void gpu_sync() { __syncthreads(); }
GPU_FN void gpu_relax() { }
GPU_FN uint64_t gpu_from(uint64_t word, uint32_t thread) { return __shfl_sync(0xffffffffu, word, (int)thread); }
GPU_FN bool gpu_all(bool condition) { return __all_sync(0xffffffffu, condition); }

GPU_FN uint64_t gpu_now_ns()
{
    uint64_t ns;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(ns));
    return ns;
}

GPU_FN uint32_t gpu_look(const uint32_t *address)
{
    uint32_t value;
    asm volatile("ld.relaxed.sys.global.u32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
    return value;
}

GPU_FN uint64_t engine_load_acquire(const uint64_t *address)
{
    uint64_t value;
    asm volatile("ld.acquire." GPU_TEXT(GPU_SCOPE) ".global.u64 %0, [%1];" : "=l"(value) : "l"(address) : "memory");
    return value;
}

GPU_FN void engine_store_release(uint64_t *address, uint64_t value)
{
    asm volatile("st.release." GPU_TEXT(GPU_SCOPE) ".global.u64 [%0], %1;" : : "l"(address), "l"(value) : "memory");
}

GPU_FN uint64_t engine_now_ns() { return gpu_now_ns(); }

GPU_FN bool engine_swap(uint64_t *address, uint64_t old, uint64_t value)
{
    return atomicCAS((unsigned long long *)address, (unsigned long long)old, (unsigned long long)value) == old;
}

GPU_FN void gpu_load_line(const uint64_t *address, uint64_t *a, uint64_t *b)
{
    asm volatile("ld.relaxed.sys.global.v2.u64 {%0, %1}, [%2];" : "=l"(*a), "=l"(*b) : "l"(address) : "memory");
}

GPU_FN void gpu_store_line(uint64_t *address, uint64_t a, uint64_t b)
{
    asm volatile("st.relaxed.sys.global.v2.u64 [%0], {%1, %2};" : : "l"(address), "l"(a), "l"(b) : "memory");
}

/* One instruction of a warp: neighbours' addresses are neighbours. */
GPU_FN void gpu_load_wide(const uint64_t *address, bool valid, uint64_t *a, uint64_t *b)
{
    if (valid)
        gpu_load_line(address, a, b);
}

GPU_FN void gpu_store_wide(uint64_t *address, bool valid, uint64_t a, uint64_t b)
{
    if (valid)
        gpu_store_line(address, a, b);
}

template <class T> GPU_FN T gpu_load_bits(const T *address) { return *(const volatile T *)address; }
template <class T> GPU_FN void gpu_store_bits(T *address, T value) { *(volatile T *)address = value; }

GPU_FN float gpu_widen_half(uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
GPU_FN uint16_t gpu_narrow_half(float f) { return __half_as_ushort(__float2half_rn(f)); }
GPU_FN float gpu_widen_bfloat16(uint16_t bits) { return __uint_as_float((uint32_t)bits << 16); }
GPU_FN uint16_t gpu_narrow_bfloat16(float f) { return __bfloat16_as_ushort(__float2bfloat16_rn(f)); }

GPU_FN float gpu_widen_e4m3(uint8_t bits) { return __half2float(__half(__nv_cvt_fp8_to_halfraw(bits, __NV_E4M3))); }
GPU_FN uint8_t gpu_narrow_e4m3(float f) { return __nv_cvt_float_to_fp8(f, __NV_SATFINITE, __NV_E4M3); }
GPU_FN float gpu_widen_e5m2(uint8_t bits) { return __half2float(__half(__nv_cvt_fp8_to_halfraw(bits, __NV_E5M2))); }
GPU_FN uint8_t gpu_narrow_e5m2(float f) { return __nv_cvt_float_to_fp8(f, __NV_SATFINITE, __NV_E5M2); }

template <int TYPE, int OP> struct gpu_packed { enum { exists = 0 }; static GPU_FN uint32_t run(uint32_t a, uint32_t) { return a; } };

/* Two 16-bit floats at once. Rounding once from the exact sum or product is what rounding twice, from float, gives: float has more
 * than twice their digits and two. */
template <class V> GPU_FN V gpu_pair(uint32_t bits)
{
    V v;
    __builtin_memcpy(&v, &bits, sizeof v);
    return v;
}

template <class V> GPU_FN uint32_t gpu_pair_bits(V v)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &v, sizeof bits);
    return bits;
}

#define GPU_PACKED(TYPE, OP, pair, function)                                                                                  \
    template <> struct gpu_packed<TYPE, OP> {                                                                                 \
        enum { exists = 1 };                                                                                                  \
        static GPU_FN uint32_t run(uint32_t a, uint32_t b) { return gpu_pair_bits(function(gpu_pair<pair>(a), gpu_pair<pair>(b))); } \
    };
GPU_PACKED(TYPE_HALF, OP_SUM, __half2, __hadd2_rn)
GPU_PACKED(TYPE_HALF, OP_PROD, __half2, __hmul2_rn)
GPU_PACKED(TYPE_BFLOAT16, OP_SUM, __nv_bfloat162, __hadd2_rn)
GPU_PACKED(TYPE_BFLOAT16, OP_PROD, __nv_bfloat162, __hmul2_rn)

#define GPU_PACKED_BYTES(TYPE, OP, function)                                               \
    template <> struct gpu_packed<TYPE, OP> {                                              \
        enum { exists = 1 };                                                               \
        static GPU_FN uint32_t run(uint32_t a, uint32_t b) { return function(a, b); }      \
    };
GPU_PACKED_BYTES(TYPE_INT8, OP_SUM, __vadd4)
GPU_PACKED_BYTES(TYPE_INT8, OP_MIN, __vmins4)
GPU_PACKED_BYTES(TYPE_INT8, OP_MAX, __vmaxs4)
GPU_PACKED_BYTES(TYPE_UINT8, OP_SUM, __vadd4)
GPU_PACKED_BYTES(TYPE_UINT8, OP_MIN, __vminu4)
GPU_PACKED_BYTES(TYPE_UINT8, OP_MAX, __vmaxu4)

/* 8-bit floats compare as halves, two at once; the codes are chosen, not converted back: x < y ? x : y to the last bit. */
template <__nv_fp8_interpretation_t KIND, bool LESS> GPU_FN uint32_t gpu_choose_pairs(uint32_t a, uint32_t b)
{
    uint32_t masks[2];
    GPU_UNROLL
    for (int i = 0; i < 2; i++) {
        const __half2 x = __half2(__nv_cvt_fp8x2_to_halfraw2((uint16_t)(a >> 16 * i), KIND)), y = __half2(__nv_cvt_fp8x2_to_halfraw2((uint16_t)(b >> 16 * i), KIND));
        masks[i] = LESS ? __hlt2_mask(x, y) : __hgt2_mask(x, y);
    }
    const uint32_t mask = __byte_perm(masks[0], masks[1], 0x6420);
    return (a & mask) | (b & ~mask);
}

GPU_PACKED_BYTES(TYPE_FLOAT8E4M3, OP_MIN, (gpu_choose_pairs<__NV_E4M3, true>))
GPU_PACKED_BYTES(TYPE_FLOAT8E4M3, OP_MAX, (gpu_choose_pairs<__NV_E4M3, false>))
GPU_PACKED_BYTES(TYPE_FLOAT8E5M2, OP_MIN, (gpu_choose_pairs<__NV_E5M2, true>))
GPU_PACKED_BYTES(TYPE_FLOAT8E5M2, OP_MAX, (gpu_choose_pairs<__NV_E5M2, false>))

#include "collectives/device/packs.h"

GPU_FN struct pack gpu_load(const void *address)
{
    struct pack p;
    asm volatile("ld.relaxed.sys.global.v2.u64 {%0, %1}, [%2];" : "=l"(p.low), "=l"(p.high) : "l"(address) : "memory");
    return p;
}

GPU_FN void gpu_store(void *address, struct pack p)
{
    asm volatile("st.global.v2.u64 [%0], {%1, %2};" : : "l"(address), "l"(p.low), "l"(p.high) : "memory");
}

#endif
