/* Path classes and ceilings, derived from the tree of devices. */
#include "topo/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *meaning;
} classes[PATH_CLASSES] = {
    [PATH_SELF] = { "X", "itself" },
    [PATH_NV] = { "NV#", "# NVLinks, directly or through NVSwitches" },
    [PATH_CACHE] = { "L#", "cores that share a cache of that level" },
    [PATH_PIX] = { "PIX", "at most one PCIe switch" },
    [PATH_PXB] = { "PXB", "several PCIe switches, no host bridge" },
    [PATH_PHB] = { "PHB", "a PCIe host bridge" },
    [PATH_NODE] = { "NODE", "within a NUMA node: between its host bridges, or between cores without a common cache" },
    [PATH_PKG] = { "PKG", "between cores of two NUMA nodes of one package" },
    [PATH_SYS] = { "SYS", "between NUMA nodes (GPUs, NICs) or packages (cores)" },
    [PATH_UNKNOWN] = { "?", "the source does not say" },
};

const char *path_class_name(enum path_class class)
{
    return classes[class].name;
}

const char *path_class_meaning(enum path_class class)
{
    return classes[class].meaning;
}

static bool is_io(const struct topology_device *d)
{
    return d->kind >= TOPO_HOST_BRIDGE;
}

static int common_ancestor(const struct topology *t, int a, int b)
{
    for (; a >= 0; a = t->devices[a].parent)
        for (int at = b; at >= 0; at = t->devices[at].parent)
            if (at == a)
                return a;
    return -1;
}

/* PCIe bridges strictly between a device and one above it. */
static int bridges_between(const struct topology *t, int device, int above)
{
    int n = 0;
    for (int at = t->devices[device].parent; at >= 0 && at != above; at = t->devices[at].parent)
        n += t->devices[at].kind == TOPO_BRIDGE;
    return n;
}

static bool same_node(const struct topology *t, int a, int b)
{
    if (topology_count(t, TOPO_NUMA) <= 1)
        return true;
    return t->devices[a].numa >= 0 && t->devices[a].numa == t->devices[b].numa;
}

/* A switch is its upstream port with a downstream port for each device. The upstream port is the common ancestor, so one
 * switch means at most one bridge below it on either side. */
static enum path_class class_of_devices(const struct topology *t, int a, int b, int common)
{
    enum path_class told;
    if (graph_told_class(t, a, b, &told))
        return told;
    if (common >= 0 && is_io(&t->devices[common])) {
        if (t->devices[common].kind == TOPO_HOST_BRIDGE)
            return PATH_PHB;
        return bridges_between(t, a, common) <= 1 && bridges_between(t, b, common) <= 1 ? PATH_PIX : PATH_PXB;
    }
    return same_node(t, a, b) ? PATH_NODE : PATH_SYS;
}

static enum path_class class_of_cores(const struct topology *t, int a, int b, int common)
{
    if (common >= 0 && graph_above(t, common, TOPO_CACHE) >= 0)
        return PATH_CACHE;
    if (same_node(t, a, b))
        return PATH_NODE;
    const int package = t->devices[a].package;
    return package >= 0 && package == t->devices[b].package ? PATH_PKG : PATH_SYS;
}

/* PCIe links from a device up to `above` (or to the root). */
static struct ceiling slowest_uplink(const struct topology *t, int device, int above)
{
    struct ceiling slowest = ceiling_of(0, CEILING_UNKNOWN);
    for (int at = device; at >= 0 && at != above; at = t->devices[at].parent)
        slowest = ceiling_lower(slowest, t->devices[at].uplink);
    return slowest;
}

/* Fewest links of the two towards a common NVSwitch, or those between them; NULL when there are none. */
static const struct topology_nvlink *find_nvlink(const struct topology *t, int a, int b)
{
    const struct topology_nvlink *to_switch[2] = { NULL, NULL };
    for (size_t i = 0; i < t->nnvlinks; i++) {
        const struct topology_nvlink *l = &t->nvlinks[i];
        if ((l->a == a && l->b == b) || (l->a == b && l->b == a))
            return l;
        if (t->devices[l->b].kind == TOPO_NVSWITCH && (l->a == a || l->a == b))
            to_switch[l->a == b] = l;
    }
    if (to_switch[0] == NULL || to_switch[1] == NULL)
        return NULL;
    return to_switch[0]->count <= to_switch[1]->count ? to_switch[0] : to_switch[1];
}

static struct topology_path path_of_nvlink(const struct topology_nvlink *l)
{
    return (struct topology_path){ PATH_NV, l->count, l->nominal, l->effective_GBps };
}

/* A text states classes; the devices' own PCIe links bound those that go over PCIe. */
static struct topology_path stated_path(const struct topology *t, int a, int b)
{
    struct topology_path path = t->stated[(size_t)a * t->ndevices + (size_t)b];
    if (path.class >= PATH_PIX && path.class <= PATH_SYS)
        path.ceiling = ceiling_lower(t->devices[a].uplink, t->devices[b].uplink);
    return path;
}

struct topology_path topology_path(const struct topology *t, int a, int b)
{
    const struct topology_device *da = &t->devices[a], *db = &t->devices[b];
    struct topology_path path = { PATH_SELF, 0, is_io(da) ? ceiling_of(0, CEILING_UNKNOWN) : t->memory, NAN };
    if (a == b)
        return path;
    const struct topology_nvlink *l = find_nvlink(t, a, b);
    if (l != NULL && topology_peer(t, a, b) != PEER_NONE) /* up, but refused: no fabric manager, say */
        return path_of_nvlink(l);
    if (t->stated != NULL && is_io(da) && is_io(db))
        return stated_path(t, a, b);

    const int common = common_ancestor(t, a, b);
    if (is_io(da) && is_io(db))
        path.class = class_of_devices(t, a, b, common);
    else if (is_io(da) || is_io(db))
        path.class = same_node(t, a, b) ? PATH_PHB : PATH_SYS;
    else
        path.class = class_of_cores(t, a, b, common);
    if (is_io(da) || is_io(db))
        path.ceiling = ceiling_lower(slowest_uplink(t, a, common), slowest_uplink(t, b, common));
    if (is_io(da) != is_io(db) && graph_board_link(t, is_io(da) ? a : b).origin != CEILING_UNKNOWN)
        path.ceiling = graph_board_link(t, is_io(da) ? a : b);
    return path;
}

const char *topology_path_word(const struct topology *t, int a, int b, char word[PATH_WORD])
{
    const struct topology_path path = topology_path(t, a, b);
    if (path.class == PATH_NV)
        snprintf(word, PATH_WORD, "NV%d", path.nvlinks);
    else if (path.class == PATH_CACHE)
        snprintf(word, PATH_WORD, "L%d", t->devices[graph_above(t, common_ancestor(t, a, b), TOPO_CACHE)].cache_level);
    else
        snprintf(word, PATH_WORD, "%s", path_class_name(path.class));
    return word;
}
