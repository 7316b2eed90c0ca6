/* collectives/device/gang.h - which rank uses which GPU, and the ranks of one GPU as a gang: the lowest of them, the leader, launches
 * for all. So ranks stay processes, and several of them on one GPU are one cooperative launch.
 *
 * The members hand their buffers to the leader and get the result back through memory that all have mapped; the ranks of
 * all gangs of a machine share one word that ends every wait.
 *
 * Errors   RB_*, printed. gang_open is collective over the job, which may have several machines. */
#ifndef RB_COLLECTIVES_GANG_H
#define RB_COLLECTIVES_GANG_H

#include "collectives/device/gpu.h"
#include "core/job.h"
#include "core/shared.h"

#include <stdatomic.h>

struct gang_post {
    _Alignas(128) _Atomic uint64_t posted; /* calls that this rank has handed over */
    uint64_t in_token, out_token;
    _Alignas(128) _Atomic uint64_t done;   /* leader: calls that are over */
    int result;                            /* leader: of the last one */
    _Alignas(128) _Atomic uint32_t abort;  /* that of a machine's first rank counts, for all of them */
};

struct gang {
    struct job *job;     /* borrowed */
    struct job *node;    /* the ranks of this machine */
    int *places;         /* [nranks] number among them; -1: on another machine */
    int device;          /* of this rank, as this process counts */
    int leader;          /* rank */
    int nmembers;
    int members[GPU_RANKS]; /* ranks, ascending; members[0] is the leader */
    bool one_gpu;        /* no rank of the job is on another GPU */
    struct gpu_facts facts;
    int *leaders;        /* [nranks] of each rank's gang: equal where the GPU is */
    struct shared memory;   /* one gang_post, then the reports, a rank of this machine */
    struct gpu_report *reports;   /* of this rank's launches, [GPU_RANKS][GPU_CHANNELS] */
    struct gpu_report *device_reports; /* the same, as kernels see them */
    _Atomic uint32_t *abort;
    uint32_t *device_abort;
    uint64_t calls;
};

/* The GPU that a rank will use, as its process counts; -1: none. Not collective. */
int gang_device(const struct job *job, int ranks_per_gpu);
/* ranks_per_gpu: what the user allows, at least 1. */
int gang_open(struct gang **gang_p, struct job *job, int ranks_per_gpu);
void gang_close(struct gang *gang); /* collective */
struct gang_post *gang_post(const struct gang *gang, int rank); /* of this machine */
/* A call, in parts; calls of all kinds are numbered together. A member hands its buffers over and gets the number of the call; */
uint64_t gang_hand_over(struct gang *gang, uint64_t in_token, uint64_t out_token);
/* the leader begins when nobody is missing (a rank; -1: all are there), */
int gang_missing(const struct gang *gang, uint64_t call);
/* and says how it ended; */
void gang_finish(struct gang *gang, uint64_t call, int result);
/* which the others find here. */
bool gang_is_over(const struct gang *gang, uint64_t call, int *result_p);
static inline bool gang_leads(const struct gang *g) { return g->leader == g->job->rank; }

#endif
