/* What nvbandwidth prints: for each testcase a description, a matrix, and the sum of its cells. */
#include "report/import_nvbandwidth.h"

#include "core/error.h"
#include "report/import_facts.h"
#include "report/import_matrix.h"

#include <math.h>
#include <string.h>

struct state {
    char name[56];    /* of the testcase; "" none */
    char described[120];
    struct nvb_test test;
    size_t columns; /* of the open matrix, 0: none */
    size_t row, cells;
    double sum;
    int devices;
};

/* "Device 0: NVIDIA H800 (00000000:01:00)" */
static bool take_device(struct import_reader *reader, struct state *st, const char *text)
{
    uint64_t index;
    const char *name = import_after(text, ": ");
    if (!import_begins(text, "Device ") || name == NULL || !import_number_after(text, "Device ", &index))
        return false;
    struct import_source *s = import_current(reader);
    if (st->devices++ == 0)
        s->gpu[0] = '\0';
    const char *bus = strstr(name, " (0");
    facts_add_gpu(s, name, bus == NULL ? strlen(name) : (size_t)(bus - name));
    return true;
}

static void take_versions(struct import_source *s, const char *text)
{
    const struct {
        const char *mark;
        char *field;
        size_t size;
    } rows[] = {
        { "nvbandwidth Version: ", s->tool, sizeof s->tool },
        { "CUDA Runtime Version: ", s->cuda, sizeof s->cuda },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++)
        if (import_after(text, rows[i].mark) != NULL)
            import_copy(rows[i].field, rows[i].size, import_after(text, rows[i].mark), strlen(import_after(text, rows[i].mark)));
    nvb_cuda_version(s);
    if (import_begins(text, "Driver Version: "))
        import_copy(s->driver, sizeof s->driver, import_after(text, ":"), strlen(import_after(text, ":")));
}

/* "Running NAME." */
static bool take_name(struct state *st, const char *text)
{
    if (!import_begins(text, "Running "))
        return false;
    const char *name = import_after(text, "Running ");
    import_copy(st->name, sizeof st->name, name, strcspn(name, ". "));
    st->described[0] = '\0';
    return true;
}

/* "SUM NAME 1985.60": the sum of the matrix above. */
static void take_sum(struct import_reader *reader, struct state *st, const struct import_line *line)
{
    struct import_word words[3];
    double sum, half;
    if (!import_begins(line->text, "SUM ") || import_words(line->text, words, 3) != 3 ||
        !import_number(words[2], &sum, &half) || st->cells == 0)
        return;
    if (fabs(sum - st->sum) > half * (double)(st->cells + 1) * 1.02 + 1e-6 * sum)
        import_say(reader, line->number, "the cells of %s add up to %.2f, but SUM says %.2f", st->test.name, st->sum, sum);
    st->cells = 0;
}

static void take_matrix_row(struct import_reader *reader, struct state *st, const struct import_line *line, const double *values)
{
    for (size_t i = 0; i < st->columns; i++) {
        const size_t at[2] = { st->row, i };
        if (nvb_add(reader, &st->test, line->number, at, values[i])) {
            st->sum += values[i];
            st->cells++;
        }
    }
    st->row++;
}

static void begin_matrix(struct import_reader *reader, struct state *st, const struct import_line *line, size_t columns)
{
    st->test = nvb_understand(st->name, st->described);
    st->columns = columns;
    st->row = st->cells = 0;
    st->sum = 0;
    if (st->devices > 0 && (size_t)st->devices != columns)
        import_say(reader, line->number, "%zu columns in the matrix of %s, but the devices listed are %d", columns, st->test.name,
                   st->devices);
    struct import_source *s = import_current(reader);
    if (s->gpus < (int)columns)
        s->gpus = (int)columns;
}

static int take_line(struct import_reader *reader, struct state *st, const struct import_line *line)
{
    double values[IMPORT_MAX_WORDS];
    size_t index;
    const size_t columns = matrix_heading(line->text, "");
    if (st->columns > 0 && st->row == 0 && !matrix_row(line->text, st->columns, &index, values))
        return import_refuse(reader, line->number, "a row of %zu figures is expected below the heading of %s", st->columns, st->name);
    if (st->columns > 0 && matrix_row(line->text, st->columns, &index, values) && index == st->row) {
        take_matrix_row(reader, st, line, values);
        return RB_OK;
    }
    if (st->columns > 0 && line->text[0] >= '0' && line->text[0] <= '9')
        return import_refuse(reader, line->number, "row %zu of the matrix of %s is expected here", st->row, st->name);
    st->columns = 0;
    if (columns > 0 && st->name[0] != '\0')
        begin_matrix(reader, st, line, columns);
    else if (!take_name(st, line->text) && !take_device(reader, st, line->text))
        take_versions(import_current(reader), line->text);
    if (strstr(line->text, "(row)") != NULL || strstr(line->text, "(column)") != NULL)
        import_copy(st->described, sizeof st->described, line->text, strlen(line->text));
    take_sum(reader, st, line);
    return RB_OK;
}

static int read_all(struct import_reader *reader)
{
    struct state st = {0};
    import_open(reader)->nodes = 1;
    for (size_t i = 0; i < reader->text->nlines; i++)
        RB_TRY(take_line(reader, &st, &reader->text->lines[i]));
    if (st.columns > 0 && st.row == 0)
        return import_refuse(reader, reader->text->lines[reader->text->nlines - 1].number, "the log ends in the heading of %s", st.name);
    if (st.devices > 0)
        import_current(reader)->gpus = st.devices;
    import_close(reader);
    return RB_OK;
}

static bool recognise(const struct import_text *text)
{
    for (size_t i = 0; i < text->nlines; i++) {
        const char *line = text->lines[i].text;
        if (import_begins(line, "Running ") && (strstr(line, "memcpy") != NULL || strstr(line, "_ce") != NULL || strstr(line, "_sm") != NULL))
            return true;
    }
    return false;
}

const struct import_format import_nvbandwidth = {
    .name = "nvbandwidth",
    .summary = "the text of nvbandwidth, old and new",
    .recognise = recognise,
    .read = read_all,
};
