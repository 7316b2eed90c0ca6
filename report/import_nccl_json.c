/* What nccl-tests writes with -J: one object. Its list of devices holds the first device of each process only. */
#include "report/import_facts.h"
#include "report/import_json.h"
#include "report/import_nccl.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers are written with six decimals; "nan" is a text. */
static double real(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static uint64_t whole(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

static const char *word(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s != NULL ? s : "";
}

static void take_samples(struct nccl_figure *f, const json_t *stats)
{
    const json_t *times = json_object_get(stats, "times_us");
    const size_t n = json_array_size(times) < RECORD_SAMPLES ? json_array_size(times) : RECORD_SAMPLES;
    f->min_us = real(stats, "min_us");
    f->p99_us = real(stats, "p99_us");
    f->cv = real(stats, "cv_pct") / 100;
    for (size_t i = 0; i < n; i++)
        if (!(json_number_value(json_array_get(times, i)) >= 0))
            return;
    if (n == 0)
        return;
    f->samples_us = rb_malloc(n * sizeof *f->samples_us);
    f->nsamples = n;
    for (size_t i = 0; i < n; i++)
        f->samples_us[i] = json_number_value(json_array_get(times, i * json_array_size(times) / n));
}

static void take_figure(struct nccl_figure *f, const json_t *figure, const json_t *stats)
{
    if (!json_is_object(figure))
        return;
    *f = (struct nccl_figure){ .present = true, .wrong = -1, .half_time = 5e-7, .half_algbw = 5e-7, .half_busbw = 5e-7 };
    f->time_us = json_object_get(figure, "time") != NULL ? real(figure, "time") : real(figure, "cpu_time");
    f->algbw = real(figure, "alg_bw");
    f->busbw = real(figure, "bus_bw");
    const double wrong = real(figure, "nwrong");
    f->wrong = wrong >= 0 && wrong < 9e15 ? (int64_t)wrong : -1;
    take_samples(f, stats);
}

static int take_row(struct import_reader *reader, struct nccl_run *run, const json_t *result, size_t index)
{
    if (!json_is_integer(json_object_get(result, "size")) || !json_is_integer(json_object_get(result, "count")) ||
        word(result, "type")[0] == '\0')
        return import_refuse(reader, 1, "results[%zu]: size, count and type are expected", index);
    struct nccl_row *row = nccl_add_row(run);
    row->bytes = whole(result, "size");
    row->count = whole(result, "count");
    row->line = index + 1;
    import_copy(row->type, sizeof row->type, word(result, "type"), strlen(word(result, "type")));
    import_copy(row->op, sizeof row->op, word(result, "redop"), strlen(word(result, "redop")));
    row->root = atoi(word(result, "root"));
    take_figure(&row->place[0], json_object_get(result, "out_of_place"), json_object_get(result, "out_of_place_per_iter"));
    take_figure(&row->place[1], json_object_get(result, "in_place"), json_object_get(result, "in_place_per_iter"));
    if (!row->place[0].present && !row->place[1].present)
        return import_refuse(reader, 1, "results[%zu]: neither out_of_place nor in_place", index);
    return RB_OK;
}

static void take_devices(struct nccl_run *run, const json_t *config)
{
    const json_t *devices = json_object_get(config, "devices");
    const uint64_t each = whole(config, "nthreads") * whole(config, "ngpus");
    const size_t processes = json_array_size(devices);
    run->ranks = each > 0 && each < 1000 && processes < 100000 ? (int)(each * processes) : 0;
    const char *last = "";
    int nodes = 0;
    for (size_t i = 0; i < processes; i++) {
        const json_t *d = json_array_get(devices, i);
        facts_add_gpu(&run->facts, word(d, "device_info"), strlen(word(d, "device_info")));
        nodes += strcmp(word(d, "hostname"), last) != 0;
        last = word(d, "hostname");
    }
    run->facts.nodes = nodes;
}

static void take_texts(struct import_source *s, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i)))
            facts_from_line(s, json_string_value(json_array_get(list, i)));
}

static void take_facts(struct nccl_run *run, const json_t *root)
{
    struct import_source *s = &run->facts;
    const json_t *config = json_object_get(root, "config");
    take_texts(s, json_object_get(root, "args"));
    take_texts(s, json_object_get(root, "env"));
    facts_nccl_code(s, whole(root, "nccl_version"));
    if (json_array_size(json_object_get(config, "devices")) > 0) {
        s->gpu[0] = '\0';
        take_devices(run, config);
    }
    run->iters = whole(config, "iterations");
    run->average = real(json_object_get(root, "average_bus_bandwidth"), "bandwidth");
    run->average_line = 1;
    run->has_counts = true;
    const json_t *wrong = json_object_get(json_object_get(root, "out_of_bounds"), "count");
    run->out_of_bounds = json_is_integer(wrong) ? json_integer_value(wrong) : -1;
}

static int read_object(struct import_reader *reader, struct nccl_run *run, const json_t *root)
{
    const json_t *results = json_object_get(root, "results");
    facts_from_preface(&run->facts, &reader->text->preface);
    take_facts(run, root);
    for (size_t i = 0; i < json_array_size(results); i++)
        RB_TRY(take_row(reader, run, json_array_get(results, i), i));
    return nccl_close(reader, run);
}

static int read_all(struct import_reader *reader)
{
    json_t *root;
    RB_TRY(import_json_read(reader, &root));
    struct nccl_run run = { .facts = { .nvls = -1 }, .average = NAN, .out_of_bounds = -1 };
    import_copy(run.facts.path, sizeof run.facts.path, reader->text->path, strlen(reader->text->path));
    import_clean(run.facts.path);
    const int rc = read_object(reader, &run, root);
    nccl_free(&run);
    json_decref(root);
    return rc;
}

static bool recognise(const struct import_text *text)
{
    return import_json_holds(text, "\"results\"") && import_json_holds(text, "\"nccl_version\"");
}

const struct import_format import_nccl_json = {
    .name = "nccl-tests-json",
    .summary = "what nccl-tests writes with -J FILE.json",
    .recognise = recognise,
    .read = read_all,
};
