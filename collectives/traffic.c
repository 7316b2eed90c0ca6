#include "collectives/prove.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

int plans_build(struct plan **plans_p, const struct algorithm *a, const struct group *g, bool direct)
{
    struct plan *plans = rb_calloc((size_t)g->nranks, sizeof *plans);
    for (int r = 0; r < g->nranks; r++) {
        const int rc = plan_build(&plans[r], a, g, r);
        if (rc != RB_OK) {
            plans_free(plans, r);
            return rc;
        }
        if (!direct)
            schedule_slots(&plans[r]);
    }
    *plans_p = plans;
    return RB_OK;
}

void plans_free(struct plan *plans, int nranks)
{
    for (int r = 0; r < nranks; r++)
        plan_free(&plans[r]);
    free(plans);
}

uint64_t step_elements(const struct step *s, uint64_t count, size_t type_bytes, int cuts)
{
    const struct chunk c = s->src.buffer != BUFFER_NONE ? s->src : s->dst;
    uint64_t first, elements;
    chunk_range(count, type_bytes, cuts, c.index % cuts, &first, &elements);
    return elements;
}

void schedule_edges(const struct algorithm *a, const struct group *g, const struct plan *plans, uint64_t count,
                    size_t type_bytes, uint64_t *edges)
{
    const int n = g->nranks, cuts = a->cuts(g);
    memset(edges, 0, (size_t)n * (size_t)n * sizeof *edges);
    for (int r = 0; r < n; r++)
        for (int i = 0; i < plans[r].nsteps; i++) {
            const struct step *s = &plans[r].steps[i];
            for (int k = 0; k < s->nsend; k++)
                edges[(size_t)r * (size_t)n + (size_t)s->send_to[k]] += step_elements(s, count, type_bytes, cuts) * type_bytes;
        }
}

struct traffic traffic_sum(const uint64_t *edges, int nranks)
{
    const size_t n = (size_t)nranks;
    struct traffic t = { 0, 0, 0, 0 };
    for (size_t r = 0; r < n; r++) {
        uint64_t out = 0, in = 0;
        for (size_t k = 0; k < n; k++) {
            const uint64_t edge = edges[r * n + k];
            out += edge;
            in += edges[k * n + r];
            t.edge = edge > t.edge ? edge : t.edge;
        }
        t.egress = out > t.egress ? out : t.egress;
        t.ingress = in > t.ingress ? in : t.ingress;
        t.total += out;
    }
    return t;
}
