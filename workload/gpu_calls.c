#include "workload/gpu_calls.h"

#include "collectives/device/gpu_queue.h"
#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

/* One of both. */
struct ready {
    struct operation *ours;
    struct baseline_operation *theirs;
};

struct made_call {
    struct ready full, token; /* shared with earlier calls of the same size */
    bool owns;
};

struct gpu_calls {
    struct gpu_calls_setup setup;
    struct made_call *calls;
    void *streams[GPU_RANKS]; /* of the baseline, on a leader */
    int nstreams;             /* 0: launches */
};

static struct baseline_call baseline_call(const struct gpu_calls_setup *s, const struct program_call *c, uint64_t count)
{
    return (struct baseline_call){ .collective = c->algorithm->collective, .count = count, .type = s->type, .op = OP_SUM,
                                   .group = { .nranks = comm_gang(s->comm)->job->nranks, .root = c->root, .servers = 1 } };
}

const char *gpu_calls_lack(const struct gpu_calls_setup *s)
{
    const char *why = NULL;
    if (s->baseline->ops->issue == NULL)
        return "its calls cannot be queued on a GPU";
    for (size_t i = 0; i < s->program->ncalls && why == NULL; i++) {
        const struct baseline_call call = baseline_call(s, &s->program->calls[i], s->program->calls[i].count);
        s->baseline->ops->supports(s->baseline, &call, &why);
    }
    return why;
}

static int prepare(const struct gpu_calls_setup *s, const struct program_call *c, uint64_t count, struct ready *r)
{
    const struct baseline_call theirs = baseline_call(s, c, count);
    const struct call ours = { .algorithm = c->algorithm, .count = count, .type = s->type, .op = OP_SUM, .group = theirs.group };
    return s->baseline != NULL ? s->baseline->ops->prepare(s->baseline, &r->theirs, &theirs) : comm_prepare(s->comm, &ours, &r->ours);
}

static int prepare_call(struct gpu_calls *c, size_t i)
{
    const struct program_call *all = c->setup.program->calls, *call = &all[i];
    for (size_t k = 0; k < i; k++)
        if (all[k].count == call->count && all[k].algorithm == call->algorithm) {
            c->calls[i] = (struct made_call){ .full = c->calls[k].full, .token = c->calls[k].token };
            return RB_OK;
        }
    c->calls[i].owns = true;
    RB_TRY(prepare(&c->setup, call, call->count, &c->calls[i].full));
    return prepare(&c->setup, call, 1, &c->calls[i].token);
}

int gpu_calls_open(struct gpu_calls **c_p, const struct gpu_calls_setup *setup)
{
    struct gpu_calls *c = rb_calloc(1, sizeof *c);
    *c = (struct gpu_calls){ .setup = *setup, .calls = rb_calloc(setup->program->ncalls + 1, sizeof *c->calls) };
    int rc = RB_OK;
    for (size_t i = 0; i < setup->program->ncalls && rc == RB_OK; i++)
        rc = prepare_call(c, i);
    if (rc != RB_OK) {
        gpu_calls_close(c);
        return rc;
    }
    if (setup->baseline != NULL)
        c->nstreams = setup->baseline->ops->streams(setup->baseline, c->streams);
    *c_p = c;
    return RB_OK;
}

static void release(struct ready *r)
{
    if (r->ours != NULL)
        operation_free(r->ours);
    if (r->theirs != NULL)
        r->theirs->ops->release(r->theirs);
}

void gpu_calls_close(struct gpu_calls *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->setup.program->ncalls; i++)
        if (c->calls[i].owns) {
            release(&c->calls[i].full);
            release(&c->calls[i].token);
        }
    free(c->calls);
    free(c);
}

const struct operation_facts *gpu_calls_facts(const struct gpu_calls *c, size_t i)
{
    return operation_facts(c->calls[i].full.ours);
}

const char *gpu_calls_chosen(const struct gpu_calls *c)
{
    const struct program *p = c->setup.program;
    size_t largest = 0;
    for (size_t i = 1; i < p->ncalls; i++)
        largest = p->calls[i].count > p->calls[largest].count ? i : largest;
    const struct baseline_operation *op = p->ncalls > 0 ? c->calls[largest].full.theirs : NULL;
    return op != NULL && op->ops->chosen != NULL ? op->ops->chosen(op) : "";
}

int gpu_calls_queue(struct gpu_calls *c, size_t i, bool token, const void *in, void *out)
{
    const struct ready *r = token ? &c->calls[i].token : &c->calls[i].full;
    RB_TRY(gpu_api.parts_join(c->setup.parts, c->streams, c->nstreams));
    return r->theirs != NULL ? r->theirs->ops->issue(r->theirs, in, out) : operation_queue(r->ours, in, out);
}

int gpu_calls_wait(struct gpu_calls *c)
{
    return gpu_api.parts_fork(c->setup.parts, c->streams, c->nstreams);
}

int gpu_calls_drain(struct gpu_calls *c)
{
    struct baseline_operation *any = c->setup.program->ncalls > 0 ? c->calls[0].full.theirs : NULL;
    return any != NULL ? any->ops->drain(any) : RB_OK;
}

int gpu_calls_result(const struct gpu_calls *c)
{
    const struct operation *any = c->setup.program->ncalls > 0 ? c->calls[0].full.ours : NULL;
    return any != NULL ? operation_queue_result(any) : RB_OK;
}
