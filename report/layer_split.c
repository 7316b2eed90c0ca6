/* The volumes of 1D, 2D, 2.5D, 3D tensor parallelism and of ring sequence parallelism; formulas and sources in layer.h. */
#include "report/layer.h"

#include <math.h>

const char *const layer_split_names[] = { "1d", "2d", "2.5d", "3d", "ring", NULL };

/* Elements of the inputs, weights and results of one matrix product. */
struct product {
    double inputs, weights, results;
};

enum { PRODUCTS = 4 };

/* Query-key-value, output, up (and gate) and down projections. The scores need no neighbour: heads are split. */
static void products_of(const struct layer *l, struct product p[PRODUCTS])
{
    const double tokens = l->batch * l->seq, h = l->hidden;
    const double qkv = h + 2 * h * l->kv_heads / l->heads, up = (l->gated ? 2 : 1) * l->ffn;
    p[0] = (struct product){ tokens * h, h * qkv, tokens * qkv };
    p[1] = (struct product){ tokens * h, h * h, tokens * h };
    p[2] = (struct product){ tokens * h, h * up, tokens * up };
    p[3] = (struct product){ tokens * l->ffn, l->ffn * h, tokens * h };
}

static double root_of(double t, double power)
{
    const double r = round(pow(t, 1 / power));
    return pow(r, power) == t ? r : 0;
}

/* q of the q x q x d grid of t GPUs, the smallest with 1 < d <= q: the deepest grid. 0: there is none. */
static double grid_25d(double t, double *depth_p)
{
    for (double q = 2; q * q < t; q++) {
        const double d = t / (q * q);
        if (d == floor(d) && d > 1 && d <= q) {
            *depth_p = d;
            return q;
        }
    }
    return 0;
}

bool split_fits(enum layer_split split, double t)
{
    double depth;
    if (t <= 1)
        return t == 1;
    switch (split) {
    case SPLIT_2D:
        return root_of(t, 2) > 0;
    case SPLIT_25D:
        return grid_25d(t, &depth) > 0;
    case SPLIT_3D:
        return root_of(t, 3) > 0;
    default:
        return true;
    }
}

static double volume_2d(const struct product *p, double t)
{
    const double q = root_of(t, 2);
    return 3 * (q - 1) / t * (p->inputs + p->weights);
}

static double volume_25d(const struct product *p, double t)
{
    double d = 1;
    const double q = grid_25d(t, &d);
    const double weights = p->weights / (q * q);
    return 3 * (q - 1) * (p->inputs / (d * q * q) + weights) + 2 * (d - 1) / d * weights;
}

static double volume_3d(const struct product *p, double t)
{
    const double l = root_of(t, 3);
    return 3 * (l - 1) / t * (p->inputs + p->weights + p->results);
}

static double elements(enum layer_split split, const struct layer *l, double t)
{
    static double (*const of_product[SPLIT_COUNT])(const struct product *, double) = {
        [SPLIT_2D] = volume_2d, [SPLIT_25D] = volume_25d, [SPLIT_3D] = volume_3d,
    };
    const double round_trip = (t - 1) / t * l->batch * l->seq * l->hidden;
    if (split == SPLIT_1D)
        return 8 * round_trip;
    if (split == SPLIT_RING)
        return 8 * round_trip + 2 * (t - 1) / t * layer_params(l);
    struct product p[PRODUCTS];
    products_of(l, p);
    double sum = 0;
    for (int i = 0; i < PRODUCTS; i++)
        sum += of_product[split](&p[i], t);
    return sum;
}

double split_volume(enum layer_split split, const struct layer *l, double t)
{
    return t <= 1 ? 0 : l->bytes * elements(split, l, t);
}

/* Messages one after the other, forward and backward, that a volume is sent in. */
static double messages(enum layer_split split, double t)
{
    double depth = 1;
    switch (split) {
    case SPLIT_2D: /* q broadcasts or reductions of each operand, along rings of q */
        return PRODUCTS * 3 * 2 * (root_of(t, 2) - 1);
    case SPLIT_25D: {
        const double q = grid_25d(t, &depth);
        return PRODUCTS * (3 * 2 * (q - 1) + 2 * (depth - 1));
    }
    case SPLIT_3D:
        return PRODUCTS * 3 * 3 * (root_of(t, 3) - 1);
    case SPLIT_RING: /* key and value blocks in 8 rounds of t-1, and the all-reduce of the gradients */
        return 8 * (t - 1) + 2 * (t - 1);
    default:
        return 4 * 2 * (t - 1);
    }
}

/* Calls that pay the base latency: all-reduces, or one each product and pass. */
static double calls(enum layer_split split)
{
    switch (split) {
    case SPLIT_1D:
        return 4;
    case SPLIT_RING:
        return 5;
    default:
        return PRODUCTS * 3;
    }
}

struct comm_time split_comm(enum layer_split split, const struct layer *l, const struct link_model *k, double t)
{
    if (t <= 1)
        return (struct comm_time){ 0, 0 };
    const double n = calls(split);
    const struct comm_time one = link_transfer(k, t, messages(split, t) / n, split_volume(split, l, t) / n);
    return (struct comm_time){ n * one.latency_s, n * one.transfer_s };
}
