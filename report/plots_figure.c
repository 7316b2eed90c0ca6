/* What the plots are built with: data blocks, axes, colours. */
#include "report/plots.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct figure *figure_add(struct figures *figures, const struct plot *plot, char *name, char *title)
{
    figures->list = rb_realloc(figures->list, (figures->count + 1) * sizeof *figures->list);
    struct figure *f = &figures->list[figures->count++];
    *f = (struct figure){ .plot = plot, .name = name, .title = title };
    return f;
}

int figure_block(struct figure *f)
{
    text_add(&f->data, "$b%d << END\n", f->nblocks);
    return f->nblocks++;
}

void figure_block_end(struct figure *f)
{
    text_add(&f->data, "END\n");
}

static void add_formatted(struct text *t, const char *format, va_list args)
{
    char line[1024];
    vsnprintf(line, sizeof line, format, args);
    text_add(t, "%s", line);
}

void figure_draw(struct figure *f, const char *format, ...)
{
    if (f->drawing.length > 0)
        text_add(&f->drawing, ", \\\n     ");
    va_list args;
    va_start(args, format);
    add_formatted(&f->drawing, format, args);
    va_end(args);
}

void figure_quote(struct text *t, const char *s)
{
    text_add(t, "'");
    for (; *s != '\0'; s++)
        if (*s == '\'')
            text_add(t, "''");
        else if ((unsigned char)*s >= ' ')
            text_add_bytes(t, s, 1);
    text_add(t, "'");
}

void figure_title(struct figure *f, const char *title)
{
    text_add(&f->drawing, title != NULL ? " title " : " notitle");
    if (title != NULL)
        figure_quote(&f->drawing, title);
}

void figure_set(struct figure *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(&f->settings, format, args);
    va_end(args);
    text_add(&f->settings, "\n");
}

/* Every `step`-th power of two with its name. */
static void size_ticks(struct text *t, double low, double high, int step)
{
    char name[UNITS_TEXT];
    const char *comma = "";
    text_add(t, "set xtics (");
    for (int power = 0; power <= 50; power += step) {
        const double bytes = ldexp(1, power);
        if (bytes < low * 0.99 || bytes > high * 1.01)
            continue;
        text_add(t, "%s'%s' %.0f", comma, units_bytes(name, (uint64_t)bytes), bytes);
        comma = ", ";
    }
    text_add(t, ")\n");
}

static int tick_step(double low, double high, double most)
{
    static const int steps[] = { 1, 2, 3, 4, 5, 10 };
    const double octaves = log2(high / low);
    size_t i = 0;
    while (i + 1 < RB_LEN(steps) && octaves / steps[i] > most)
        i++;
    return steps[i];
}

void figure_size_axis(struct figure *f, const char *label, double low, double high)
{
    text_add(&f->settings, "set logscale x 2\nset xrange [%.6g:%.6g]\nset xlabel ", low / 1.15, high * 1.15);
    figure_quote(&f->settings, label);
    text_add(&f->settings, "\n");
    size_ticks(&f->settings, low, high, tick_step(low, high, 11));
    size_ticks(&f->narrow, low, high, tick_step(low, high, 5));
}

void figure_log_axis(struct figure *f, char axis, const char *label, double low, double high)
{
    const double from = pow(10, floor(log10(low) + 1e-9)), to = pow(10, ceil(log10(high) - 1e-9));
    const bool few = high / low < 50;
    const char *comma = "";
    text_add(&f->settings, "set logscale %c 10\nset %crange [%.6g:%.6g]\nset %clabel ", axis, axis, few ? low / 1.25 : low / 1.6,
             few ? high * 1.25 : high * 1.6, axis);
    figure_quote(&f->settings, label);
    text_add(&f->settings, "\nset %ctics (", axis);
    for (double decade = from; decade <= to * 1.01 && isfinite(decade) && decade > 0; decade *= 10)
        for (int digit = 1; digit <= (few ? 5 : 1); digit = digit == 2 ? 5 : digit + 1) {
            text_add(&f->settings, "%s'%.6g' %.6g", comma, decade * digit, decade * digit);
            comma = ", ";
        }
    text_add(&f->settings, ")\n");
}

/* --- colours --- */

/* Okabe and Ito 2008: told apart by the colour-blind too. */
static const char *const palette[] = { "#0072B2", "#009E73", "#D55E00", "#56B4E9", "#E69F00", "#CC79A7", "#7A5C00", "#6A3D9A" };

static const struct {
    const char *prefix; /* of the algorithm, or the baseline's name */
    bool baseline;
    struct figure_style style;
} families[] = {
    { "mpi", true, { "#606060", 6, 2 } },
    { "nccl", true, { "#4B8B00", 4, 2 } },
    { "", true, { "#909090", 8, 2 } },
    { "ring", false, { "#0072B2", 7, 1 } },
    { "direct_one", false, { "#56B4E9", 5, 1 } },
    { "direct", false, { "#009E73", 9, 1 } },
    { "parameter_server", false, { "#D55E00", 11, 1 } },
    { "halving", false, { "#CC79A7", 13, 1 } },
    { "tree", false, { "#6A3D9A", 13, 1 } },
    { "", false, { "#7A5C00", 15, 1 } },
};

const char *figure_colour(size_t i)
{
    return palette[i % RB_LEN(palette)];
}

struct figure_style figure_style(const struct record_case *curve, int variant)
{
    static const int dashes[] = { 1, 4, 3, 5 };
    const bool baseline = curve->baseline[0] != '\0';
    const char *name = baseline ? curve->baseline : curve->algorithm;
    size_t i = 0;
    while (families[i].baseline != baseline || strncmp(name, families[i].prefix, strlen(families[i].prefix)) != 0)
        i++;
    struct figure_style s = families[i].style;
    if (variant > 0) {
        s.dash = dashes[(size_t)variant % RB_LEN(dashes)];
        s.point += s.point % 2 == 1 ? -1 : 1; /* the hollow one of the pair */
        if (variant > 1)
            s.colour = figure_colour((size_t)variant + i);
    }
    return s;
}

const char *figure_style_text(char buffer[FIGURE_STYLE], struct figure_style s)
{
    snprintf(buffer, FIGURE_STYLE, "lc rgb '%s' lw 2 dt %d pt %d ps 0.7", s.colour, s.dash, s.point);
    return buffer;
}
