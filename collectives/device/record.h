/* collectives/device/record.h - recordings of calls that a gang hands to its leader: ours, and those of libraries that queue their work on
 * streams. Inside of gpu_call.c and the baselines.
 *
 * Errors: RB_*, printed by the functions of the source. */
#ifndef RB_COLLECTIVES_RECORD_H
#define RB_COLLECTIVES_RECORD_H

#include "collectives/device/gang.h"
#include "collectives/patience.h"
#include "collectives/recording.h"

/* Where calls come from. context is given to all functions and must outlive the recording. */
struct record_source {
    struct comm *comm;
    struct gang *gang;
    void *context;
    /* This rank's operands for the next call to the leader (call NULL: none, for a replay); the call's number. */
    int (*hand_over)(void *context, const struct call_place *call, uint64_t *number_p);
    int (*enqueue)(void *context);                             /* leader: the call that all have handed over */
    int (*ended)(void *context);                               /* all: what is left to do when the GPU is done, and how it ended */
    int (*pause)(void *context, struct patience *p, int peer); /* between two looks; peer: who is waited for, -1: the GPU */
    void *streams[GPU_RANKS];                                  /* leader: that enqueue() uses; NULL: that of launches */
    int nstreams;
};

/* Collective. */
int record_calls(const struct record_source *source, const struct call_place *calls, size_t count, struct recording **recording_p);

#endif
