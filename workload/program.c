#include "workload/program.h"

#include "core/text.h"
#include "workload/hand_over.h"

#include <stdlib.h>

const char *const axis_names[AXIS_COUNT] = { "all", "tensor", "data", "pipeline" };

/* --- the grid --- */

struct grid grid_make(int tensor, int data, int pipeline)
{
    return (struct grid){ { tensor * data * pipeline, tensor, data, pipeline } };
}

/* Distance between neighbours along an axis. */
static int stride(const struct grid *g, enum axis axis)
{
    switch (axis) {
    case AXIS_DATA:
        return g->size[AXIS_TENSOR];
    case AXIS_PIPELINE:
        return g->size[AXIS_TENSOR] * g->size[AXIS_DATA];
    default:
        return 1;
    }
}

int grid_position(const struct grid *g, enum axis axis, int rank)
{
    return rank / stride(g, axis) % g->size[axis];
}

int grid_group(const struct grid *g, enum axis axis, int rank)
{
    const int s = stride(g, axis);
    return rank / (s * g->size[axis]) * s + rank % s;
}

int grid_rank(const struct grid *g, enum axis axis, int group, int position)
{
    const int s = stride(g, axis);
    return group / s * s * g->size[axis] + position * s + group % s;
}

/* --- the list --- */

void program_free(struct program *p)
{
    free(p->actions);
    free(p->calls);
    *p = (struct program){0};
}

static void add(struct program *p, const struct action *a)
{
    if (p->nactions == p->actions_room) {
        p->actions_room = 2 * p->actions_room + 16;
        p->actions = rb_realloc(p->actions, p->actions_room * sizeof *p->actions);
    }
    p->actions[p->nactions++] = *a;
}

static int add_call(struct program *p, const struct program_call *c)
{
    if (p->ncalls == p->calls_room) {
        p->calls_room = 2 * p->calls_room + 16;
        p->calls = rb_realloc(p->calls, p->calls_room * sizeof *p->calls);
    }
    p->calls[p->ncalls] = *c;
    const int call = (int)p->ncalls++;
    add(p, &(struct action){ .kind = ACTION_START, .call = call });
    return call;
}

void program_gemm(struct program *p, int m, int n, int k)
{
    if (m > 0 && n > 0 && k > 0)
        add(p, &(struct action){ .kind = ACTION_GEMM, .gemm = { m, n, k } });
}

void program_update(struct program *p, uint64_t elements)
{
    add(p, &(struct action){ .kind = ACTION_UPDATE, .amount = elements });
}

void program_copy(struct program *p, uint64_t bytes)
{
    add(p, &(struct action){ .kind = ACTION_COPY, .amount = bytes });
}

int program_start(struct program *p, enum axis axis, enum collective_id collective, uint64_t count, int root)
{
    if (p->grid->size[axis] == 1 || count == 0)
        return -1;
    return add_call(p, &(struct program_call){ .axis = axis, .algorithm = algorithm_of(collective, "ring"), .count = count, .root = root });
}

int program_hand_over(struct program *p, enum axis axis, uint64_t count, int from, int step)
{
    if (p->grid->size[axis] == 1 || count == 0)
        return -1;
    const struct algorithm *a = step > 0 ? &hand_over_next : &hand_over_previous;
    return add_call(p, &(struct program_call){ .axis = axis, .algorithm = a, .count = count, .root = from });
}

void program_wait(struct program *p, int call)
{
    if (call >= 0)
        add(p, &(struct action){ .kind = ACTION_WAIT, .call = call });
}

void program_call(struct program *p, enum axis axis, enum collective_id collective, uint64_t count, int root)
{
    program_wait(p, program_start(p, axis, collective, count, root));
}

double program_flop(const struct program *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->nactions; i++) {
        const struct matmul *g = &p->actions[i].gemm;
        if (p->actions[i].kind == ACTION_GEMM)
            sum += 2.0 * g->m * g->n * g->k;
    }
    return sum;
}
