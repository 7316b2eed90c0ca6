// tests/cuda/known.cu - kernels whose machine code is known from their PTX, for tests/cuda_gates.sh.
//
// A line "// expect KERNEL COUNT=N ..." says what tests/cuda/sass must count in the kernel that follows; what is not named is none.
#include <stddef.h>
#include <stdint.h>

static __device__ __forceinline__ uint4 load_volatile(const uint4 *p)
{
    uint4 v;
    asm volatile("ld.volatile.global.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
    return v;
}

static __device__ __forceinline__ uint4 load_relaxed(const uint4 *p)
{
    uint4 v;
    asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
    return v;
}

static __device__ __forceinline__ void store(uint4 *p, uint4 v)
{
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" :: "l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}

// expect known_volatile ld128=1 st128=1 strong=1
extern "C" __global__ void known_volatile(uint4 *to, const uint4 *from)
{
    store(to + threadIdx.x, load_volatile(from + threadIdx.x));
}

// expect known_relaxed ld128=1 st128=1 strong=1
extern "C" __global__ void known_relaxed(uint4 *to, const uint4 *from)
{
    store(to + threadIdx.x, load_relaxed(from + threadIdx.x));
}

// expect known_plain ld128=1 st128=1
extern "C" __global__ void known_plain(uint4 *to, const uint4 *from)
{
    to[threadIdx.x] = from[threadIdx.x];
}

// expect known_read_only ld128=1 st128=1 read_only=1
extern "C" __global__ void known_read_only(uint4 *to, const uint4 *from)
{
    to[threadIdx.x] = __ldg(from + threadIdx.x);
}

// The address may be shared or global: a generic load.
// expect known_generic ld128=1 st128=1
extern "C" __global__ void known_generic(uint4 *to, const uint4 *from, int inside)
{
    __shared__ uint4 here[32];
    const uint4 *p = inside ? here + threadIdx.x : from;
    to[threadIdx.x] = *p;
}

// Every size but 16 bytes.
// expect known_sizes strong=12
extern "C" __global__ void known_sizes(volatile uint64_t *to, const volatile uint64_t *from)
{
    to[0] = from[0];
    *(volatile uint32_t *)&to[1] = *(const volatile uint32_t *)&from[1];
    *(volatile uint16_t *)&to[2] = *(const volatile uint16_t *)&from[2];
    *(volatile int16_t *)&to[3] = *(const volatile int16_t *)&from[3];
    *(volatile uint8_t *)&to[4] = *(const volatile uint8_t *)&from[4];
    *(volatile int8_t *)&to[5] = *(const volatile int8_t *)&from[5];
}

// Eight packs in flight, what is left one by one.
// expect known_loop ld128=9 st128=9 loop_ld128=8 loop_st128=8 strong=9
extern "C" __global__ void known_loop(uint4 *to, const uint4 *from, size_t count)
{
    size_t i = threadIdx.x;
    for (; i + 8 * 512 <= count; i += 8 * 512) {
        uint4 v[8];
#pragma unroll
        for (int k = 0; k < 8; k++)
            v[k] = load_volatile(from + i + k * 512);
#pragma unroll
        for (int k = 0; k < 8; k++)
            store(to + i + k * 512, v[k]);
    }
#pragma unroll 1
    for (; i < count; i += 512)
        store(to + i, load_volatile(from + i));
}

// Loads and stores that only an outer loop repeats, and an inner loop without any.
// expect known_outer ld128=2 st128=1 loop_ld128=1 loop_st128=1 strong=3
extern "C" __global__ void known_outer(uint4 *to, const uint4 *from, volatile int *flag, int rounds)
{
#pragma unroll 1
    for (int r = 0; r < rounds; r++) {
        const uint4 first = load_volatile(from + 1000 + r);
        while (*flag < r)
            ;
#pragma unroll 1
        for (int i = 0; i < rounds; i++) {
            uint4 v = load_volatile(from + i);
            v.x += first.x;
            store(to + i, v);
        }
    }
}

// expect known_shared shared=2
extern "C" __global__ void known_shared(int *data)
{
    __shared__ int here[64];
    here[threadIdx.x] = data[threadIdx.x];
    __syncthreads();
    data[threadIdx.x] = here[63 - threadIdx.x];
}

// An array indexed at run time.
// expect known_local local_ld=1 local_st=2
extern "C" __global__ void known_local(int *data, int i, int j, int count)
{
    int here[200];
#pragma unroll 1
    for (int k = 0; k < count; k++)
        here[k] = data[k] * 3;
    here[i] = j;
    __syncthreads();
    data[threadIdx.x] = here[j];
}

// expect known_threadfence_system strong=2 fence=1 fence_sc=1
extern "C" __global__ void known_threadfence_system(volatile int *flag)
{
    flag[0] = 1;
    __threadfence_system();
    flag[1] = 1;
}

// expect known_threadfence strong=2 fence=1 fence_sc=1
extern "C" __global__ void known_threadfence(volatile int *flag)
{
    flag[0] = 1;
    __threadfence();
    flag[1] = 1;
}

// Within a block nothing is counted.
// expect known_threadfence_block strong=2
extern "C" __global__ void known_threadfence_block(volatile int *flag)
{
    flag[0] = 1;
    __threadfence_block();
    flag[1] = 1;
}

// expect known_fence_acq_rel fence=1
extern "C" __global__ void known_fence_acq_rel(uint64_t *flag)
{
    flag[0] = 1;
    asm volatile("fence.acq_rel.sys;" ::: "memory");
    flag[1] = 1;
}

// expect known_release_system strong=1 fence=1
extern "C" __global__ void known_release_system(uint64_t *flag, uint64_t value)
{
    flag[1] = value;
    asm volatile("st.release.sys.global.u64 [%0], %1;" :: "l"(flag), "l"(value) : "memory");
}

// expect known_release_gpu strong=1 fence=1
extern "C" __global__ void known_release_gpu(uint64_t *flag, uint64_t value)
{
    flag[1] = value;
    asm volatile("st.release.gpu.global.u64 [%0], %1;" :: "l"(flag), "l"(value) : "memory");
}

// expect known_acquire strong=1
extern "C" __global__ void known_acquire(uint64_t *flag)
{
    uint64_t seen;
    asm volatile("ld.acquire.sys.global.u64 %0, [%1];" : "=l"(seen) : "l"(flag) : "memory");
    flag[1] = seen + flag[2];
}

// More live values than 32 registers hold: spilled.
// expect known_spill local_ld=some local_st=some
extern "C" __global__ void __launch_bounds__(1024, 2) known_spill(float *data, int rounds)
{
    float v[48];
#pragma unroll
    for (int k = 0; k < 48; k++)
        v[k] = data[k * 1024 + threadIdx.x];
    for (int r = 0; r < rounds; r++) {
#pragma unroll
        for (int k = 0; k < 48; k++)
            v[k] = v[k] * v[(k + 7) % 48] + v[(k * 5 + 3) % 48];
        __syncthreads();
    }
#pragma unroll
    for (int k = 0; k < 48; k++)
        data[k * 1024 + threadIdx.x] = v[k];
}
