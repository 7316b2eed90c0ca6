/* collectives/recording.h - calls that a GPU's driver keeps as a graph and does again without the host.
 *
 * What the host decides of a call (buffers, images, the launch) is fixed when it is recorded. What changes from call to call, the numbers
 * of messages, lies in GPU memory and goes on from one replay to the next, so recorded and plain calls may follow each other in any order,
 * the same on all ranks.
 *
 * Errors   as comm.h; RB_ENOTIMPL where the calls are not on a GPU.
 * Threads  those of the communicator. All but recording_free are collective. */
#ifndef RB_COLLECTIVES_RECORDING_H
#define RB_COLLECTIVES_RECORDING_H

#include <stddef.h>
#include <stdint.h>

struct operation;
struct recording;

/* Operands as for operation_run(). */
struct call_place {
    const void *in;
    void *out;
};

/* The calls, one after the other. The operation must live as long as the recording. */
int operation_record(struct operation *op, const struct call_place *calls, size_t count, struct recording **recording_p);
/* Everything that was recorded, `times` over: returns when it is handed to the GPU; */
int recording_queue(struct recording *r, uint64_t times);
/* and this when it is done. */
int recording_wait(struct recording *r);
void recording_free(struct recording *r); /* NULL is legal */

#endif
