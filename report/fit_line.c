#include "report/fit_line.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- one line --- */

void fit_sums_add(struct fit_sums *s, double x, double t)
{
    const double u = 1 / t, v = x / t;
    s->n += 1;
    s->u += u;
    s->v += v;
    s->uu += u * u;
    s->uv += u * v;
    s->vv += v * v;
}

/* Each candidate is a least-squares optimum of its own model, so its sum of squares is n - alpha u - beta v. */
static double rss_of(const struct fit_sums *s, struct fit_line l)
{
    return fmax(0, s->n - l.alpha_us * s->u - l.beta_us * s->v);
}

struct fit_line fit_sums_solve(const struct fit_sums *s, bool free_alpha, double *rss_p)
{
    const double det = s->uu * s->vv - s->uv * s->uv;
    struct fit_line l = { s->u / s->uu, 0 };
    if (det > 1e-12 * s->uu * s->vv) { /* else all points have one size */
        l = (struct fit_line){ (s->u * s->vv - s->v * s->uv) / det, (s->v * s->uu - s->u * s->uv) / det };
        if (l.beta_us < 0)
            l = (struct fit_line){ s->u / s->uu, 0 };
        else if (l.alpha_us < 0 && !free_alpha)
            l = (struct fit_line){ 0, s->v / s->vv };
    }
    *rss_p = rss_of(s, l);
    return l;
}

struct fit_line fit_line_solve(const double *x, const double *t, size_t n, bool free_alpha)
{
    struct fit_sums s = {0};
    double rss;
    for (size_t i = 0; i < n; i++)
        fit_sums_add(&s, x[i], t[i]);
    return fit_sums_solve(&s, free_alpha, &rss);
}

/* --- pieces --- */

/* cost[i * n + j]: sum of squares of a line over points i .. j. */
static double *all_costs(const struct points *p)
{
    double *cost = rb_malloc(p->n * p->n * sizeof *cost);
    for (size_t i = 0; i < p->n; i++) {
        struct fit_sums s = {0};
        for (size_t j = i; j < p->n; j++) {
            fit_sums_add(&s, p->x[j], p->t[j]);
            fit_sums_solve(&s, i > 0, &cost[i * p->n + j]);
        }
    }
    return cost;
}

struct cuts {
    double *best; /* [k * (n + 1) + j]: least cost of the first j points in k + 1 pieces */
    size_t *from; /* where the last of them begins */
};

/* Points of one size belong to one piece. */
static bool may_cut(const struct points *p, size_t at)
{
    return p->x[at] > p->x[at - 1];
}

static void extend(const struct points *p, const double *cost, const struct cuts *c, size_t k)
{
    const size_t row = p->n + 1;
    for (size_t j = 0; j <= p->n; j++) {
        c->best[k * row + j] = INFINITY;
        c->from[k * row + j] = 0;
        for (size_t i = FIT_SEGMENT_POINTS; i + FIT_SEGMENT_POINTS <= j; i++) {
            if (!may_cut(p, i))
                continue;
            const double sum = c->best[(k - 1) * row + i] + cost[i * p->n + j - 1];
            if (sum < c->best[k * row + j]) {
                c->best[k * row + j] = sum;
                c->from[k * row + j] = i;
            }
        }
    }
}

/* Squared relative error of a point, degrees of freedom taken off; INFINITY where there are none left. */
static double variance(double rss, size_t n, size_t pieces)
{
    return n > 2 * pieces ? rss / (double)(n - 2 * pieces) : INFINITY;
}

static double score(double rss, size_t n, size_t pieces)
{
    const double count = (double)n, price = 4, v = variance(rss, n, pieces);
    return count * log(fmax(v, FIT_FLOOR * FIT_FLOOR)) + price * ((double)pieces - 1) * log(count);
}

/* rss[k]: of the best cut into k + 1 pieces. */
static size_t choose(const double rss[FIT_SEGMENTS], size_t n)
{
    const double worth = 0.75;
    size_t pieces = 1, least = 1;
    for (size_t k = 2; k <= FIT_SEGMENTS; k++) {
        if (score(rss[k - 1], n, k) < score(rss[pieces - 1], n, pieces))
            pieces = k;
        if (variance(rss[k - 1], n, k) < variance(rss[least - 1], n, least))
            least = k;
    }
    const double v = variance(rss[pieces - 1], n, pieces);
    if (v > FIT_POOR * FIT_POOR && variance(rss[least - 1], n, least) < worth * v)
        pieces = least;
    return pieces;
}

size_t fit_cut(const struct points *p, size_t ends[FIT_SEGMENTS])
{
    const size_t row = p->n + 1;
    double *cost = all_costs(p), rss[FIT_SEGMENTS];
    struct cuts c = { rb_malloc(FIT_SEGMENTS * row * sizeof *c.best), rb_calloc(FIT_SEGMENTS * row, sizeof *c.from) };
    c.best[0] = INFINITY;
    for (size_t j = 1; j <= p->n; j++)
        c.best[j] = j >= FIT_SEGMENT_POINTS ? cost[j - 1] : INFINITY;
    for (size_t k = 1; k < FIT_SEGMENTS; k++)
        extend(p, cost, &c, k);
    for (size_t k = 0; k < FIT_SEGMENTS; k++)
        rss[k] = c.best[k * row + p->n];
    const size_t pieces = choose(rss, p->n);
    size_t end = p->n;
    for (size_t k = pieces; k-- > 0;) {
        ends[k] = end;
        end = c.from[k * row + end];
    }
    free(c.from);
    free(c.best);
    free(cost);
    return pieces;
}

bool fit_solve3(double a[3][3], double b[3], double x[3])
{
    double scale[3];
    for (int i = 0; i < 3; i++)
        scale[i] = a[i][i] > 0 ? 1 / sqrt(a[i][i]) : 0;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            a[i][j] *= scale[i] * scale[j];
        b[i] *= scale[i];
    }
    for (int k = 0; k < 3; k++) { /* positive definite: no pivoting is needed */
        if (a[k][k] < 1e-10)
            return false;
        for (int i = k + 1; i < 3; i++) {
            const double f = a[i][k] / a[k][k];
            for (int j = k; j < 3; j++)
                a[i][j] -= f * a[k][j];
            b[i] -= f * b[k];
        }
    }
    for (int k = 2; k >= 0; k--) {
        x[k] = b[k];
        for (int j = k + 1; j < 3; j++)
            x[k] -= a[k][j] * x[j];
        x[k] /= a[k][k];
    }
    for (int i = 0; i < 3; i++)
        x[i] *= scale[i];
    return true;
}

/* --- chance --- */

static uint64_t next(struct dice *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double dice_uniform(struct dice *d)
{
    return (double)(next(d) >> 11) * 0x1p-53;
}

size_t dice_below(struct dice *d, size_t n)
{
    return (size_t)(dice_uniform(d) * (double)n);
}

double dice_normal(struct dice *d)
{
    const double r = sqrt(-2 * log(1 - dice_uniform(d)));
    return r * cos(2 * M_PI * dice_uniform(d));
}

double fit_student_factor(size_t freedom)
{
    static const double t[] = { 12.706, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228 };
    const double normal = 1.960;
    return freedom < RB_LEN(t) ? t[freedom] / normal : 1 + 2.4 / (normal * (double)freedom);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double fit_quantile(double *values, size_t n, double q)
{
    qsort(values, n, sizeof *values, ascending);
    const double at = q * (double)(n - 1);
    const size_t i = (size_t)at;
    const double rest = at - (double)i;
    return i + 1 < n ? values[i] * (1 - rest) + values[i + 1] * rest : values[n - 1];
}
