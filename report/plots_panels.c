#include "report/plots_panels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct record_case *head(const struct curve *c)
{
    return c->points[0];
}

static bool is_shadowed(const struct curves *all, const struct curve *c)
{
    if (!head(c)->in_place)
        return false;
    struct record_case other = *head(c);
    other.in_place = false;
    for (size_t i = 0; i < all->count; i++)
        if (curves_same(head(&all->list[i]), &other))
            return true;
    return false;
}

static struct panel *home_of(struct panels *p, const struct curve *c)
{
    for (size_t i = 0; i < p->count; i++)
        if (curves_same_panel(head(p->list[i].curves[0]), head(c)))
            return &p->list[i];
    if (p->count == PANELS)
        return NULL;
    p->list[p->count] = (struct panel){ .low = INFINITY };
    return &p->list[p->count++];
}

static bool same_family(const struct record_case *a, const struct record_case *b)
{
    return strcmp(a->baseline, b->baseline) == 0 && figure_style(a, 0).colour == figure_style(b, 0).colour;
}

static void add(struct panel *p, const struct curve *c)
{
    if (p->ncurves == PANEL_CURVES) {
        p->dropped++;
        return;
    }
    int variant = 0;
    for (size_t i = 0; i < p->ncurves; i++) {
        variant += same_family(head(p->curves[i]), head(c));
        if (strcmp(head(p->curves[i])->transport, head(c)->transport) != 0 && head(c)->baseline[0] == '\0')
            p->several_transports = true;
    }
    p->variants[p->ncurves] = variant;
    p->curves[p->ncurves++] = c;
    p->low = fmin(p->low, (double)head(c)->bytes);
    p->high = fmax(p->high, (double)c->points[c->npoints - 1]->bytes);
}

/* What everybody looks for first: floats, summed, from rank 0. With many types in the records the panels are these. */
static bool is_plain(const struct record_case *c)
{
    return (c->type[0] == '\0' || strcmp(c->type, "float") == 0) && (c->op[0] == '\0' || strcmp(c->op, "sum") == 0 || strcmp(c->op, "none") == 0) &&
           c->root <= 0;
}

static void add_all(struct panels *p, bool baselines, bool plain)
{
    for (size_t i = 0; i < p->curves.count; i++) {
        const struct curve *c = &p->curves.list[i];
        if ((head(c)->baseline[0] != '\0') != baselines || is_plain(head(c)) != plain || strcmp(head(c)->transport, "null") == 0 ||
            is_shadowed(&p->curves, c))
            continue;
        struct panel *home = home_of(p, c);
        if (home != NULL)
            add(home, c);
        else
            p->dropped++;
    }
}

/* Ours, then the baselines: a baseline's curve is drawn over ours, and stands last in the key. */
void panels_make(struct panels *p, const struct records *r)
{
    *p = (struct panels){0};
    curves_make(&p->curves, r);
    for (int baselines = 0; baselines < 2; baselines++) {
        add_all(p, baselines == 1, true);
        add_all(p, baselines == 1, false);
    }
}

void panels_free(struct panels *p)
{
    curves_free(&p->curves);
}

static bool is_taken(const struct figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->count; i++)
        if (strcmp(figures->list[i].name, name) == 0)
            return true;
    return false;
}

/* File names: what a record says may hold anything. */
static char *cleaned(char *name)
{
    for (char *at = name; *at != '\0'; at++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *at) == NULL)
            *at = '_';
    return name;
}

char *panel_file(const struct figures *figures, const char *plot, const struct record_case *c)
{
    char *name = cleaned(rb_format("%s-%s-%d", plot, c->collective, c->ranks));
    for (int i = 2; is_taken(figures, name); i++) {
        free(name);
        name = cleaned(rb_format("%s-%s-%d-%d", plot, c->collective, c->ranks, i));
    }
    return name;
}

const char *panel_style(char buffer[FIGURE_STYLE], const struct panel *p, size_t i)
{
    return figure_style_text(buffer, figure_style(head(p->curves[i]), p->variants[i]));
}

int panel_block(struct figure *f, const struct curve *c, double (*value)(const struct record_case *))
{
    bool any = false;
    for (size_t i = 0; i < c->npoints; i++)
        any = any || isfinite(value(c->points[i]));
    if (!any)
        return -1;
    const int block = figure_block(f);
    for (size_t i = 0; i < c->npoints; i++)
        if (isfinite(value(c->points[i])))
            text_add(&f->data, "%llu %.9g\n", (unsigned long long)c->points[i]->bytes, value(c->points[i]));
    figure_block_end(f);
    return block;
}

bool panel_range(const struct panel *p, double (*value)(const struct record_case *), double *low_p, double *high_p)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < p->ncurves; i++)
        for (size_t j = 0; j < p->curves[i]->npoints; j++) {
            const double v = value(p->curves[i]->points[j]);
            if (isfinite(v)) {
                low = fmin(low, v);
                high = fmax(high, v);
            }
        }
    if (low > high)
        return false;
    *low_p = low;
    *high_p = high;
    return true;
}

bool panels_draw(struct figures *figures, const struct plot *plot, const struct records *r, double (*value)(const struct record_case *),
                 void (*draw)(struct figures *figures, const struct plot *plot, const struct panels *all, const struct panel *p))
{
    struct panels all;
    panels_make(&all, r);
    bool any = false;
    double low, high;
    for (size_t i = 0; i < all.count; i++)
        if (panel_range(&all.list[i], value, &low, &high)) {
            draw(figures, plot, &all, &all.list[i]);
            any = true;
        }
    panels_free(&all);
    return any;
}

void panel_inputs(struct text *caption, const struct panels *all, const struct panel *p)
{
    const struct record_case *c = head(p->curves[0]);
    if (c->source[0] != '\0')
        text_add(caption, " Source: %s.", c->source);
    else
        text_add(caption, " Inputs: results.jsonl, %s%s%s.", c->evidence[0] != '\0' ? c->evidence : "measured",
                 p->several_transports ? "" : ", transport ", p->several_transports ? "" : c->transport);
    if (p->dropped > 0 || all->dropped > 0)
        text_add(caption, " Not drawn for room: %zu more curves; results.csv has them.", p->dropped + all->dropped);
}
