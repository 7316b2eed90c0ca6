#include "report/curves.h"

#include "core/error.h"
#include "core/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double twice_share(double n)
{
    return 2 * (n - 1) / n;
}

static double one_share(double n)
{
    return (n - 1) / n;
}

static const struct {
    const char *collective;
    double (*factor)(double n);
} bus_rows[] = {
    { "all_reduce", twice_share },   { "all_gather", one_share }, { "reduce_scatter", one_share },
    { "alltoall", one_share },       { "alltoallv", one_share },  { "gather", one_share },
    { "scatter", one_share },
};

double curves_bus_factor(const char *collective, int ranks)
{
    for (size_t i = 0; i < RB_LEN(bus_rows); i++)
        if (strcmp(bus_rows[i].collective, collective) == 0)
            return bus_rows[i].factor(ranks);
    return 1;
}

double curves_wire_bytes(const struct record_case *c)
{
    return c->wire_bytes > 0 ? (double)c->wire_bytes : (double)c->bytes * curves_bus_factor(c->collective, c->ranks);
}

/* Times that a clock can give: what lies outside is damage. */
static bool is_time(double us)
{
    return us > 1e-6 && us < 1e15;
}

bool curves_of_study(const struct record_case *c)
{
    return strcmp(c->evidence, "simulated") == 0 && c->label[0] != '\0';
}

static bool usable(const struct record_case *c)
{
    return !curves_of_study(c) && is_time(c->time_us.median) && c->wrong <= 0 && c->ranks > 1 && c->bytes > 0 && curves_wire_bytes(c) > 0;
}

static bool same_origin(const struct record_case *a, const struct record_case *b)
{
    return strcmp(a->source, b->source) == 0 && strcmp(a->gpu, b->gpu) == 0 && strcmp(a->evidence, b->evidence) == 0;
}

bool curves_same(const struct record_case *a, const struct record_case *b)
{
    return records_same_curve(a, b) && same_origin(a, b);
}

bool curves_same_panel(const struct record_case *a, const struct record_case *b)
{
    struct record_case c = *b;
    c.bytes = a->bytes;
    return records_same_case(a, &c) && same_origin(a, b);
}

static struct curve *home_of(struct curves *c, const struct record_case *point)
{
    for (size_t i = 0; i < c->count; i++)
        if (curves_same(c->list[i].points[0], point))
            return &c->list[i];
    c->list = rb_realloc(c->list, (c->count + 1) * sizeof *c->list);
    c->list[c->count] = (struct curve){0};
    return &c->list[c->count++];
}

static void add(struct curve *c, const struct record_case *point)
{
    if ((c->npoints & (c->npoints - 1)) == 0)
        c->points = rb_realloc(c->points, (c->npoints == 0 ? 1 : 2 * c->npoints) * sizeof *c->points);
    c->points[c->npoints++] = point;
}

static int by_wire_bytes(const void *a, const void *b)
{
    const double x = curves_wire_bytes(*(const struct record_case *const *)a);
    const double y = curves_wire_bytes(*(const struct record_case *const *)b);
    return (x > y) - (x < y);
}

void curves_make(struct curves *c, const struct records *r)
{
    struct curves all = {0};
    for (size_t i = 0; i < r->ncases; i++)
        if (usable(&r->cases[i]))
            add(home_of(&all, &r->cases[i]), &r->cases[i]);
    for (size_t i = 0; i < all.count; i++)
        qsort(all.list[i].points, all.list[i].npoints, sizeof *all.list[i].points, by_wire_bytes);
    *c = all;
}

void curves_free(struct curves *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->list[i].points);
    free(c->list);
    *c = (struct curves){0};
}

static void add_words(struct text *t, const char *name)
{
    for (const char *at = name; *at != '\0'; at++)
        text_add_bytes(t, *at == '_' ? " " : at, 1);
}

static void add_upper(struct text *t, const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        const char c = (char)toupper((unsigned char)*at);
        text_add_bytes(t, &c, 1);
    }
}

static const char *hand_over(char name[CURVE_NAME], struct text *t)
{
    snprintf(name, CURVE_NAME, "%s", t->chars);
    text_free(t);
    return name;
}

const char *curves_name(char name[CURVE_NAME], const struct record_case *c, bool with_transport)
{
    struct text t = {0};
    if (c->baseline[0] != '\0')
        add_upper(&t, c->baseline);
    else
        add_words(&t, c->algorithm);
    if (c->baseline[0] != '\0' && strcasecmp(c->baseline, c->algorithm) != 0)
        text_add(&t, " %s", c->algorithm);
    if (c->servers > 0)
        text_add(&t, ", %d server%s", c->servers, c->servers > 1 ? "s" : "");
    if (c->label[0] != '\0' && c->source[0] == '\0') /* an imported curve's label is its file: the source says more */
        text_add(&t, " [%s]", c->label);
    if (with_transport && c->baseline[0] == '\0' && c->transport[0] != '\0')
        text_add(&t, " over %s", c->transport);
    return hand_over(name, &t);
}

const char *curves_collective(char name[CURVE_NAME], const struct record_case *c)
{
    snprintf(name, CURVE_NAME, "%s", c->collective);
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '_' ? '-' : *at;
    return name;
}

const char *curves_panel_name(char name[CURVE_NAME], const struct record_case *c)
{
    struct text t = {0};
    text_add(&t, "%s, %d ", curves_collective(name, c), c->ranks);
    text_add(&t, "%s", c->gpu[0] != '\0' ? c->gpu : c->ranks > 1 ? "ranks" : "rank");
    if (c->nodes > 1)
        text_add(&t, " on %d nodes", c->nodes);
    if (c->type[0] != '\0')
        text_add(&t, ", %s", c->type);
    if (c->op[0] != '\0' && strcmp(c->op, "none") != 0)
        text_add(&t, " %s", c->op);
    if (c->root > 0)
        text_add(&t, ", root %d", c->root);
    if (c->in_place)
        text_add(&t, ", in place");
    return hand_over(name, &t);
}
