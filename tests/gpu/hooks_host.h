/* tests/gpu/hooks_host.h - what collectives/device/channel.h wants from its back end, for host threads: a group is a few threads with a
 * barrier, a warp eight of them. Slots are plain memory, so that a race detector sees what flags do not order. */
#ifndef RB_TESTS_GPU_HOOKS_HOST_H
#define RB_TESTS_GPU_HOOKS_HOST_H

#include "collectives/device/fp8.h"
#include "collectives/device/half.h"
#include "collectives/device/image.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define GPU_FN inline
#define GPU_UNROLL
#define GPU_WAIT_SPINS 4

enum { WARP = 8, MOST_WARPS = 8 };

/* One group of threads. */
struct host_group {
    pthread_barrier_t all, warps[MOST_WARPS];
    uint64_t words[MOST_WARPS][WARP];
    bool said[MOST_WARPS][WARP];
    uint32_t threads;
};

struct host_thread {
    struct host_group *group; /* NULL: a thread on its own, without barriers */
    uint32_t thread, threads;
};

inline thread_local struct host_thread self = { NULL, 0, 1 };

GPU_FN uint32_t gpu_thread() { return self.thread; }
GPU_FN uint32_t gpu_threads() { return self.threads; }
GPU_FN uint32_t gpu_warp() { return WARP; }
GPU_FN void gpu_relax() { sched_yield(); }

GPU_FN void gpu_sync()
{
    if (self.group != NULL)
        pthread_barrier_wait(&self.group->all);
}

GPU_FN void gpu_sync_warp()
{
    pthread_barrier_wait(&self.group->warps[self.thread / WARP]);
}

GPU_FN uint64_t gpu_from(uint64_t word, uint32_t thread)
{
    uint64_t *words = self.group->words[self.thread / WARP];
    words[self.thread % WARP] = word;
    gpu_sync_warp();
    const uint64_t other = words[thread];
    gpu_sync_warp();
    return other;
}

GPU_FN bool gpu_all(bool condition)
{
    bool *said = self.group->said[self.thread / WARP], all = true;
    said[self.thread % WARP] = condition;
    gpu_sync_warp();
    for (int i = 0; i < WARP; i++)
        all = all && said[i];
    gpu_sync_warp();
    return all;
}

GPU_FN uint64_t gpu_now_ns()
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

GPU_FN uint32_t gpu_look(const uint32_t *address) { return __atomic_load_n(address, __ATOMIC_RELAXED); }
#ifdef PLANT_RELAXED_TAIL
GPU_FN uint64_t engine_load_acquire(const uint64_t *address) { return __atomic_load_n(address, __ATOMIC_RELAXED); }
#else
GPU_FN uint64_t engine_load_acquire(const uint64_t *address) { return __atomic_load_n(address, __ATOMIC_ACQUIRE); }
#endif
GPU_FN void engine_store_release(uint64_t *address, uint64_t value) { __atomic_store_n(address, value, __ATOMIC_RELEASE); }

GPU_FN uint64_t engine_now_ns() { return gpu_now_ns(); }
GPU_FN bool engine_swap(uint64_t *address, uint64_t old, uint64_t value)
{
    return __atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

GPU_FN void gpu_load_line(const uint64_t *address, uint64_t *a, uint64_t *b)
{
    *a = __atomic_load_n(address, __ATOMIC_RELAXED);
    *b = __atomic_load_n(address + 1, __ATOMIC_RELAXED);
}

GPU_FN void gpu_store_line(uint64_t *address, uint64_t a, uint64_t b)
{
    __atomic_store_n(address, a, __ATOMIC_RELAXED);
    __atomic_store_n(address + 1, b, __ATOMIC_RELAXED);
}

/* The last of eight has the flag: it is read before, and written after, what the others have. */
GPU_FN void gpu_load_wide(const uint64_t *address, bool valid, uint64_t *a, uint64_t *b)
{
    const bool last = self.thread % 8 == 7;
    if (valid && last)
        *b = __atomic_load_n(address + 1, __ATOMIC_ACQUIRE);
    gpu_sync_warp();
    if (valid)
        *a = __atomic_load_n(address, __ATOMIC_RELAXED);
    if (valid && !last)
        *b = __atomic_load_n(address + 1, __ATOMIC_RELAXED);
}

GPU_FN void gpu_store_wide(uint64_t *address, bool valid, uint64_t a, uint64_t b)
{
    const bool last = self.thread % 8 == 7;
    if (valid)
        __atomic_store_n(address, a, __ATOMIC_RELAXED);
    if (valid && !last)
        __atomic_store_n(address + 1, b, __ATOMIC_RELAXED);
    gpu_sync_warp();
    if (valid && last)
        __atomic_store_n(address + 1, b, __ATOMIC_RELEASE);
}

/* Flags of a group are shared without a barrier; everything else is plain. */
template <class T> GPU_FN T gpu_load_bits(const T *address) { return *address; }
template <class T> GPU_FN void gpu_store_bits(T *address, T value) { *address = value; }
template <> inline int32_t gpu_load_bits(const int32_t *address) { return __atomic_load_n(address, __ATOMIC_RELAXED); }
template <> inline void gpu_store_bits(int32_t *address, int32_t value) { __atomic_store_n(address, value, __ATOMIC_RELAXED); }
template <> inline void gpu_store_bits(uint32_t *address, uint32_t value) { __atomic_store_n(address, value, __ATOMIC_RELAXED); }

GPU_FN float gpu_widen_half(uint16_t bits) { return half_to_float(bits); }
GPU_FN uint16_t gpu_narrow_half(float f) { return half_from_float(f); }
GPU_FN float gpu_widen_bfloat16(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float f;
    memcpy(&f, &wide, sizeof f);
    return f;
}
GPU_FN uint16_t gpu_narrow_bfloat16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
GPU_FN float gpu_widen_e4m3(uint8_t bits) { return fp8_e4m3_to_float(bits); }
GPU_FN uint8_t gpu_narrow_e4m3(float f) { return fp8_e4m3_from_float(f); }
GPU_FN float gpu_widen_e5m2(uint8_t bits) { return fp8_e5m2_to_float(bits); }
GPU_FN uint8_t gpu_narrow_e5m2(float f) { return fp8_e5m2_from_float(f); }

template <int TYPE, int OP> struct gpu_packed { enum { exists = 0 }; static GPU_FN uint32_t run(uint32_t a, uint32_t) { return a; } };

struct pack;
GPU_FN struct pack gpu_load(const void *address);
GPU_FN void gpu_store(void *address, struct pack p);
#include "collectives/device/packs.h"

/* What a GPU would have ended the kernel for. */
inline int host_traps = 0;

GPU_FN void host_trap_unless(bool good)
{
    if (!good)
        __atomic_add_fetch(&host_traps, 1, __ATOMIC_RELAXED);
}

GPU_FN struct pack gpu_load(const void *address)
{
    struct pack p;
    host_trap_unless((uintptr_t)address % PACK_BYTES == 0);
    memcpy(&p, address, sizeof p);
    return p;
}

GPU_FN void gpu_store(void *address, struct pack p)
{
    host_trap_unless((uintptr_t)address % PACK_BYTES == 0);
    memcpy(address, &p, sizeof p);
}

#endif
