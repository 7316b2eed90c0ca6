#include "bench/ceiling.h"

#include "bench/stats.h"
#include "collectives/device/leaf.h"
#include "core/clock.h"
#include "core/error.h"

#include <math.h>

enum { ROUNDS = 9, SHORT_COPY = 4096, SHORT_CALLS = 16 };

/* One half of a place is copied to the other; short copies several times, or the clock would be measured. */
static int copy_once(struct session *s, const struct layout *l, bool stream, size_t turn, double *sec_p)
{
    struct leaf leaf;
    RB_TRY(leaf_init(&leaf, NULL, TYPE_UINT8, OP_SUM, 1));
    const size_t bytes = l->stride / 2;
    const int calls = bytes <= SHORT_COPY ? SHORT_CALLS : 1;
    RB_TRY(comm_barrier(s->channels[0].comm));
    const uint64_t start = clock_ns();
    for (int i = 0; i < calls; i++) {
        char *place = s->region + (turn * (size_t)calls + (size_t)i) % l->places * l->stride;
        void *to = place + bytes;
        const void *from = place;
        leaf_run(&leaf, &(struct leaf_work){ .dsts = &to, .ndst = 1, .srcs = &from, .nsrc = 1, .count = bytes, .stream = stream });
    }
    *sec_p = (double)(clock_ns() - start) * 1e-9 / calls;
    return RB_OK;
}

static int copy_rate(struct session *s, const struct layout *l, bool stream, double *GBps_p)
{
    double sec[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++)
        RB_TRY(copy_once(s, l, stream, i, &sec[i]));
    RB_TRY(job_reduce(s->job, sec, ROUNDS, JOB_MAX));
    stats_sort(sec, ROUNDS);
    *GBps_p = (double)(l->stride / 2) / stats_percentile(sec, ROUNDS, 50) * 1e-9;
    return RB_OK;
}

/* Between GPUs: every rank copies to the next one by the driver's own means; RB_OK with NAN where memory is out of reach. */
static int copy_to_next(struct session *s, const struct layout *l, double *GBps_p)
{
    const struct comm *comm = s->channels[0].comm;
    const size_t bytes = l->stride / 2;
    double sec[ROUNDS];
    *GBps_p = NAN;
    for (size_t i = 0; i < ROUNDS; i++) {
        char *place = s->region + i % l->places * l->stride;
        void *to = comm_peer(comm, place + bytes, (s->job->rank + 1) % s->job->nranks);
        if (job_agree(s->job, to != NULL ? RB_OK : RB_ENOTIMPL) != RB_OK)
            return RB_OK;
        const uint64_t start = clock_ns();
        RB_TRY(comm_copy(comm, to, place, bytes));
        sec[i] = (double)(clock_ns() - start) * 1e-9;
    }
    RB_TRY(job_reduce(s->job, sec, ROUNDS, JOB_MAX));
    stats_sort(sec, ROUNDS);
    *GBps_p = (double)bytes / stats_percentile(sec, ROUNDS, 50) * 1e-9;
    return RB_OK;
}

int ceiling_measure(struct session *s, const struct layout *l, double *GBps_p)
{
    double through, past;
    heartbeat_beat(s->heartbeat);
    if (s->on_gpu)
        return copy_to_next(s, l, GBps_p);
    RB_TRY(copy_rate(s, l, false, &through));
    RB_TRY(copy_rate(s, l, true, &past));
    *GBps_p = fmax(through, past);
    return RB_OK;
}
