/* What the GPU driver says, as a section of the table. */
#include "topo/print.h"

#include "core/text.h"
#include "core/units.h"
#include "topo/nvml_notes.h"

#include <stdlib.h>
#include <string.h>

static void add_pcie(const struct nvml_gpu *g, struct text *line)
{
    if (g->best.generation > 0)
        text_add(line, "PCIe generation %d x%d", g->best.generation, g->best.width);
    if (g->best.generation > 0 && g->now.generation > 0 && (g->now.generation < g->best.generation || g->now.width < g->best.width))
        text_add(line, " (now %d x%d)", g->now.generation, g->now.width);
}

/* "18 NVLinks 4, 25 GB/s each (26.56 raw)" of the first that is up; the others of a GPU are alike. */
static void add_links(const struct nvml_gpu *g, struct text *line)
{
    const int up = nvml_links_up(g);
    if (g->nlinks == 0)
        return;
    text_add(line, "%s%d NVLink%s", line->length > 0 ? "; " : "", up, up == 1 ? "" : "s");
    for (int l = 0; l < g->nlinks; l++) {
        const struct nvml_link *link = &g->links[l];
        const double generation = nvml_link_generation(link->version), GBps = nvml_link_GBps(link);
        if (link->state != NVML_LINK_UP && link->state != NVML_LINK_SLEEPS)
            continue;
        if (generation > 0)
            text_add(line, " %.3g", generation);
        if (GBps > 0)
            text_add(line, ", %.4g GB/s each", GBps);
        if (GBps > 0 && link->raw_GBps > GBps)
            text_add(line, " (%.4g raw)", link->raw_GBps);
        return;
    }
    text_add(line, " up");
}

static void add_limits(const struct nvml_gpu *g, struct text *line)
{
    if (g->sm > 0)
        text_add(line, "; sm_%d", g->sm);
    if (g->sm_clock_MHz > 0)
        text_add(line, ", at most %d MHz", g->sm_clock_MHz);
    if (g->power_W > 0)
        text_add(line, ", %.4g W", g->power_W);
    if (g->mig == 1)
        text_add(line, "; MIG, %d instance%s", g->nmig, g->nmig == 1 ? "" : "s");
}

static const char *name_of(const struct topology *t, int number, char buffer[24])
{
    const int device = topology_driver_gpu(t, number);
    snprintf(buffer, 24, "GPU%d", number);
    return device >= 0 ? topology_device(t, (size_t)device)->name : buffer;
}

static void print_gpu(const struct topology *t, int number, FILE *out)
{
    char name[24], size[UNITS_TEXT];
    const struct nvml_gpu *g = &topology_nvml(t)->gpus[number];
    struct text line = { 0 };
    add_pcie(g, &line);
    add_links(g, &line);
    add_limits(g, &line);
    fprintf(out, "  %-5s %s  %s\n", name_of(t, number, name), g->trouble[0] != '\0' ? g->trouble : g->bus, line.length > 0 ? line.chars : "");
    if (g->uuid[0] != '\0')
        fprintf(out, "        %s\n", g->uuid);
    for (int i = 0; i < g->nmig; i++)
        fprintf(out, "        %s  %s  %s\n", g->instances[i].name, units_bytes(size, g->instances[i].bytes), g->instances[i].uuid);
    text_free(&line);
}

static bool all_alike(const struct nvml_report *r, enum nvml_p2p kind)
{
    int first = -2;
    for (int a = 0; a < r->count; a++)
        for (int b = 0; b < r->count; b++) {
            const int status = nvml_pair(r, a, b)->p2p[kind];
            if (a == b)
                continue;
            if (first != -2 && status != first)
                return false;
            first = status;
        }
    return true;
}

static void print_matrix(const struct topology *t, enum nvml_p2p kind, FILE *out)
{
    char name[24];
    const struct nvml_report *r = topology_nvml(t);
    fprintf(out, "  %5s", "");
    for (int b = 0; b < r->count; b++)
        fprintf(out, " %5s", name_of(t, b, name));
    fprintf(out, "\n");
    bool seen[8] = { false };
    for (int a = 0; a < r->count; a++) {
        fprintf(out, "  %-5s", name_of(t, a, name));
        for (int b = 0; b < r->count; b++) {
            const int status = nvml_pair(r, a, b)->p2p[kind];
            fprintf(out, " %5s", a == b ? "X" : nvml_p2p_word(status));
            if (a != b && status >= 0 && status < 7)
                seen[status] = true;
        }
        fprintf(out, "\n");
    }
    for (int s = 0; s < 7; s++)
        if (seen[s])
            fprintf(out, "  %-5s %s\n", nvml_p2p_word(s), nvml_p2p_meaning(s));
}

/* What is the same for all pairs is one line. */
static void print_access(const struct topology *t, FILE *out)
{
    static const char *const kinds[] = { "read", "write", "NVLink", "atomics" };
    const struct nvml_report *r = topology_nvml(t);
    if (r->count < 2)
        return;
    fprintf(out, "\nPeer access between GPUs\n");
    for (int kind = 0; kind < NVML_P2P_KINDS; kind++) {
        const int status = nvml_pair(r, 0, 1)->p2p[kind];
        if (all_alike(r, (enum nvml_p2p)kind)) {
            fprintf(out, "  %-8s every pair: %s\n", kinds[kind], nvml_p2p_meaning(status));
            continue;
        }
        fprintf(out, "  %-8s by pair\n", kinds[kind]);
        print_matrix(t, (enum nvml_p2p)kind, out);
    }
}

static void print_note(void *out, const char *note)
{
    fprintf(out, "  note: %s\n", note);
}

void print_nvml(const struct topology *t, FILE *out)
{
    const struct nvml_report *r = topology_nvml(t);
    if (r == NULL && topology_is_live(t))
        fprintf(out, "\nGPU driver: %s; not known: NVLinks, peer access, PCIe of GPUs under load\n", topology_nvml_why(t));
    if (r == NULL)
        return;
    fprintf(out, "\nGPUs, from the driver");
    if (r->driver[0] != '\0')
        fprintf(out, " %s", r->driver);
    if (r->cuda > 0)
        fprintf(out, " (CUDA up to %d.%d)", r->cuda / 1000, r->cuda % 1000 / 10);
    fprintf(out, "\n");
    for (int i = 0; i < r->count; i++)
        print_gpu(t, i, out);
    nvml_notes(t, print_note, out);
    print_access(t, out);
}
