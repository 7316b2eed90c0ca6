/* NCCL latencies as the aiconfigurator project publishes them: one row a collective, type, number of GPUs and size. The
 * latency is nccl-tests' out-of-place time in milliseconds; message_size counts elements of nccl-tests' size. */
#include "report/import_nccl.h"

#include "core/csv.h"
#include "core/error.h"
#include "core/units.h"
#include "report/import_facts.h"

#include <math.h>
#include <string.h>

enum { NAME, TYPE, GPUS, SIZE, LATENCY, DEVICE, VERSION, COLUMNS };
static const char *const names[COLUMNS] = { "op_name", "nccl_dtype", "num_gpus", "message_size", "latency", "device", "version" };

static int take_row(struct import_reader *reader, const struct csv *csv, const size_t column[COLUMNS], const struct csv_row *row)
{
    uint64_t gpus, elements;
    double ms;
    char *const *cells = row->cells;
    const char *collective = cells[column[NAME]], *type = nccl_type_name(cells[column[TYPE]]);
    if (!units_parse_count(cells[column[GPUS]], &gpus) || gpus < 2 || gpus > 100000)
        return csv_fail(csv, row, column[GPUS], "'%s' is no number of GPUs", cells[column[GPUS]]);
    if (!units_parse_count(cells[column[SIZE]], &elements) || elements > UINT64_MAX / 16)
        return csv_fail(csv, row, column[SIZE], "'%s' is no number of elements", cells[column[SIZE]]);
    if (!units_parse_number(cells[column[LATENCY]], &ms) || !(ms > 0))
        return csv_fail(csv, row, column[LATENCY], "'%s' is no time in milliseconds", cells[column[LATENCY]]);
    const double factor = nccl_factor(collective, (int)gpus);
    if (factor == 0)
        return csv_fail(csv, row, column[NAME], "'%s' is no collective whose busbw factor is known", collective);
    if (nccl_type_bytes(type) == 0)
        return csv_fail(csv, row, column[TYPE], "'%s' is no element type", type);
    struct record_case c = import_no_case();
    import_copy(c.collective, sizeof c.collective, collective, strlen(collective));
    import_copy(c.type, sizeof c.type, type, strlen(type));
    memcpy(c.op, strstr(collective, "reduce") != NULL ? "sum" : "none", 4);
    c.ranks = (int)gpus;
    c.bytes = elements * nccl_type_bytes(type);
    c.count = elements / (uint64_t)nccl_blocks(collective, (int)gpus);
    c.time_us.median = ms * 1e3;
    c.algbw_GBps = (double)c.bytes / c.time_us.median * 1e-3;
    c.busbw_GBps = c.algbw_GBps * factor;
    import_add_case(reader, &c);
    struct import_source *s = import_current(reader);
    facts_add_gpu(s, cells[column[DEVICE]], strlen(cells[column[DEVICE]]));
    import_copy(s->nccl, sizeof s->nccl, cells[column[VERSION]], strlen(cells[column[VERSION]]));
    s->gpus = s->gpus < c.ranks ? c.ranks : s->gpus;
    return RB_OK;
}

static int read_rows(struct import_reader *reader, const struct csv *csv)
{
    size_t column[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        RB_TRY(csv_need_column(csv, names[i], &column[i]));
    struct import_source *s = import_open(reader);
    s->gpu[0] = '\0';
    s->nodes = 1;
    if (strstr(s->address, "_sxm/") != NULL)
        memcpy(s->transport, "nvlink", 7);
    for (size_t i = 0; i < csv->nrows; i++)
        RB_TRY(take_row(reader, csv, column, &csv->rows[i]));
    import_close(reader);
    return RB_OK;
}

/* As many empty lines in front as the preface had, so that messages name the file's lines. */
static void whole_text(const struct import_text *text, struct text *all)
{
    size_t at = 1;
    for (size_t i = 0; i < text->nlines; i++, at++) {
        for (; at < text->lines[i].number; at++)
            text_add_bytes(all, "\n", 1);
        text_add(all, "%s\n", text->lines[i].text);
    }
}

static int read_all(struct import_reader *reader)
{
    struct text all = {0};
    struct csv csv;
    whole_text(reader->text, &all);
    int rc = csv_parse(&csv, reader->text->path, all.chars, all.length);
    text_free(&all);
    if (rc == RB_OK) {
        rc = read_rows(reader, &csv);
        csv_free(&csv);
    }
    return rc;
}

static bool recognise(const struct import_text *text)
{
    for (size_t i = 0; i < text->nlines; i++)
        if (text->lines[i].text[0] != '#' && text->lines[i].text[0] != '\0')
            return strstr(text->lines[i].text, "nccl_dtype") != NULL && strstr(text->lines[i].text, "message_size") != NULL;
    return false;
}

const struct import_format import_latency_csv = {
    .name = "latency-csv",
    .summary = "NCCL latencies of the aiconfigurator project (nccl_perf)",
    .recognise = recognise,
    .read = read_all,
};
