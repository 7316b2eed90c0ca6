#include "workload/groups.h"

#include "core/error.h"

static int open_axis(struct groups *g, enum axis axis, const struct comm_config *config)
{
    const int size = g->grid.size[axis];
    if (size == g->world->nranks)
        g->comms[axis] = g->all;
    if (size == 1 || size == g->world->nranks)
        return RB_OK;
    RB_TRY(job_split(&g->jobs[axis], g->world, grid_group(&g->grid, axis, g->world->rank)));
    return comm_open(&g->comms[axis], g->jobs[axis], config);
}

int groups_open(struct groups *g, const struct grid *grid, struct job *world, struct comm *all, const struct comm_config *config)
{
    *g = (struct groups){ .grid = *grid, .world = world, .all = all };
    for (int axis = 0; axis < AXIS_COUNT; axis++) {
        const int rc = open_axis(g, (enum axis)axis, config);
        if (rc != RB_OK) {
            groups_close(g);
            return rc;
        }
    }
    return RB_OK;
}

void groups_close(struct groups *g)
{
    for (int axis = AXIS_COUNT - 1; axis >= 0; axis--)
        if (g->jobs[axis] != NULL) {
            comm_close(g->comms[axis]);
            job_close(g->jobs[axis]);
        }
    *g = (struct groups){0};
}
