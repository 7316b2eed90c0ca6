/* The driver's GPUs and NVLinks into the graph: each GPU at its PCI address. */
#include "topo/graph.h"

#include "core/error.h"
#include "topo/catalogue.h"
#include "topo/nvml_ask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int topology_find_gpu(const struct topology *t, const char *bus)
{
    for (size_t i = 0; i < t->ndevices; i++)
        if (t->devices[i].kind == TOPO_GPU && nvml_same_bus(t->devices[i].bus, bus))
            return (int)i;
    return -1;
}

/* The lanes are agreed on once, so those of now count; the generation is lowered while the GPU is idle, so the best one counts. */
static struct ceiling pcie_ceiling(const struct nvml_gpu *g)
{
    const int width = g->now.width > 0 ? g->now.width : g->best.width;
    const int generation = g->best.generation > 0 ? g->best.generation : g->now.generation;
    return ceiling_of(nvml_pcie_GBps((struct nvml_pcie){ generation, width }), CEILING_QUERIED);
}

/* GPUs are called by the driver's numbers, as nvidia-smi calls them; those of others, or lost ones, come behind. */
static void name_gpus(struct topology *t)
{
    int others = t->nvml->count;
    for (size_t i = 0; i < t->ndevices; i++) {
        struct topology_device *d = &t->devices[i];
        if (d->kind == TOPO_GPU)
            snprintf(d->name, sizeof d->name, "GPU%d", d->os_index >= 0 ? d->os_index : others++);
    }
}

static void describe(struct topology_device *d, const struct nvml_gpu *g, int number)
{
    const struct ceiling pcie = pcie_ceiling(g);
    d->os_index = number;
    if (g->name[0] != '\0')
        snprintf(d->detail, sizeof d->detail, "%s", g->name);
    snprintf(d->bus, sizeof d->bus, "%s", g->bus);
    d->bytes = g->bytes;
    if (pcie.origin != CEILING_UNKNOWN)
        d->uplink = pcie;
}

/* What the driver knows and the tree of the machine does not (a container, a virtual machine) hangs nowhere. */
static void place_gpus(struct topology *t)
{
    for (int i = 0; i < t->nvml->count; i++) {
        const struct nvml_gpu *g = &t->nvml->gpus[i];
        if (g->trouble[0] != '\0')
            continue;
        int device = topology_find_gpu(t, g->bus);
        if (device < 0)
            device = graph_add(t, TOPO_GPU, -1);
        describe(graph_device(t, device), g, i);
    }
    name_gpus(t);
}

int topology_driver_gpu(const struct topology *t, int number)
{
    if (t->nvml == NULL || number < 0 || number >= t->nvml->count)
        return -1;
    return topology_find_gpu(t, t->nvml->gpus[number].bus);
}

/* Planning figures of a link by compute capability, github.com/NVIDIA/nccl src/graph/topo.h:18-26. */
static double effective_of(int sm)
{
    return sm >= 100 ? 40.1 : sm >= 90 ? 20.6 : sm == 86 ? 12 : sm >= 70 ? 20 : 18;
}

/* Links of one GPU that lead to a place: their number, and what they carry together. */
struct bundle {
    int count, version;
    double GBps; /* 0: the driver tells no speed */
};

static void add_to(struct bundle *b, const struct nvml_link *l)
{
    b->count++;
    b->version = l->version;
    b->GBps += nvml_link_GBps(l);
}

static struct bundle bundle_to(const struct nvml_report *r, int gpu, enum nvml_end end, int peer)
{
    struct bundle b = { 0, 0, 0 };
    const struct nvml_gpu *g = &r->gpus[gpu];
    for (int l = 0; l < g->nlinks; l++)
        if (nvml_link_is_usable(g, l) && g->links[l].end == end && g->links[l].peer == peer)
            add_to(&b, &g->links[l]);
    return b;
}

static void add_bundle(struct topology *t, int gpu, int far_end, const struct bundle *b)
{
    const struct nvml_gpu *g = &t->nvml->gpus[gpu];
    struct topology_nvlink link = { topology_driver_gpu(t, gpu), far_end, b->count, ceiling_of(b->GBps, CEILING_QUERIED), NAN,
                                    nvml_link_generation(b->version) };
    struct ceiling nominal;
    graph_nvlink_figures(g->name, b->count, &nominal, &link.effective_GBps);
    if (link.nominal.origin == CEILING_UNKNOWN)
        link.nominal = nominal;
    if (nominal.origin == CEILING_ASSUMED && g->sm > 0)
        link.effective_GBps = fmin(effective_of(g->sm) * b->count, link.nominal.GBps);
    graph_add_nvlink(t, &link);
}

static bool seen_before(const struct nvml_gpu *g, int link)
{
    for (int l = 0; l < link; l++)
        if (strcmp(g->links[l].bus, g->links[link].bus) == 0)
            return true;
    return false;
}

/* That the first GPU with links reaches: every GPU reaches all of them. 0: their addresses are not told. */
static int count_switches(const struct nvml_report *r)
{
    int n = 0;
    for (int i = 0; n == 0 && i < r->count; i++)
        for (int l = 0; l < r->gpus[i].nlinks; l++) {
            const struct nvml_link *link = &r->gpus[i].links[l];
            n += link->end == NVML_END_SWITCH && link->bus[0] != '\0' && !seen_before(&r->gpus[i], l);
        }
    return n;
}

static int switch_device(struct topology *t)
{
    int device = topology_find(t, TOPO_NVSWITCH, 0);
    if (device < 0)
        device = graph_add(t, TOPO_NVSWITCH, -1);
    struct topology_device *d = graph_device(t, device);
    const int n = count_switches(t->nvml);
    if (n > 0)
        snprintf(d->detail, sizeof d->detail, "%d NVSwitch%s, as one", n, n > 1 ? "es" : "");
    else if (d->detail[0] == '\0')
        snprintf(d->detail, sizeof d->detail, "all NVSwitches as one");
    return device;
}

/* A cable has two ends: what only one of the GPUs counts is not up. */
static void join_pair(struct topology *t, int a, int b)
{
    struct bundle from_a = bundle_to(t->nvml, a, NVML_END_GPU, b), from_b = bundle_to(t->nvml, b, NVML_END_GPU, a);
    if (from_a.count > 0 && from_b.count > 0)
        add_bundle(t, a, topology_driver_gpu(t, b), from_a.count <= from_b.count ? &from_a : &from_b);
}

static bool tells_links(const struct nvml_report *r)
{
    for (int i = 0; i < r->count; i++)
        if (r->gpus[i].nlinks > 0)
            return true;
    return false;
}

/* The driver's word replaces what hwloc found, where it has one. */
static void join_links(struct topology *t)
{
    const struct nvml_report *r = t->nvml;
    if (!tells_links(r))
        return;
    t->nnvlinks = 0;
    for (int a = 0; a < r->count; a++) {
        const struct bundle b = bundle_to(r, a, NVML_END_SWITCH, -1);
        if (b.count > 0)
            add_bundle(t, a, switch_device(t), &b);
        for (int other = a + 1; other < r->count; other++)
            join_pair(t, a, other);
    }
}

/* By the name of the vendor, or the number where no name is known. */
static bool has_nvidia_gpu(const struct topology *t)
{
    for (size_t i = 0; i < t->ndevices; i++)
        if (t->devices[i].kind == TOPO_GPU && (strstr(t->devices[i].detail, "NVIDIA") != NULL || strstr(t->devices[i].detail, "10de:") != NULL))
            return true;
    return false;
}

void probe_nvml(struct topology *t)
{
    struct nvml *n = nvml_open(t->nvml_library, t->nvml_why);
    if (n == NULL) {
        if (t->nvml_library == NULL && has_nvidia_gpu(t))
            rb_warn("GPU driver: %s; not known: NVLinks, peer access, PCIe of GPUs under load", t->nvml_why);
        return;
    }
    t->nvml = nvml_read(n);
    nvml_close(n);
    if (t->nvml->count == 0)
        snprintf(t->nvml_why, sizeof t->nvml_why, "the driver has no GPU");
    place_gpus(t);
    join_links(t);
    graph_finish(t);
}

static const struct nvml_pair *pair_of(const struct topology *t, int a, int b)
{
    const struct topology_device *da = &t->devices[a], *db = &t->devices[b];
    if (t->nvml == NULL || da->kind != TOPO_GPU || db->kind != TOPO_GPU || da->os_index < 0 || db->os_index < 0 || a == b)
        return NULL;
    return nvml_pair(t->nvml, da->os_index, db->os_index);
}

enum peer_access topology_peer(const struct topology *t, int a, int b)
{
    const struct nvml_pair *p = pair_of(t, a, b);
    if (p == NULL || p->p2p[NVML_P2P_READ] < 0 || p->p2p[NVML_P2P_WRITE] < 0)
        return PEER_UNKNOWN;
    return p->p2p[NVML_P2P_READ] == NVML_P2P_OK && p->p2p[NVML_P2P_WRITE] == NVML_P2P_OK ? PEER_DIRECT : PEER_NONE;
}

/* nvmlGpuTopologyLevel_t in nvidia-smi's words; two GPUs of one board count as behind one switch. */
bool graph_told_class(const struct topology *t, int a, int b, enum path_class *class_p)
{
    static const enum path_class classes[] = { PATH_PIX, PATH_PIX, PATH_PXB, PATH_PHB, PATH_NODE, PATH_SYS };
    const struct nvml_pair *p = pair_of(t, a, b);
    if (p == NULL || p->ancestor < 0 || p->ancestor / 10 >= (int)RB_LEN(classes))
        return false;
    *class_p = classes[p->ancestor / 10];
    return true;
}

struct ceiling graph_board_link(const struct topology *t, int device)
{
    const struct topology_device *d = &t->devices[device];
    if (t->nvml == NULL || d->kind != TOPO_GPU || d->os_index < 0)
        return ceiling_of(0, CEILING_UNKNOWN);
    return ceiling_of(t->nvml->gpus[d->os_index].c2c_GBps, CEILING_QUERIED);
}

const struct nvml_report *topology_nvml(const struct topology *t)
{
    return t->nvml;
}

const char *topology_nvml_why(const struct topology *t)
{
    return t->nvml_why;
}
