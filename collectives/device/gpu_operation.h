/* collectives/device/gpu_operation.h - inside of comm.c and operation*.c: a schedule made ready for GPUs, and its calls.
 *
 * The leader of a gang writes the images of all its members, keeps the state of their connections in GPU memory, and launches; the
 * others hand over their buffers and wait. Buffers lie in memory of comm_allocate().
 *
 * Errors   RB_*, printed. */
#ifndef RB_COLLECTIVES_GPU_OPERATION_H
#define RB_COLLECTIVES_GPU_OPERATION_H

#include "collectives/operation.h"
#include "collectives/recording.h"
#include "collectives/transport/cuda.h"

/* Of a communicator whose transport is between GPUs. */
int gpu_comm_open(struct gpu_comm **gpu_p, struct comm *comm);
void gpu_comm_close(struct gpu_comm *gpu);
int gpu_comm_regions(struct gpu_comm *gpu); /* after comm->regions has changed */

/* How a call of `bytes` goes: LINES_NONE with *direct_p or without, or lines. All ranks answer alike. */
enum line_protocol gpu_choose(const struct comm *comm, const struct call *call, uint64_t bytes, bool *direct_p);

int gpu_operation_bind(struct operation *op, const struct plan *plans, enum line_protocol protocol);
void gpu_operation_free(struct gpu_operation *g);
int gpu_operation_start(struct operation *op, const void *in, void *out);
int gpu_operation_launch(struct operation *op, bool *launched_p); /* has the GPU what this rank has to give it? */
int gpu_operation_progress(struct operation *op, bool *done_p);
void gpu_operation_stop(struct operation *op); /* raises the abort flag, and waits for the kernel to see it */
int gpu_operation_record(struct operation *op, const struct call_place *calls, size_t count, struct recording **recording_p);
int gpu_operation_waits_for(const struct operation *op); /* rank: a member without buffers yet, or the leader */
const char *gpu_protocol_name(const struct gpu_operation *g); /* "slots", "direct", "ll", "ll128" */

#endif
