/* One server against k against the ring, as the workers grow: time, and bytes at the busiest port. */
#include "report/parameter_server.h"
#include "report/plots.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <string.h>

/* A curve: the rows of an algorithm with so many servers for each number of workers. */
static const struct curve_of_servers {
    const char *algorithm, *title;
    int share; /* servers: 0 none, 1 one, 2 half of the workers, 3 as many */
    int point;
    size_t colour;
} curves[] = {
    { "ring_all_reduce", "ring", 0, 7, 0 },
    { "parameter_server_dedicated", "one server", 1, 5, 2 },
    { "parameter_server_colocated", "one of the workers serves", 1, 9, 4 },
    { "parameter_server_dedicated", "a server for two workers", 2, 11, 5 },
    { "parameter_server_dedicated", "as many servers as workers", 3, 13, 1 },
    { "parameter_server_colocated", "all workers serve", 3, 4, 3 },
};

static int servers_of(const struct curve_of_servers *c, int workers)
{
    return c->share == 2 ? workers / 2 : c->share == 3 ? workers : c->share;
}

static bool belongs(const struct curve_of_servers *c, const json_t *row)
{
    const char *algorithm = json_string_value(json_object_get(row, "algorithm"));
    const int workers = (int)parameter_server_number(row, "workers"), servers = (int)parameter_server_number(row, "servers");
    return algorithm != NULL && strcmp(algorithm, c->algorithm) == 0 && servers == servers_of(c, workers) && (c->share != 2 || workers % 2 == 0);
}

static double busiest(const json_t *row)
{
    return fmax(parameter_server_number(row, "egress_bytes"), parameter_server_number(row, "ingress_bytes")) / 1e6;
}

static double estimated(const json_t *row)
{
    return parameter_server_number(row, "estimated_us") / 1e3;
}

static double measured(const json_t *row)
{
    return parameter_server_number(row, "measured_us") / 1e3;
}

static int block_of(struct figure *f, const struct curve_of_servers *c, const json_t *rows, double (*value)(const json_t *row))
{
    struct text points = {0};
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (belongs(c, row) && value(row) > 0)
            text_add(&points, "%g %.9g\n", parameter_server_number(row, "workers"), value(row));
    }
    const int block = points.length > 0 ? figure_block(f) : -1;
    if (block >= 0) {
        text_add(&f->data, "%s", points.chars);
        figure_block_end(f);
    }
    text_free(&points);
    return block;
}

static struct figure *begin(struct figures *figures, const struct plot *plot, const char *name, const char *title, const char *label)
{
    struct figure *f = figure_add(figures, plot, rb_strdup(name), rb_strdup(title));
    figure_set(f, "set xlabel 'workers'\nset xrange [1.5:16.5]\nset xtics 2,2,16");
    figure_set(f, "set ylabel '%s'\nset logscale y 10\nset format y '%%g'\nset key outside below maxrows 4", label);
    return f;
}

static void draw_lines(struct figure *f, const json_t *rows, double (*value)(const json_t *row))
{
    for (size_t i = 0; i < RB_LEN(curves); i++) {
        const struct curve_of_servers *c = &curves[i];
        const int block = block_of(f, c, rows, value);
        if (block < 0)
            continue;
        figure_draw(f, "$b%d using 1:2 with linespoints lc rgb '%s' lw 2 dt %d pt %d ps 0.7", block, figure_colour(c->colour), c->share == 3 ? 2 : 1, c->point);
        figure_title(f, c->title);
    }
}

static void draw_measured(struct figure *f, const json_t *rows)
{
    const char *title = "measured here";
    for (size_t i = 0; i < RB_LEN(curves); i++) {
        const int block = block_of(f, &curves[i], rows, measured);
        if (block < 0)
            continue;
        figure_draw(f, "$b%d using 1:2 with points lc rgb '%s' lw 2 pt 3 ps 1.6", block, figure_colour(curves[i].colour));
        figure_title(f, title);
        title = NULL;
    }
}

static const char *draw(struct figures *figures, const struct plot *plot, const struct page_input *in)
{
    const json_t *study = json_object_get(parameter_server_record(in->records), "servers"), *rows = json_object_get(study, "rows");
    char bytes[UNITS_TEXT];
    if (json_array_size(rows) == 0)
        return "servers and ring were not compared: ringbench workload parameter-server";
    units_bytes(bytes, (uint64_t)fmax(parameter_server_number(json_array_get(rows, 0), "bytes"), 0));
    struct figure *f = begin(figures, plot, "servers-time", "Ring against servers: time", "milliseconds");
    draw_lines(f, rows, estimated);
    draw_measured(f, rows);
    text_add(&f->caption, "Push and pull, or all-reduce, of %s. Lines: an estimate, every rank having a port of %.3g GB/s and %.3g us a message, as the ring took here. "
                          "Stars: measured with the ranks at hand; on one machine they share memory and cores and no rank has a port.",
             bytes, parameter_server_number(study, "port_GBps"), parameter_server_number(study, "message_us"));
    f = begin(figures, plot, "servers-bytes", "Ring against servers: the busiest port", "MB at the busiest port");
    draw_lines(f, rows, busiest);
    text_add(&f->caption, "The same volume, unequal load: for %s the servers move 2 n S in all, the ring 2 (n-1) S, but one server takes all of it. Counted in the schedules "
                          "that the program plays.", bytes);
    return NULL;
}

const struct plot plot_servers = { .name = "servers", .title = "Ring against parameter servers", .section = "parameter-server", .draw = draw };
