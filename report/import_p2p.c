/* p2pBandwidthLatencyTest of the CUDA samples. Rows are sources, columns destinations. The bidirectional figures are the sum of
 * both directions. */
#include "report/import_facts.h"
#include "report/import_matrix.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

struct matrix {
    const char *test;   /* NULL: none open */
    enum import_link_kind kind;
    bool both_ways;
    size_t columns, row; /* row: the one expected next */
    size_t line;
};

/* Titles, as every version of the sample prints them. */
static const struct title {
    const char *text;
    struct matrix matrix;
} titles[] = {
    { "P2P Connectivity Matrix", { .test = "p2p-connectivity", .kind = IMPORT_PATH } },
    { "Unidirectional P2P=Disabled Bandwidth", { .test = "p2p-disabled", .kind = IMPORT_COPY } },
    { "Unidirectional P2P=Enabled Bandwidth", { .test = "p2p-enabled", .kind = IMPORT_COPY } },
    { "Bidirectional P2P=Disabled Bandwidth", { .test = "p2p-disabled", .kind = IMPORT_COPY, .both_ways = true } },
    { "Bidirectional P2P=Enabled Bandwidth", { .test = "p2p-enabled", .kind = IMPORT_COPY, .both_ways = true } },
    { "P2P=Disabled Latency", { .test = "p2p-disabled", .kind = IMPORT_LATENCY } },
    { "P2P=Enabled Latency", { .test = "p2p-enabled", .kind = IMPORT_LATENCY } },
};

static const struct title *title_of(const char *text)
{
    for (size_t i = 0; i < RB_LEN(titles); i++)
        if (import_begins(text, titles[i].text) && strstr(text, "Matrix") != NULL)
            return &titles[i];
    return NULL;
}

static void add_cell(struct import_reader *reader, const struct matrix *m, size_t column, double value)
{
    struct import_link l = import_no_link(m->kind, m->line);
    import_copy(l.test, sizeof l.test, m->test, strlen(m->test));
    l.from = (int)m->row;
    l.to = (int)column;
    l.both_ways = m->both_ways;
    l.local = m->row == column;
    if (m->kind == IMPORT_COPY)
        l.GBps = value;
    else if (m->kind == IMPORT_LATENCY)
        l.latency_us = value;
    else
        import_copy(l.path, sizeof l.path, value > 0 ? "P2P" : "none", value > 0 ? 3 : 4);
    if (!(m->kind == IMPORT_PATH && l.local))
        import_add_link(reader, &l);
}

static int take_row(struct import_reader *reader, struct matrix *m, const struct import_line *line)
{
    double values[IMPORT_MAX_WORDS];
    size_t index;
    if (!matrix_row(line->text, m->columns, &index, values) || index != m->row)
        return import_refuse(reader, line->number, "row %zu of the matrix of %zu columns is expected here", m->row, m->columns);
    m->line = line->number;
    for (size_t i = 0; i < m->columns; i++)
        add_cell(reader, m, i, values[i]);
    m->row++;
    return RB_OK;
}

/* "Device: 0, NVIDIA GeForce RTX 3090, pciBusID: 19, ..." */
static void take_device(struct import_source *s, const char *text, int *devices)
{
    uint64_t index;
    const char *name = import_after(text, ", ");
    if (!import_begins(text, "Device: ") || name == NULL || !import_number_after(text, "Device: ", &index))
        return;
    if ((*devices)++ == 0)
        s->gpu[0] = '\0';
    facts_add_gpu(s, name, strcspn(name, ","));
}

/* The latency matrix of the GPUs is followed by that of the CPUs, under no title of its own. */
static void take_heading(struct matrix *m, const char *text)
{
    static const char *const leads[] = { "D\\D", "GPU" };
    for (size_t i = 0; i < RB_LEN(leads); i++)
        if (matrix_heading(text, leads[i]) > 0) {
            m->columns = matrix_heading(text, leads[i]);
            m->row = 0;
        }
    if (m->kind == IMPORT_LATENCY && matrix_heading(text, "CPU") > 0) {
        m->columns = matrix_heading(text, "CPU");
        m->row = 0;
        m->test = strcmp(m->test, "p2p-enabled") == 0 ? "p2p-enabled-cpu" : "p2p-disabled-cpu";
    }
}

static int finish(struct import_reader *reader, const struct matrix *m)
{
    if (m->test != NULL && m->columns > 0 && m->row < m->columns)
        return import_refuse(reader, m->line, "a matrix of %zu columns ends after %zu rows", m->columns, m->row);
    return RB_OK;
}

static int take_line(struct import_reader *reader, struct matrix *m, const struct import_line *line)
{
    const struct title *title = title_of(line->text);
    if (m->test != NULL && m->row < m->columns)
        return take_row(reader, m, line);
    if (title != NULL) {
        *m = title->matrix;
        m->line = line->number;
    } else if (m->test != NULL) {
        take_heading(m, line->text);
    }
    struct import_source *s = import_current(reader);
    if (m->columns > 0)
        s->gpus = (int)m->columns;
    return RB_OK;
}

static int read_all(struct import_reader *reader)
{
    struct import_source *s = import_open(reader);
    struct matrix m = {0};
    int devices = 0;
    s->nodes = 1;
    for (size_t i = 0; i < reader->text->nlines; i++) {
        take_device(import_current(reader), reader->text->lines[i].text, &devices);
        RB_TRY(take_line(reader, &m, &reader->text->lines[i]));
    }
    RB_TRY(finish(reader, &m));
    s = import_current(reader);
    if (devices > 0 && devices != s->gpus)
        import_say(reader, m.line, "the devices listed are %d, but the matrices have %d", devices, s->gpus);
    import_close(reader);
    return RB_OK;
}

static bool recognise(const struct import_text *text)
{
    for (size_t i = 0; i < text->nlines; i++)
        if (title_of(text->lines[i].text) != NULL)
            return true;
    return false;
}

const struct import_format import_p2p = {
    .name = "p2p",
    .summary = "p2pBandwidthLatencyTest of the CUDA samples",
    .recognise = recognise,
    .read = read_all,
};
