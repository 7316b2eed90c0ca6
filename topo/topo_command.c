#include "topo/topo_command.h"

#include "core/error.h"
#include "core/options.h"
#include "topo/memory.h"
#include "topo/nvml.h"
#include "topo/print.h"

#include <errno.h>
#include <string.h>

enum { RANKS_SHOWN = 8 };

struct topo_settings {
    const char *file, *format, *gpu, *nvml, *record;
    uint64_t ranks;
};

/* A new format is a file, a row and its name among the choices. */
static const struct topology_format *const formats[] = { &format_table, &format_json, &format_dot };
static const char *const format_names[] = { "table", "json", "dot", NULL };

static const struct option_row rows[] = {
    { 0, "topology", "", OPTION_TEXT, OPTION_AT(topo_settings, file), "hwloc XML or text of nvidia-smi topo -m, instead of this machine", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, OPTION_AT(topo_settings, format), "what is printed", format_names, 0, 0 },
    { 0, "gpu", "", OPTION_TEXT, OPTION_AT(topo_settings, gpu), "model of the GPUs where the source does not say, such as H800", NULL, 0, 0 },
    { 0, "nvml", "", OPTION_TEXT, OPTION_AT(topo_settings, nvml), "the GPU driver's library, instead of the system's or $RINGBENCH_NVML", NULL, 0, 0 },
    { 0, "record", "", OPTION_TEXT, OPTION_AT(topo_settings, record), "also write the GPU driver's answers to this file, for tests elsewhere", NULL, 0, 0 },
    { 0, "ranks", "0", OPTION_COUNT, OPTION_AT(topo_settings, ranks), "show the binding of so many ranks; 0: as many as cores, at most 8", NULL, 0, 4096 },
};

static const struct option_table table = {
    .usage = "ringbench topo [options]",
    .about = "Where data can move: devices, links and their ceilings, path classes in nvidia-smi's words, the ring order that\n"
             "maximises the slowest hop, and which rank runs on which core.",
    .rows = rows,
    .count = RB_LEN(rows),
};

static const struct topology_format *find_format(const char *name)
{
    for (size_t i = 0; i < RB_LEN(formats); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

static int ranks_shown(const struct topology *t, uint64_t asked)
{
    if (asked > 0)
        return (int)asked;
    const size_t cores = topology_count(t, TOPO_CORE);
    return cores < RANKS_SHOWN ? (int)cores : RANKS_SHOWN;
}

static int complete(struct topology *t, const struct topo_settings *s)
{
    if (s->gpu[0] != '\0')
        RB_TRY(topology_set_gpu(t, s->gpu));
    double copy_GBps = 0;
    if (topology_is_live(t)) {
        RB_TRY(memory_bandwidth_measure(&copy_GBps));
        topology_set_memory_bandwidth(t, copy_GBps, CEILING_MEASURED);
    }
    return RB_OK;
}

static int print(const struct topology *t, const struct topo_settings *s)
{
    const int ranks = ranks_shown(t, s->ranks);
    struct topology_binding first;
    if (ranks > 0)
        RB_TRY(topology_binding(t, 0, ranks, &first)); /* what cannot be shown is said before anything is */
    RB_TRY(find_format(s->format)->print(t, ranks, stdout));
    if (fflush(stdout) != 0)
        return rb_fail(RB_EUSAGE, "stdout: %s", strerror(errno));
    return RB_OK;
}

static int record(const struct topology *t, const char *file)
{
    const struct nvml_report *r = topology_nvml(t);
    if (file[0] == '\0')
        return RB_OK;
    if (r == NULL)
        return rb_fail(RB_EUSAGE, "--record %s: no answers of a GPU driver: %s", file,
                       topology_is_live(t) ? topology_nvml_why(t) : "a recorded topology has none");
    FILE *out = fopen(file, "w");
    if (out == NULL)
        return rb_fail(RB_EUSAGE, "%s: %s", file, strerror(errno));
    nvml_record(r, out);
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed)
        return rb_fail(RB_EUSAGE, "%s: %s", file, strerror(errno));
    return RB_OK;
}

int topo_command(int argc, char **argv)
{
    struct topo_settings settings = { 0 };
    bool help = false;
    RB_TRY(options_parse(&table, &settings, argc, argv, NULL, 0, NULL, &help));
    if (help) {
        options_help(&table, stdout);
        return RB_OK;
    }
    struct topology *t = NULL;
    RB_TRY(topology_load_with(&t, settings.file, settings.nvml));
    int rc = record(t, settings.record);
    if (rc == RB_OK)
        rc = complete(t, &settings);
    if (rc == RB_OK)
        rc = print(t, &settings);
    topology_free(t);
    return rc;
}
