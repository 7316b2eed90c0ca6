#include "collectives/device/record.h"

#include "collectives/operation.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

struct recording {
    struct record_source source;
    void *graphs[GPU_RANKS]; /* one a stream; leader only */
    int ngraphs;
    uint64_t number;         /* of the replay under way */
};

/* Leader: until all members have handed over. */
static int gather(const struct record_source *s, uint64_t number)
{
    struct patience patience = {0};
    for (int missing; (missing = gang_missing(s->gang, number)) >= 0;)
        RB_TRY(s->pause(s->context, &patience, missing));
    return RB_OK;
}

static int follow(const struct record_source *s, uint64_t number)
{
    struct patience patience = {0};
    int result = RB_OK;
    while (!gang_is_over(s->gang, number, &result))
        RB_TRY(s->pause(s->context, &patience, s->gang->leader));
    return result;
}

/* One call into the graph. A failure is kept, and the calls go on: the others must not wait for those that are left. */
static int record_call(const struct record_source *s, const struct call_place *call, int before)
{
    uint64_t number;
    int rc = s->hand_over(s->context, call, &number);
    if (rc != RB_OK)
        return rc;
    if (!gang_leads(s->gang))
        return follow(s, number);
    rc = gather(s, number);
    if (rc == RB_OK)
        rc = before != RB_OK ? before : s->enqueue(s->context);
    gang_finish(s->gang, number, rc);
    return rc;
}

static int begin_all(const struct record_source *s, int *begun_p)
{
    for (*begun_p = 0; *begun_p < s->nstreams; ++*begun_p)
        RB_TRY(gpu_api.record_begin(s->streams[*begun_p]));
    return RB_OK;
}

/* What was begun is ended, whatever has happened since. */
static int end_all(struct recording *r, int begun)
{
    int rc = RB_OK;
    for (int i = 0; i < begun; i++) {
        const int ended = gpu_api.record_end(r->source.streams[i], &r->graphs[r->ngraphs]);
        r->ngraphs += ended == RB_OK;
        rc = rc == RB_OK ? ended : rc;
    }
    return rc;
}

static int record_all(struct recording *r, const struct call_place *calls, size_t count)
{
    const bool leads = gang_leads(r->source.gang);
    int begun = 0, rc = leads ? begin_all(&r->source, &begun) : RB_OK;
    for (size_t i = 0; i < count && rc != RB_ETIMEOUT; i++) {
        const int one = record_call(&r->source, &calls[i], rc);
        rc = rc == RB_OK ? one : rc;
    }
    const int ended = end_all(r, begun);
    return rc != RB_OK ? rc : ended;
}

int record_calls(const struct record_source *source, const struct call_place *calls, size_t count, struct recording **recording_p)
{
    struct recording *r = rb_calloc(1, sizeof *r);
    r->source = *source;
    int rc = record_all(r, calls, count);
    if (rc != RB_ETIMEOUT) /* then somebody may be gone */
        rc = job_agree(source->gang->job, rc);
    if (rc != RB_OK) {
        recording_free(r);
        return rc;
    }
    *recording_p = r;
    return RB_OK;
}

static int launch_all(struct recording *r, uint64_t times)
{
    RB_TRY(gather(&r->source, r->number));
    for (uint64_t t = 0; t < times; t++)
        for (int i = 0; i < r->ngraphs; i++)
            RB_TRY(gpu_api.replay(r->graphs[i], r->source.streams[i]));
    return RB_OK;
}

int recording_queue(struct recording *r, uint64_t times)
{
    const struct record_source *s = &r->source;
    RB_TRY(s->hand_over(s->context, NULL, &r->number));
    if (!gang_leads(s->gang))
        return RB_OK;
    const int rc = launch_all(r, times);
    if (rc != RB_OK)
        gang_finish(s->gang, r->number, rc);
    return rc;
}

static int finished(void *stream, bool *done_p)
{
    return stream != NULL ? gpu_api.stream_finished(stream, done_p) : gpu_api.finished(done_p);
}

static int lead(const struct recording *r)
{
    const struct record_source *s = &r->source;
    struct patience patience = {0};
    for (int i = 0; i < r->ngraphs;) {
        bool done;
        RB_TRY(finished(s->streams[i], &done));
        if (done)
            i++;
        else
            RB_TRY(s->pause(s->context, &patience, -1));
    }
    return s->ended(s->context);
}

int recording_wait(struct recording *r)
{
    const struct record_source *s = &r->source;
    struct heartbeat *h = s->comm->heartbeat;
    int rc;
    if (gang_leads(s->gang)) {
        rc = lead(r);
        gang_finish(s->gang, r->number, rc);
    } else {
        rc = follow(s, r->number);
        rc = rc == RB_OK ? s->ended(s->context) : rc;
    }
    atomic_store_explicit(&h->waits_for, -1, memory_order_relaxed);
    atomic_store_explicit(&h->step, -1, memory_order_relaxed);
    heartbeat_beat(h);
    return rc;
}

void recording_free(struct recording *r)
{
    if (r == NULL)
        return;
    for (int i = 0; i < r->ngraphs; i++)
        gpu_api.graph_close(r->graphs[i]);
    free(r);
}
