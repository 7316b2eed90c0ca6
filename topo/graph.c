#include "topo/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_MAX = 16 };

struct ceiling ceiling_of(double GBps, enum ceiling_origin origin)
{
    if (!(GBps > 0) || !isfinite(GBps))
        return (struct ceiling){ NAN, CEILING_UNKNOWN };
    return (struct ceiling){ GBps, origin };
}

struct ceiling ceiling_lower(struct ceiling a, struct ceiling b)
{
    if (a.origin == CEILING_UNKNOWN)
        return b;
    if (b.origin == CEILING_UNKNOWN)
        return a;
    return b.GBps < a.GBps ? b : a;
}

static void name_device(struct topology_device *d)
{
    static const char *const formats[TOPO_KINDS] = {
        [TOPO_PACKAGE] = "package %d", [TOPO_NUMA] = "node %d", [TOPO_CACHE] = "cache %d", [TOPO_CORE] = "core %d",
        [TOPO_HOST_BRIDGE] = "host bridge %d", [TOPO_BRIDGE] = "bridge %d", [TOPO_GPU] = "GPU%d", [TOPO_NIC] = "NIC%d",
        [TOPO_NVSWITCH] = "NVSwitch%d",
    };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(d->name, sizeof d->name, formats[d->kind], d->number);
#pragma GCC diagnostic pop
}

int graph_add(struct topology *t, enum topo_kind kind, int parent)
{
    t->devices = rb_realloc(t->devices, (t->ndevices + 1) * sizeof *t->devices);
    struct topology_device *d = &t->devices[t->ndevices];
    memset(d, 0, sizeof *d);
    d->kind = kind;
    d->number = (int)topology_count(t, kind);
    d->os_index = -1;
    d->parent = parent;
    d->numa = -1;
    d->package = parent >= 0 ? graph_above(t, parent, TOPO_PACKAGE) : -1;
    d->uplink = d->rate = ceiling_of(0, CEILING_UNKNOWN);
    name_device(d);
    return (int)t->ndevices++;
}

struct topology_device *graph_device(struct topology *t, int index)
{
    return &t->devices[index];
}

void graph_add_nvlink(struct topology *t, const struct topology_nvlink *link)
{
    t->nvlinks = rb_realloc(t->nvlinks, (t->nnvlinks + 1) * sizeof *t->nvlinks);
    t->nvlinks[t->nnvlinks++] = *link;
}

int graph_above(const struct topology *t, int index, enum topo_kind kind)
{
    while (index >= 0 && t->devices[index].kind != kind)
        index = t->devices[index].parent;
    return index;
}

static void add_ends(struct topology *t, enum topo_kind kind, int cache_level)
{
    for (size_t i = 0; i < t->ndevices; i++) {
        const struct topology_device *d = &t->devices[i];
        if (d->kind == kind && (kind != TOPO_CACHE || d->cache_level == cache_level) && (kind < TOPO_HOST_BRIDGE ? d->cores > 0 : true))
            t->ends[t->nends++] = (int)i;
    }
}

static size_t count_level(const struct topology *t, int level)
{
    size_t n = 0;
    for (size_t i = 0; i < t->ndevices; i++)
        n += t->devices[i].kind == TOPO_CACHE && t->devices[i].cache_level == level;
    return n;
}

static void add_core_groups(struct topology *t)
{
    const size_t l3 = count_level(t, 3), l2 = count_level(t, 2), nodes = topology_count(t, TOPO_NUMA);
    const size_t cores = topology_count(t, TOPO_CORE);
    if (cores <= GROUPS_MAX)
        add_ends(t, TOPO_CORE, 0);
    else if (l2 > 0 && l2 < cores && l2 <= GROUPS_MAX)
        add_ends(t, TOPO_CACHE, 2);
    else if (l3 > 0 && l3 <= GROUPS_MAX)
        add_ends(t, TOPO_CACHE, 3);
    else if (nodes > 0 && nodes <= GROUPS_MAX)
        add_ends(t, TOPO_NUMA, 0);
    else
        add_ends(t, TOPO_PACKAGE, 0);
}

void graph_finish(struct topology *t)
{
    free(t->ends);
    t->ends = rb_calloc(t->ndevices, sizeof *t->ends);
    t->nends = 0;
    add_ends(t, TOPO_GPU, 0);
    add_ends(t, TOPO_NIC, 0);
    add_core_groups(t);
}
