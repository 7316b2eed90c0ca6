/* What nvbandwidth writes with --json: cells are texts, "N/A" where nothing was measured. */
#include "report/import_nvbandwidth.h"

#include "core/error.h"
#include "report/import_facts.h"
#include "report/import_json.h"

#include <math.h>
#include <string.h>

static const char *word(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s != NULL ? s : "";
}

static bool cell_value(const json_t *cell, double *value_p)
{
    *value_p = json_is_number(cell) ? json_number_value(cell) : NAN;
    const char *s = json_string_value(cell);
    if (s == NULL)
        return json_is_number(cell) && *value_p >= 0;
    return strcmp(s, "N/A") == 0 || (import_number((struct import_word){ s, strlen(s) }, value_p, NULL) && *value_p >= 0);
}

static int take_test(struct import_reader *reader, const json_t *test)
{
    const struct nvb_test t = nvb_understand(word(test, "name"), word(test, "bandwidth_description"));
    const json_t *rows = json_object_get(test, "bandwidth_matrix");
    double sum = 0;
    size_t cells = 0;
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        for (size_t c = 0; c < json_array_size(row); c++) {
            const size_t at[2] = { r, c };
            double value;
            if (!cell_value(json_array_get(row, c), &value) || r > 9999 || c > 9999)
                return import_refuse(reader, 1, "%s: row %zu, column %zu is no number", t.name, r, c);
            if (nvb_add(reader, &t, 1, at, value)) {
                sum += value;
                cells++;
            }
        }
        struct import_source *s = import_current(reader);
        if (s->gpus < (int)json_array_size(row) && json_array_size(row) < 10000)
            s->gpus = (int)json_array_size(row);
    }
    const json_t *printed = json_object_get(test, "sum");
    if (cells > 0 && json_is_number(printed) && fabs(json_number_value(printed) - sum) > 0.001 * fabs(sum) + 0.01)
        import_say(reader, 1, "the cells of %s add up to %.2f, but its sum says %.2f", t.name, sum, json_number_value(printed));
    return RB_OK;
}

static int read_object(struct import_reader *reader, const json_t *root)
{
    const json_t *all = json_object_get(root, "nvbandwidth"), *tests = json_object_get(all, "testcases");
    struct import_source *s = import_open(reader);
    s->nodes = 1;
    import_copy(s->tool, sizeof s->tool, word(all, "version"), strlen(word(all, "version")));
    import_copy(s->driver, sizeof s->driver, word(all, "Driver Version"), strlen(word(all, "Driver Version")));
    const json_t *cuda = json_object_get(all, "CUDA Runtime Version");
    if (json_is_integer(cuda))
        snprintf(s->cuda, sizeof s->cuda, "%u", (unsigned)json_integer_value(cuda));
    nvb_cuda_version(s);
    for (size_t i = 0; i < json_array_size(tests); i++)
        RB_TRY(take_test(reader, json_array_get(tests, i)));
    import_close(reader);
    return RB_OK;
}

static int read_all(struct import_reader *reader)
{
    json_t *root;
    RB_TRY(import_json_read(reader, &root));
    const int rc = read_object(reader, root);
    json_decref(root);
    return rc;
}

static bool recognise(const struct import_text *text)
{
    return import_json_holds(text, "\"nvbandwidth\"");
}

const struct import_format import_nvbandwidth_json = {
    .name = "nvbandwidth-json",
    .summary = "what nvbandwidth writes with --json",
    .recognise = recognise,
    .read = read_all,
};
