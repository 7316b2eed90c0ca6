/* The asynchronous parameter server, bound by bound, and servers against the ring. */
#include "report/html.h"
#include "report/page_sections.h"
#include "report/parameter_server.h"

#include <string.h>

static void run_row(struct text *out, const json_t *run)
{
    const char *bound = json_string_value(json_object_get(run, "bound"));
    const double server = parameter_server_number(run, "server_bytes") / parameter_server_number(run, "seconds") / 1e9;
    html_row_begin(out);
    html_cell(out, bound != NULL ? bound : "");
    html_cell_format(out, "%.0f", parameter_server_number(run, "workers"));
    html_cell_format(out, "%.0f", parameter_server_number(run, "servers"));
    html_cell_format(out, "%.6g", parameter_server_number(run, "bytes") / 1024);
    html_cell_number(out, parameter_server_number(run, "iterations_per_sec"), 4);
    html_cell_number(out, parameter_server_number(run, "predicted_iterations_per_sec"), 4);
    html_cell_number(out, parameter_server_number(run, "waiting") * 100, 3);
    html_cell_number(out, parameter_server_number(run, "compute_to_communication"), 3);
    html_cell_number(out, parameter_server_number(run, "mean_staleness"), 3);
    html_cell_format(out, "%.0f", parameter_server_number(run, "stalest"));
    html_cell_number(out, server, 3);
    html_row_end(out);
}

static const json_t *row_of(const json_t *rows, const char *algorithm, int workers, int servers)
{
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "algorithm"));
        if (name != NULL && strcmp(name, algorithm) == 0 && parameter_server_number(row, "workers") == workers &&
            parameter_server_number(row, "servers") == servers)
            return row;
    }
    return NULL;
}

static void statement(struct text *out, const json_t *rows)
{
    const json_t *one = row_of(rows, "parameter_server_dedicated", 16, 1), *ring = row_of(rows, "ring_all_reduce", 16, 0);
    if (one == NULL || ring == NULL)
        return;
    html_paragraph(out, "The same volume, unequal load: with 16 workers one server moves %.4g MB in all and the ring %.4g MB, but the server's port carries %.4g MB each "
                        "way and a port of the ring %.3g MB, %.3g times less.",
                   parameter_server_number(one, "total_bytes") / 1e6, parameter_server_number(ring, "total_bytes") / 1e6,
                   parameter_server_number(one, "ingress_bytes") / 1e6, parameter_server_number(ring, "ingress_bytes") / 1e6,
                   parameter_server_number(one, "ingress_bytes") / parameter_server_number(ring, "ingress_bytes"));
}

const char *section_parameter_server(struct text *out, const struct page_input *in)
{
    const json_t *record = parameter_server_record(in->records), *run;
    size_t i;
    if (record == NULL)
        return "no parameter server was measured: ringbench workload parameter-server";
    html_paragraph(out, "Workers push gradients and pull weights; bound k lets a worker begin iteration i with the pushes up to i-1-k, inf with any. Every answer of a "
                        "server tells which pushes it contains; the workers compared all of them with the bound and with the data.");
    statement(out, json_object_get(json_object_get(record, "servers"), "rows"));
    text_add(out, "<details><summary>Every bound</summary>");
    html_table_begin(out, "bound|workers|servers|weights, KiB|>iterations/s|>predicted|>waiting, %|>compute / round trip|>behind, mean|most|>server, GB/s");
    json_array_foreach(json_object_get(record, "runs"), i, run)
        run_row(out, run);
    html_table_end(out);
    text_add(out, "</details>\n");
    return NULL;
}
