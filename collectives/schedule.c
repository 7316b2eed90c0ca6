#include "collectives/schedule.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

enum { GRAIN_BYTES = 16, MAX_LANES = 8 };

void chunk_range(uint64_t count, size_t type_bytes, int cuts, int cut, uint64_t *first_p, uint64_t *count_p)
{
    const uint64_t grain = GRAIN_BYTES / type_bytes, n = (uint64_t)cuts, c = (uint64_t)cut;
    const uint64_t grains = (count + grain - 1) / grain;
    const uint64_t each = grains / n, more = grains % n; /* the first `more` chunks have one grain extra */
    const uint64_t begin = (each * c + (c < more ? c : more)) * grain;
    uint64_t end = begin + (each + (c < more)) * grain;
    end = end < count ? end : count;
    *first_p = begin < count ? begin : count;
    *count_p = end > *first_p ? end - *first_p : 0;
}

static bool legal(const struct plan *p, const struct step *s)
{
    const bool lone = s->nrecv == 1 && s->nsend == 0 && s->src.buffer == BUFFER_NONE; /* what was pushed is already in place */
    if ((s->flags & STEP_PUSH_RECV) && !lone)
        return false;
    const bool operand = s->src.buffer == BUFFER_IN || s->src.buffer == BUFFER_OUT || s->nrecv > 0;
    return !p->broken && s->lane >= 0 && s->lane < MAX_LANES && s->nrecv >= 0 && s->nsend >= 0 && operand &&
           (s->dst.buffer != BUFFER_NONE || s->src.buffer != BUFFER_NONE);
}

int plan_add(struct plan *p, int lane, const int *recv_from, int nrecv, const int *send_to, int nsend, struct chunk src,
             struct chunk dst, unsigned flags)
{
    struct step s = { .lane = lane, .after = -1, .nrecv = nrecv, .nsend = nsend, .src = src, .dst = dst, .flags = flags };
    if (!legal(p, &s)) {
        p->broken = true;
        return -1;
    }
    int *peers = rb_malloc((size_t)(nrecv + nsend) * sizeof *peers);
    if (nrecv > 0)
        memcpy(peers, recv_from, (size_t)nrecv * sizeof *peers);
    if (nsend > 0)
        memcpy(peers + nrecv, send_to, (size_t)nsend * sizeof *peers);
    s.recv_from = peers;
    s.send_to = peers + nrecv;
    if (p->nsteps == p->capacity) {
        p->capacity = 2 * p->capacity + 8;
        p->steps = rb_realloc(p->steps, (size_t)p->capacity * sizeof *p->steps);
    }
    p->steps[p->nsteps] = s;
    if (lane >= p->nlanes)
        p->nlanes = lane + 1;
    return p->nsteps++;
}

void plan_after(struct plan *p, int index)
{
    if (p->broken || p->nsteps == 0 || index < 0 || index >= p->nsteps - 1 ||
        p->steps[index].lane == p->steps[p->nsteps - 1].lane || (p->steps[p->nsteps - 1].flags & STEP_GRANT)) {
        p->broken = true;
        return;
    }
    p->steps[p->nsteps - 1].after = index;
}

void plan_src_at(struct plan *p, int operands)
{
    if (p->broken || p->nsteps == 0 || operands < 0 || operands > p->steps[p->nsteps - 1].nrecv)
        p->broken = true;
    else
        p->steps[p->nsteps - 1].src_at = operands;
}

int plan_build(struct plan *plan_p, const struct algorithm *a, const struct group *g, int rank)
{
    struct plan p = {0};
    a->plan(&p, g, rank);
    if (p.broken) {
        plan_free(&p);
        return rb_fail(RB_EINTERNAL, "%s: malformed plan for rank %d of %d", a->name, rank, g->nranks);
    }
    *plan_p = p;
    return RB_OK;
}

void plan_free(struct plan *plan)
{
    for (int i = 0; i < plan->nsteps; i++)
        free((void *)(uintptr_t)plan->steps[i].recv_from);
    free(plan->steps);
    *plan = (struct plan){0};
}

void schedule_slots(struct plan *plan)
{
    int *moved = rb_malloc((size_t)(plan->nsteps + 1) * sizeof *moved);
    int kept = 0;
    for (int i = 0; i < plan->nsteps; i++) {
        struct step s = plan->steps[i];
        moved[i] = kept;
        if (s.flags & STEP_GRANT) {
            free((void *)(uintptr_t)s.recv_from);
            continue;
        }
        s.flags &= STEP_FINISH;
        s.after = s.after >= 0 ? moved[s.after] : -1;
        plan->steps[kept++] = s;
    }
    plan->nsteps = kept;
    free(moved);
}

int group_at(const struct group *g, int position)
{
    const int p = ((position % g->nranks) + g->nranks) % g->nranks;
    return g->ring != NULL ? g->ring[p] : p;
}

int group_position(const struct group *g, int rank)
{
    if (g->ring == NULL)
        return rank;
    int p = 0;
    while (g->ring[p] != rank)
        p++;
    return p;
}
