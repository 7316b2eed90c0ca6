#include "topo/memory.h"

#include "core/clock.h"
#include "core/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { COPIES_MIN = 3, COPIES_MAX = 9 };
static const double copy_budget_sec = 0.12;

size_t memory_copy_bytes(size_t cache_bytes, size_t cpus, size_t free_bytes)
{
    const size_t low = (size_t)32 << 20, high = (size_t)128 << 20, tiny = (size_t)1 << 20;
    size_t bytes = cpus > 0 ? 2 * (cache_bytes / cpus) : 0;
    bytes = bytes < low ? low : bytes > high ? high : bytes;
    const size_t most = cpus > 0 ? free_bytes / cpus / 4 : bytes; /* two buffers a CPU take half of what is free */
    if (bytes > most)
        bytes = most > tiny ? most : tiny;
    return bytes & ~(size_t)4095;
}

static size_t positive(long v)
{
    return v > 0 ? (size_t)v : 0;
}

static size_t choose_bytes(void)
{
    size_t cache = positive(sysconf(_SC_LEVEL3_CACHE_SIZE));
    if (cache == 0)
        cache = positive(sysconf(_SC_LEVEL2_CACHE_SIZE));
    const size_t free_bytes = positive(sysconf(_SC_AVPHYS_PAGES)) * positive(sysconf(_SC_PAGESIZE));
    return memory_copy_bytes(cache, positive(sysconf(_SC_NPROCESSORS_ONLN)), free_bytes);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The compiler must not see that nobody reads the copy. */
static void copy(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    __asm__ volatile("" : : "r"(to) : "memory");
}

static double median_seconds(char *to, const char *from, size_t bytes)
{
    double seconds[COPIES_MAX];
    size_t n = 0;
    const double begin = clock_sec();
    while (n < COPIES_MIN || (n < COPIES_MAX && clock_sec() - begin < copy_budget_sec)) {
        const double start = clock_sec();
        copy(to, from, bytes);
        seconds[n++] = clock_sec() - start;
    }
    qsort(seconds, n, sizeof seconds[0], compare);
    return seconds[n / 2];
}

int memory_bandwidth_measure(double *copy_GBps_p)
{
    const size_t bytes = choose_bytes();
    char *memory = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return rb_fail(RB_EINTERNAL, "no memory for measuring memory bandwidth: %zu bytes", 2 * bytes);
    madvise(memory, 2 * bytes, MADV_HUGEPAGE); /* only a wish */
    memset(memory, 1, 2 * bytes);
    const double seconds = median_seconds(memory + bytes, memory, bytes);
    munmap(memory, 2 * bytes);
    if (!(seconds > 0))
        return rb_fail(RB_EINTERNAL, "the clock stood still while memory was copied");
    *copy_GBps_p = (double)bytes / seconds * 1e-9;
    return RB_OK;
}
