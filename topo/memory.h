/* topo/memory.h - what one core can copy: the ceiling of a hop through memory.
 *
 * GB/s = 1e9 bytes copied per second: each is read once and written once, and counted once. */
#ifndef RB_TOPO_MEMORY_H
#define RB_TOPO_MEMORY_H

#include <stddef.h>

/* The median of several copies by memcpy of memory_copy_bytes(), by the calling thread, from and to memory that it has
 * touched itself; under 0.3 s on anything that copies over 3 GB/s. Ranks that call it together share the memory, as they
 * do in a collective. RB_EINTERNAL when there is no memory for it. */
int memory_bandwidth_measure(double *copy_GBps_p);

/* Bytes of one copy: twice this core's share of the last cache, 32 to 128 MiB, and less where free memory is short.
 * cache_bytes 0: not known. */
size_t memory_copy_bytes(size_t cache_bytes, size_t cpus, size_t free_bytes);

#endif
