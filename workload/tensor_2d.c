/* Tensor parallelism in two dimensions: every matrix lies in blocks on a grid of rows x columns, products by SUMMA (van de Geijn, Watts
 * 1997; Optimus, arXiv:2104.05343). AXIS_TENSOR runs along a row, AXIS_DATA along a column. Panels of the next turn are on their way
 * while those of this one are multiplied. */
#include "workload/tensor.h"

/* C (m x n) = A (m x k) B (k x n), sizes of the whole. */
struct product {
    int m, n, k;
};

static int common(int a, int b)
{
    return b == 0 ? a : common(b, a % b);
}

/* So many panels that each lies in one block of A and one of B. */
static int panels_of(const struct grid *g)
{
    const int rows = g->size[AXIS_DATA], columns = g->size[AXIS_TENSOR];
    return rows / common(rows, columns) * columns;
}

struct turn {
    int a, b; /* calls */
};

/* Panel `at` of A along the rows, of B along the columns; either may be left out. */
static struct turn send_panels(struct program *p, const struct product *w, int at, bool a, bool b)
{
    const struct grid *g = p->grid;
    const int rows = g->size[AXIS_DATA], columns = g->size[AXIS_TENSOR], panels = panels_of(g), depth = w->k / panels;
    struct turn t = { -1, -1 };
    if (a)
        t.a = program_start(p, AXIS_TENSOR, COLLECTIVE_BROADCAST, (uint64_t)(w->m / rows) * (uint64_t)depth, at * columns / panels);
    if (b)
        t.b = program_start(p, AXIS_DATA, COLLECTIVE_BROADCAST, (uint64_t)depth * (uint64_t)(w->n / columns), at * rows / panels);
    return t;
}

static void await(struct program *p, struct turn t)
{
    program_wait(p, t.a);
    program_wait(p, t.b);
}

static void forward(struct program *p, const struct product *w)
{
    const struct grid *g = p->grid;
    const int panels = panels_of(g);
    struct turn next = send_panels(p, w, 0, true, true);
    for (int at = 0; at < panels; at++) {
        const struct turn now = next;
        if (at + 1 < panels)
            next = send_panels(p, w, at + 1, true, true);
        await(p, now);
        program_gemm(p, w->m / g->size[AXIS_DATA], w->n / g->size[AXIS_TENSOR], w->k / panels);
    }
}

/* dA = dC B': panels of B along the columns, results summed along the rows. dB = A' dC: the other way round. */
static void backward_one(struct program *p, const struct product *w, bool weights)
{
    const struct grid *g = p->grid;
    const int rows = g->size[AXIS_DATA], columns = g->size[AXIS_TENSOR], panels = panels_of(g), depth = w->k / panels;
    struct turn next = send_panels(p, w, 0, weights, !weights);
    int sums[2] = { -1, -1 };
    for (int at = 0; at < panels; at++) {
        const struct turn now = next;
        if (at + 1 < panels)
            next = send_panels(p, w, at + 1, weights, !weights);
        await(p, now);
        program_wait(p, sums[at % 2]);
        if (weights) {
            program_gemm(p, depth, w->n / columns, w->m / rows);
            sums[at % 2] = program_start(p, AXIS_DATA, COLLECTIVE_REDUCE, (uint64_t)depth * (uint64_t)(w->n / columns), at * rows / panels);
        } else {
            program_gemm(p, w->m / rows, depth, w->n / columns);
            sums[at % 2] = program_start(p, AXIS_TENSOR, COLLECTIVE_REDUCE, (uint64_t)(w->m / rows) * (uint64_t)depth, at * columns / panels);
        }
    }
    program_wait(p, sums[0]);
    program_wait(p, sums[1]);
}

static void backward(struct program *p, const struct product *w)
{
    backward_one(p, w, false);
    backward_one(p, w, true);
}

enum { PRODUCTS = 4 };

static void products_of(const struct workload_model *m, struct product w[PRODUCTS])
{
    w[0] = (struct product){ m->tokens, m->query_key_value, m->hidden };
    w[1] = (struct product){ m->tokens, m->hidden, m->hidden };
    w[2] = (struct product){ m->tokens, (m->gated ? 2 : 1) * m->ffn, m->hidden };
    w[3] = (struct product){ m->tokens, m->hidden, m->ffn };
}

static void plan(struct program *p, const struct workload_setup *s)
{
    struct product w[PRODUCTS];
    products_of(&s->model, w);
    for (int layer = 0; layer < s->model.layers; layer++)
        for (int i = 0; i < PRODUCTS; i++)
            forward(p, &w[i]);
    for (int layer = s->model.layers - 1; layer >= 0; layer--)
        for (int i = PRODUCTS - 1; i >= 0; i--)
            backward(p, &w[i]);
    program_update(p, model_params(&s->model) / (uint64_t)s->grid.size[AXIS_ALL]);
}

/* Each product three times: A handed along the rows and B along the columns, or sums of their sizes. */
static double formula(const struct workload_setup *s)
{
    const double rows = s->grid.size[AXIS_DATA], columns = s->grid.size[AXIS_TENSOR];
    struct product w[PRODUCTS];
    double sum = 0;
    products_of(&s->model, w);
    for (int i = 0; i < PRODUCTS; i++)
        sum += 3 * ((columns - 1) * w[i].m * w[i].k + (rows - 1) * w[i].k * w[i].n);
    return s->model.layers * sum * MODEL_BYTES;
}

/* The squarest. */
static struct grid grid(int nranks)
{
    int rows = 1;
    for (int r = 1; r * r <= nranks; r++)
        rows = nranks % r == 0 ? r : rows;
    return grid_make(nranks / rows, rows, 1);
}

const struct workload workload_tp_2d = {
    .name = "tp-2d", .summary = "tensor parallel layers on a grid: SUMMA, panels a turn ahead",
    .moves = "panels along rows and columns: 3 ((c-1) inputs + (r-1) weights) of every product", .grid = grid, .refuses = needs_two_ranks, .plan = plan,
    .formula = formula, .per = "step",
};
