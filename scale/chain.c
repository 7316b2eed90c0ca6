#include "scale/chain.h"

#include "collectives/prove.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>

/* --- does it apply --- */

/* One lane; step by step, what is received is what was sent last, always from one and to one. */
static bool hands_on(const struct plan *p, int *from_p, int *to_p)
{
    int sent = 0, received = 0;
    *from_p = *to_p = -1;
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        if (s->lane != 0 || s->after >= 0 || s->nrecv > 1 || s->nsend > 1 || (s->nrecv == 1 && sent != received + 1))
            return false;
        if (s->nrecv == 1 && *from_p >= 0 && s->recv_from[0] != *from_p)
            return false;
        if (s->nsend == 1 && *to_p >= 0 && s->send_to[0] != *to_p)
            return false;
        *from_p = s->nrecv == 1 ? s->recv_from[0] : *from_p;
        *to_p = s->nsend == 1 ? s->send_to[0] : *to_p;
        received += s->nrecv;
        sent += s->nsend;
    }
    return sent > 0 && sent == received;
}

/* Paces and latencies of all ranks; false: two pairs share a link. */
static bool lay_links(struct chain *c, const struct fabric *f, int to)
{
    bool *used = rb_calloc((size_t)f->network.nlinks, sizeof *used), alone = true;
    double slowest = INFINITY;
    for (int r = 0; r < c->nranks && alone; r++) {
        struct flow_path path;
        double rate = INFINITY;
        f->network.route(f->network.context, r, (r + to) % c->nranks, &path);
        for (int i = 0; i < path.n; i++) {
            const int link = path.links[i];
            alone = alone && !(used[link] && isfinite(f->rates[link]));
            used[link] = true;
            rate = fmin(rate, f->rates[link]);
            if (f->rates[link] < slowest) {
                slowest = f->rates[link];
                c->busiest = link;
            }
        }
        c->pace[r] = 1 / (path.cap > 0 ? fmin(rate, path.cap) : rate);
        c->latency[r] = path.latency;
    }
    free(used);
    return alone;
}

static void lay_steps(struct chain *c, const struct cost_setup *s, const struct plan *p)
{
    const int cuts = s->algorithm->cuts(s->group);
    for (int i = 0; i < p->nsteps; i++) {
        const double bytes = (double)(step_elements(&p->steps[i], s->count, s->type_bytes, cuts) * s->type_bytes);
        c->receives[i] = p->steps[i].nrecv == 1;
        c->bytes[i] = p->steps[i].nsend == 1 ? bytes : 0;
        c->bytes_of_rank += c->bytes[i];
    }
}

static bool fill(struct chain *c, const struct cost_setup *s, const struct fabric *f, const struct plan *p)
{
    const size_t n = (size_t)c->nranks, steps = (size_t)p->nsteps;
    int from, to;
    if (!hands_on(p, &from, &to) || (double)n * p->nsteps > CHAIN_MOST_STEPS)
        return false;
    c->nsteps = p->nsteps;
    c->from = rb_calloc(n, sizeof *c->from);
    c->pace = rb_calloc(n, sizeof *c->pace);
    c->latency = rb_calloc(n, sizeof *c->latency);
    c->bytes = rb_calloc(steps, sizeof *c->bytes);
    c->receives = rb_calloc(steps, sizeof *c->receives);
    for (int r = 0; r < c->nranks; r++)
        c->from[r] = (r + from) % c->nranks;
    lay_steps(c, s, p);
    return lay_links(c, f, to);
}

bool chain_make(struct chain *c, const struct cost_setup *s, const struct fabric *f)
{
    struct plan p;
    *c = (struct chain){ .nranks = s->group->nranks, .busiest = -1 };
    if (s->piece_bytes > 0 || f->network.work != NULL || c->nranks < 2 || !cost_folds(s, 1) || plan_build(&p, s->algorithm, s->group, 0) != RB_OK)
        return false;
    schedule_slots(&p);
    const bool ok = fill(c, s, f, &p);
    plan_free(&p);
    if (!ok)
        chain_free(c);
    return ok;
}

void chain_free(struct chain *c)
{
    free(c->from);
    free(c->bytes);
    free(c->receives);
    free(c->pace);
    free(c->latency);
    *c = (struct chain){0};
}

/* --- the recurrence --- */

static void one_step(const struct chain *c, int step, double *ready, double *sent, const double *before, double *arrives)
{
    const double bytes = c->bytes[step];
    for (int r = 0; r < c->nranks; r++) {
        const double got = c->receives[step] ? before[c->from[r]] : 0, start = got > ready[r] ? got : ready[r];
        ready[r] = start;
        if (bytes > 0) {
            sent[r] = (start > sent[r] ? start : sent[r]) + bytes * c->pace[r];
            arrives[r] = sent[r] + c->latency[r];
        }
    }
}

void chain_run(const struct chain *c, struct cost_result *result_p)
{
    const size_t n = (size_t)c->nranks;
    double *room = rb_calloc(4 * n, sizeof *room), *ready = room, *sent = room + n, *before = room + 2 * n, *arrives = room + 3 * n, end = 0;
    for (int k = 0; k < c->nsteps; k++) {
        one_step(c, k, ready, sent, before, arrives);
        double *swap = before;
        before = arrives;
        arrives = swap;
    }
    for (size_t r = 0; r < n; r++)
        end = fmax(end, fmax(ready[r], sent[r]));
    free(room);
    const double all = c->bytes_of_rank * c->nranks;
    *result_p = (struct cost_result){ .seconds = end, .sent = all, .received = all, .peak = 1, .busiest = c->busiest,
                                      .busiest_bytes = c->bytes_of_rank, .steps = (uint64_t)c->nsteps * n };
}
