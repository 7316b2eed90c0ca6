#include "topo/topology.h"

#include "core/error.h"
#include "topo/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 16 << 20 };

/* Kinds of files, and what adds to the machine we run on. A new one is a file and a row. */
static const struct topology_loader *const file_loaders[] = { &load_hwloc_xml, &load_nvidia_smi };
static void (*const probes[])(struct topology *) = { probe_nic_rates, probe_pcie_rates, probe_nvml };

static const struct topology_loader *recognise(const struct text *content)
{
    for (size_t i = 0; i < RB_LEN(file_loaders); i++)
        if (file_loaders[i]->recognises(content))
            return file_loaders[i];
    return NULL;
}

static int refuse(const char *file, const char *why)
{
    struct text right = { 0 };
    for (size_t i = 0; i < RB_LEN(file_loaders); i++)
        text_add(&right, "%s%s", i > 0 ? " or " : "", file_loaders[i]->makes);
    const int rc = rb_fail(RB_EUSAGE, "%s: %s; wanted: %s", file, why, right.chars);
    text_free(&right);
    return rc;
}

static int load_content(struct topology *t, const struct text *content)
{
    if (content->length == 0)
        return refuse(t->file, "the file is empty");
    if (memchr(content->chars, '\0', content->length) != NULL)
        return refuse(t->file, "a binary file");
    const struct topology_loader *loader = recognise(content);
    if (loader == NULL)
        return refuse(t->file, "no topology that is known here");
    t->source = loader->source;
    return loader->load(t, content);
}

static int load_file(struct topology *t)
{
    struct text content = { 0 };
    RB_TRY(text_read_file(&content, t->file, FILE_MAX));
    const int rc = load_content(t, &content);
    text_free(&content);
    return rc;
}

static int load_here(struct topology *t)
{
    t->source = load_machine.source;
    RB_TRY(load_machine.load(t, NULL));
    for (size_t i = 0; t->live && i < RB_LEN(probes); i++)
        probes[i](t);
    if (t->nvml_library != NULL && t->nvml == NULL)
        return rb_fail(RB_EUSAGE, "GPU driver's library %s: %s", t->nvml_library,
                       t->live ? t->nvml_why : "not asked, as HWLOC_XMLFILE describes another machine");
    return RB_OK;
}

static const char *given(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

int topology_load(struct topology **t_p, const char *file)
{
    return topology_load_with(t_p, file, NULL);
}

int topology_load_with(struct topology **t_p, const char *file, const char *nvml)
{
    if (given(file) != NULL && given(nvml) != NULL)
        return rb_fail(RB_EUSAGE, "%s describes a recorded machine, %s the GPUs of this one; give one of them", file, nvml);
    struct topology *t = rb_calloc(1, sizeof *t);
    t->memory = ceiling_of(0, CEILING_UNKNOWN);
    const bool here = given(file) == NULL;
    t->file = here ? NULL : rb_strdup(file);
    t->nvml_library = given(nvml) != NULL ? nvml : given(getenv("RINGBENCH_NVML"));
    const int rc = here ? load_here(t) : load_file(t);
    if (rc != RB_OK) {
        topology_free(t);
        return rc;
    }
    t->nvml_library = NULL; /* borrowed from the caller until here */
    *t_p = t;
    return RB_OK;
}

void topology_free(struct topology *t)
{
    if (t == NULL)
        return;
    if (t->hwloc != NULL)
        hwloc_topology_destroy(t->hwloc);
    free(t->file);
    free(t->devices);
    free(t->nvlinks);
    free(t->ends);
    free(t->stated);
    nvml_report_free(t->nvml);
    free(t);
}

const char *topology_source(const struct topology *t)
{
    return t->source;
}

const char *topology_file(const struct topology *t)
{
    return t->file;
}

bool topology_is_live(const struct topology *t)
{
    return t->live;
}

size_t topology_device_count(const struct topology *t)
{
    return t->ndevices;
}

const struct topology_device *topology_device(const struct topology *t, size_t index)
{
    return &t->devices[index];
}

size_t topology_count(const struct topology *t, enum topo_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t->ndevices; i++)
        n += t->devices[i].kind == kind;
    return n;
}

int topology_find(const struct topology *t, enum topo_kind kind, int number)
{
    for (size_t i = 0; i < t->ndevices; i++)
        if (t->devices[i].kind == kind && t->devices[i].number == number)
            return (int)i;
    return -1;
}

size_t topology_nvlink_count(const struct topology *t)
{
    return t->nnvlinks;
}

const struct topology_nvlink *topology_nvlink(const struct topology *t, size_t index)
{
    return &t->nvlinks[index];
}

size_t topology_end_count(const struct topology *t)
{
    return t->nends;
}

int topology_end(const struct topology *t, size_t end)
{
    return t->ends[end];
}

void topology_set_memory_bandwidth(struct topology *t, double copy_GBps, enum ceiling_origin origin)
{
    t->memory = ceiling_of(copy_GBps, origin);
}

struct ceiling topology_memory_bandwidth(const struct topology *t)
{
    return t->memory;
}

const char *topo_kind_name(enum topo_kind kind)
{
    static const char *const names[TOPO_KINDS] = {
        [TOPO_PACKAGE] = "package", [TOPO_NUMA] = "numa_node", [TOPO_CACHE] = "cache", [TOPO_CORE] = "core",
        [TOPO_HOST_BRIDGE] = "host_bridge", [TOPO_BRIDGE] = "pci_bridge", [TOPO_GPU] = "gpu", [TOPO_NIC] = "nic",
        [TOPO_NVSWITCH] = "nvswitch",
    };
    return names[kind];
}

const char *ceiling_origin_name(enum ceiling_origin origin)
{
    static const char *const names[] = {
        [CEILING_MEASURED] = "measured", [CEILING_QUERIED] = "queried", [CEILING_CATALOGUE] = "catalogue",
        [CEILING_ASSUMED] = "assumed", [CEILING_UNKNOWN] = "",
    };
    return names[origin];
}

/* ", 8 GPUs" */
static void add_count(const struct topology *t, struct text *line, enum topo_kind kind, const char *noun)
{
    const size_t n = topology_count(t, kind);
    if (n > 0)
        text_add(line, "%s%zu %s%s", line->length > 0 ? ", " : "", n, noun, n > 1 ? "s" : "");
}

/* " (NV18)", or " (NV1 to NV2)". */
static void add_nvlinks(const struct topology *t, struct text *line)
{
    int low = 0, high = 0;
    for (size_t i = 0; i < t->nends; i++)
        for (size_t j = 0; j < i; j++) {
            const int n = topology_path(t, t->ends[i], t->ends[j]).nvlinks;
            if (n == 0)
                continue;
            low = low == 0 || n < low ? n : low;
            high = n > high ? n : high;
        }
    if (high > 0 && low == high)
        text_add(line, " (NV%d)", high);
    else if (high > 0)
        text_add(line, " (NV%d to NV%d)", low, high);
}

char *topology_summary(const struct topology *t)
{
    struct text line = { 0 };
    add_count(t, &line, TOPO_PACKAGE, "package");
    add_count(t, &line, TOPO_NUMA, "NUMA node");
    add_count(t, &line, TOPO_CORE, "core");
    add_count(t, &line, TOPO_GPU, "GPU");
    add_nvlinks(t, &line);
    add_count(t, &line, TOPO_NIC, "NIC");
    if (line.length == 0)
        text_add(&line, "no devices");
    return line.chars;
}
