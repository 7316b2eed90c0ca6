/* bench/yardstick/gpu/yard.h - single figures of one GPU: what the leaves of the kernels reach, and what the machine does at best. It knows no
 * goals and prints nothing but errors.
 *
 * Units    seconds, bytes. Errors RB_OK or RB_ECUDA, printed. Every figure is the median of YARD_ROUNDS timed rounds.
 * Threads  one. */
#ifndef RB_YARDSTICK_YARD_H
#define RB_YARDSTICK_YARD_H

#include <stdbool.h>
#include <stddef.h>

enum { YARD_ROUNDS = 15, YARD_THREADS = 512 };

enum yard_way { YARD_DEVICE, YARD_TO_DEVICE, YARD_TO_HOST, YARD_BOTH_WAYS, YARD_PEER };
enum yard_place { YARD_HERE, YARD_ON_HOST, YARD_NEXT_DEVICE };

/* Sums nsrc buffers of floats into ndst buffers, by the loops of collectives/device/packs.h. memory: sources, then destinations; each
 * 256-byte aligned, `bytes` large. repeats: passes inside one launch. */
struct yard_leaf {
    int groups, nsrc, ndst, repeats;
    size_t bytes;
    void *memory[4];
};

#ifdef __cplusplus
extern "C" {
#endif
int yard_open(int device);
void yard_close(void);
int yard_allocate(size_t bytes, enum yard_place place, void **memory_p); /* freed by yard_close */

/* Values of about 1 of either sign, as 16- and 32-bit floats or (fp8) e4m3: products of constants draw less power and run faster. */
int yard_randomize(void *memory, size_t bytes, bool fp8);

int yard_run_leaf(const struct yard_leaf *l, double *sec_p); /* one pass */
int yard_read(const void *memory, size_t bytes, int repeats, double *sec_p); /* one pass, all multiprocessors, past the first-level cache */
/* `bytes` each way, between the device's memory and `other`: the same device's, the host's, or (YARD_PEER) the next device's. YARD_BOTH_WAYS:
 * both at once, so both buffers are twice as large. */
int yard_copy(enum yard_way way, void *device, void *other, size_t bytes, double *sec_p);
int yard_hop(bool system_scope, double *sec_p);     /* a flag from one group of threads to another, one way */
int yard_tick(double *sec_p);                       /* the smallest step of the clock that kernels see */
int yard_launch(bool cooperative, double *sec_p);   /* an empty kernel, until the host knows that it is over */

/* For a library's own work: what `queue` enqueues on `stream` (a cudaStream_t), timed. queue answers an RB_* code. */
typedef int yard_queue(void *context, void *stream);
int yard_time(yard_queue *queue, void *context, double *sec_p);
#ifdef __cplusplus
}
#endif

#endif
