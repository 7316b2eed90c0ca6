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

static bool is_up(const struct nvml_link *l)
{
    return l->state == NVML_LINK_UP || l->state == NVML_LINK_SLEEPS;
}

static bool same_end(const struct nvml_link *a, const struct nvml_link *b)
{
    return a->end == b->end && (a->end != NVML_END_GPU || a->peer == b->peer);
}

/* ", 4 to GPU1": links that lead where link `first` does, unless an earlier one does. */
static void add_end(const struct nvml_gpu *g, int first, struct text *line)
{
    int count = 0;
    const struct nvml_link *l = &g->links[first];
    for (int i = 0; i < g->nlinks; i++) {
        const bool same = is_up(&g->links[i]) && same_end(&g->links[i], l);
        if (same && i < first)
            return;
        count += same;
    }
    text_add(line, ", %d to ", count);
    if (l->end == NVML_END_GPU && l->peer >= 0)
        text_add(line, "GPU%d", l->peer);
    else
        text_add(line, "%s", l->end == NVML_END_SWITCH ? "NVSwitches" : l->end == NVML_END_GPU ? "a GPU that is not here" : "a processor");
}

/* "18 x NVLink 4 of 25 GB/s (26.56 raw), 18 to NVSwitches"; the links of a GPU are alike. */
static void add_links(const struct nvml_gpu *g, struct text *line)
{
    const int up = nvml_links_up(g);
    int first = 0;
    while (first < g->nlinks && !is_up(&g->links[first]))
        first++;
    if (g->nlinks == 0)
        return;
    text_add(line, "%s%d x NVLink", line->length > 0 ? "; " : "", up);
    if (up == 0)
        return;
    const struct nvml_link *link = &g->links[first];
    const double generation = nvml_link_generation(link->version), GBps = nvml_link_GBps(link);
    if (generation > 0)
        text_add(line, " %.3g", generation);
    if (GBps > 0)
        text_add(line, " of %.4g GB/s", GBps);
    if (GBps > 0 && link->raw_GBps > GBps)
        text_add(line, " (%.5g raw)", link->raw_GBps);
    for (int l = first; l < g->nlinks; l++)
        if (is_up(&g->links[l]))
            add_end(g, l, line);
}

static void add_limits(const struct nvml_gpu *g, struct text *line)
{
    if (g->c2c_links > 0)
        text_add(line, "; %d x C2C, %.4g GB/s to its processor", g->c2c_links, g->c2c_GBps);
    if (g->cluster[0] != '\0')
        text_add(line, "; NVLink domain %.8s, clique %u", g->cluster, g->clique);
    if (g->sm > 0)
        text_add(line, "; sm_%d", g->sm);
    if (g->sm_clock_MHz > 0)
        text_add(line, ", at most %d MHz", g->sm_clock_MHz);
    if (g->power_W > 0)
        text_add(line, ", %.4g W", g->power_W);
    if (g->mig == 1)
        text_add(line, "; MIG, %d instance%s", g->nmig, g->nmig == 1 ? "" : "s");
}

static void print_gpu(const struct nvml_gpu *g, int number, FILE *out)
{
    char size[UNITS_TEXT];
    struct text line = { 0 };
    add_pcie(g, &line);
    add_links(g, &line);
    add_limits(g, &line);
    fprintf(out, "  GPU%-2d %s%s%s\n", number, g->trouble[0] != '\0' ? g->trouble : g->bus, line.length > 0 ? "  " : "",
            line.length > 0 ? line.chars : "");
    if (g->uuid[0] != '\0')
        fprintf(out, "        %s\n", g->uuid);
    for (int i = 0; i < g->nmig; i++)
        fprintf(out, "        %s  %s  %s\n", g->instances[i].name, units_bytes(size, g->instances[i].bytes), g->instances[i].uuid);
    text_free(&line);
}

static int status_of(const struct nvml_report *r, int pair, int kind)
{
    return r->pairs[pair].p2p[kind];
}

static bool is_diagonal(const struct nvml_report *r, int pair)
{
    return pair / r->count == pair % r->count;
}

/* Pair 1 is from the first GPU to the second. */
static bool all_alike(const struct nvml_report *r, int kind)
{
    for (int pair = 0; pair < r->count * r->count; pair++)
        if (!is_diagonal(r, pair) && status_of(r, pair, kind) != status_of(r, 1, kind))
            return false;
    return true;
}

static bool same_matrix(const struct nvml_report *r, int a, int b)
{
    for (int pair = 0; pair < r->count * r->count; pair++)
        if (!is_diagonal(r, pair) && status_of(r, pair, a) != status_of(r, pair, b))
            return false;
    return true;
}

static void print_legend(const struct nvml_report *r, int kind, FILE *out)
{
    for (int status = NVML_P2P_UNKNOWN; status < 8; status++)
        for (int pair = 0; pair < r->count * r->count; pair++)
            if (!is_diagonal(r, pair) && status_of(r, pair, kind) == status) {
                fprintf(out, "  %-5s %s\n", nvml_p2p_word(status), nvml_p2p_meaning(status));
                break;
            }
}

static void print_matrix(const struct nvml_report *r, int kind, FILE *out)
{
    fprintf(out, "  %5s", "");
    for (int b = 0; b < r->count; b++)
        fprintf(out, "  %s%d", b < 10 ? " GPU" : "GPU", b);
    fprintf(out, "\n");
    for (int a = 0; a < r->count; a++) {
        fprintf(out, "  GPU%-2d", a);
        for (int b = 0; b < r->count; b++)
            fprintf(out, "  %5s", a == b ? "X" : nvml_p2p_word(status_of(r, a * r->count + b, kind)));
        fprintf(out, "\n");
    }
    print_legend(r, kind, out);
}

/* What is the same for all pairs is a word, and the same matrix is printed once. */
static void print_access(const struct nvml_report *r, FILE *out)
{
    static const char *const kinds[] = { "read", "write", "NVLink", "atomics" };
    if (r->count < 2)
        return;
    fprintf(out, "\nPeer access between GPUs\n");
    for (int kind = 0; kind < NVML_P2P_KINDS; kind++) {
        bool done = false;
        for (int before = 0; before < kind; before++)
            done = done || same_matrix(r, before, kind);
        if (done)
            continue;
        fprintf(out, "  %s", kinds[kind]);
        for (int other = kind + 1; other < NVML_P2P_KINDS; other++)
            fprintf(out, "%s%s", same_matrix(r, kind, other) ? ", " : "", same_matrix(r, kind, other) ? kinds[other] : "");
        fprintf(out, ": %s\n", all_alike(r, kind) ? nvml_p2p_meaning(status_of(r, 1, kind)) : "by pair");
        if (!all_alike(r, kind))
            print_matrix(r, kind, out);
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
        print_gpu(&r->gpus[i], i, out);
    nvml_notes(t, print_note, out);
    print_access(r, out);
}
