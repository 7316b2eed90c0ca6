/* workload/gpu_play.h - runs a program on GPUs, with the overlap that it allows; its calls are made by us, or by another (workload/gpu_calls.h).
 *
 * What a rank of a real machine queues on streams of its own, its leader queues here for it: products on the part of the GPU that is the
 * rank's, the ranks' calls as launches on the GPU's own queue or as NCCL's group on its queues, and the order between both on the GPU, by join where a call
 * starts and fork where it is waited for. The host is in between nowhere: it queues a step, then waits for its end. Members that do
 * not lead wait in the job. So kernels of ranks that share a GPU run side by side, though the ranks are processes.
 *
 * The program is that of every rank; no second call begins before one has been waited for; the product before a call makes what the call sums up.
 * Passes of the optimiser and copies are left out: products and calls are what a layer's model has.
 *
 * One machine. Units seconds, bytes. Errors RB_*, printed by one rank. All calls are collective. */
#ifndef RB_WORKLOAD_GPU_PLAY_H
#define RB_WORKLOAD_GPU_PLAY_H

#include "collectives/comm.h"
#include "workload/gpu_calls.h"
#include "workload/gpu_products.h"
#include "workload/play.h"

struct gpu_player;

enum { GPU_MAKERS = 9 }; /* us, and baselines */

/* All borrowed. products are prepared for this program, until another player is opened. comm NULL: a program without calls. */
int gpu_player_open(struct gpu_player **p_p, const struct program *program, struct comm *comm, struct gpu_products *products);
int gpu_player_close(struct gpu_player *p);

/* One more who can make the calls, between the same buffers. *maker_p: its number; 0 is us. RB_ENOTIMPL where it cannot: see gpu_calls_lack(). */
int gpu_player_add(struct gpu_player *p, struct baseline *baseline, int *maker_p);
/* Who makes them from now on; at first we. */
void gpu_player_choose(struct gpu_player *p, int maker);
const char *gpu_player_chosen(const struct gpu_player *p); /* gpu_calls_chosen() of that one */

/* The slowest rank's seconds, from the first thing queued to the end of all; queue_sec_p (may be NULL): until the last was queued. */
int gpu_player_step(struct gpu_player *p, enum play_mode mode, double *sec_p, double *queue_sec_p);
/* Plays all with numbers whose results are known, after poisoning what calls give and get; elements of the calls' results that are wrong as the
 * parts find them after the call, of all ranks, and how many were compared. So products that a call did not wait for, and a call that
 * products did not wait for, are found where it matters: if the other was slower. */
int gpu_player_check(struct gpu_player *p, uint64_t *wrong_p, uint64_t *compared_p);

#endif
