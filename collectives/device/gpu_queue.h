/* collectives/device/gpu_queue.h - calls between the ranks of GPUs that are queued, one behind the other, without the host in between: for whoever
 * queues computation too, and orders both on the GPU (parts_join, parts_fork of struct gpu_api).
 *
 * The leader of a GPU queues for all its ranks; they need do nothing. It is up to the caller that all leaders queue the same calls in
 * the same order, that none is queued while operation_run() is under way, and that every buffer of every rank lies at the same place of the same
 * comm_allocate() as the leader's. One machine.
 *
 * Errors   RB_*, printed. */
#ifndef RB_COLLECTIVES_GPU_QUEUE_H
#define RB_COLLECTIVES_GPU_QUEUE_H

#include "collectives/comm.h"
#include "collectives/device/gang.h"

/* Of a communicator between GPUs, borrowed. */
struct gang *comm_gang(const struct comm *comm);
/* in, out: the leader's own. Leaders only. */
int operation_queue(struct operation *op, const void *in, void *out);
/* After all that was queued is done: RB_ETIMEOUT with what the GPU says when a wait has ended before. Any of the operations. */
int operation_queue_result(const struct operation *op);

#endif
