#include "bench/replay.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

static int record(const struct trial *t, const struct call_place *calls, size_t count, struct recording **recording_p)
{
    return t->operation != NULL ? operation_record(t->operation, calls, count, recording_p)
                                : t->baseline->ops->record(t->baseline, calls, count, recording_p);
}

int replay_once(const struct trial *t, const struct place *p)
{
    struct recording *r;
    RB_TRY(record(t, &(struct call_place){ p->in, p->out }, 1, &r));
    int rc = recording_queue(r, 1);
    if (rc == RB_OK)
        rc = recording_wait(r);
    recording_free(r);
    return rc;
}

int replay_open(const struct session *s, const struct unit *u, struct trial *t)
{
    struct call_place *calls = rb_calloc(u->aggregate, sizeof *calls);
    for (size_t i = 0; i < u->aggregate; i++) {
        struct place p;
        layout_place(&u->layout, s->region, i, &p);
        calls[i] = (struct call_place){ p.in, p.out };
    }
    const int rc = record(t, calls, u->aggregate, &t->recording);
    free(calls);
    return rc;
}

/* The clock stops when the GPU has all of it (-C), or when that is done. */
static int time_graphs(const struct session *s, const struct trial *t, double *sec_p)
{
    const uint64_t start = clock_ns();
    RB_TRY(recording_queue(t->recording, s->settings->graphs));
    const uint64_t queued = clock_ns();
    RB_TRY(recording_wait(t->recording));
    *sec_p = (double)((s->settings->cpu_time > 0 ? queued : clock_ns()) - start) * 1e-9;
    return RB_OK;
}

static int time_queue(const struct trial *t, const struct place *p, double *sec_p)
{
    const uint64_t start = clock_ns();
    RB_TRY(t->operation != NULL ? operation_launch(t->operation, p->in, p->out) : t->baseline->ops->queue(t->baseline, p->in, p->out));
    *sec_p += (double)(clock_ns() - start) * 1e-9;
    return t->operation != NULL ? operation_wait(t->operation) : t->baseline->ops->wait(t->baseline);
}

int replay_sample(const struct session *s, const struct unit *u, const struct trial *t, size_t first, double *sec_p)
{
    double sec = 0;
    if (s->settings->graphs > 0) {
        RB_TRY(time_graphs(s, t, &sec));
        *sec_p = sec / (double)(s->settings->graphs * u->aggregate);
        return RB_OK;
    }
    for (uint64_t m = 0; m < u->aggregate; m++) {
        struct place p;
        layout_place(&u->layout, s->region, first + m, &p);
        RB_TRY(time_queue(t, &p, &sec));
    }
    *sec_p = sec / (double)u->aggregate;
    return RB_OK;
}
