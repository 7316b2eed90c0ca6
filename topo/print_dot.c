#include "topo/print.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct style {
    const char *shape, *fill;
};

static const struct style styles[TOPO_KINDS] = {
    [TOPO_PACKAGE] = { "box", "#e8e8e8" },     [TOPO_NUMA] = { "box", "#f6e3b4" },   [TOPO_CACHE] = { "box", "#ffffff" },
    [TOPO_CORE] = { "box", "#ffffff" },        [TOPO_HOST_BRIDGE] = { "oval", "#dcdcf5" }, [TOPO_BRIDGE] = { "oval", "#ececfb" },
    [TOPO_GPU] = { "box", "#bfe3b4" },         [TOPO_NIC] = { "box", "#b4d6ee" },
};

static void quoted(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static const struct topology_device *device(const struct topology *t, int index)
{
    return topology_device(t, (size_t)index);
}

static size_t count_children(const struct topology *t, int parent)
{
    size_t n = 0;
    for (size_t i = 0; i < topology_device_count(t); i++)
        n += topology_device(t, i)->parent == parent;
    return n;
}

/* Bridges with one device behind them only lengthen the line. Caches and cores are told in the node's label. */
static bool is_drawn(const struct topology *t, int index)
{
    const enum topo_kind kind = device(t, index)->kind;
    if (kind == TOPO_HOST_BRIDGE || kind == TOPO_BRIDGE)
        return count_children(t, index) > 1;
    return kind == TOPO_NUMA || kind == TOPO_GPU || kind == TOPO_NIC ||
           (kind == TOPO_PACKAGE && topology_count(t, TOPO_NUMA) == 0);
}

/* "L3 2 x 64 MiB" of the caches inside a node. */
static void add_caches(const struct topology *t, int node, struct text *label)
{
    for (int level = 3; level >= 2; level--) {
        size_t n = 0;
        uint64_t bytes = 0;
        for (size_t i = 0; i < topology_device_count(t); i++) {
            const struct topology_device *d = topology_device(t, i);
            if (d->kind == TOPO_CACHE && d->cache_level == level && d->numa == node) {
                n++;
                bytes = d->bytes;
            }
        }
        char size[UNITS_TEXT];
        if (n > 0)
            text_add(label, "\n%zu x L%d of %s", n, level, units_bytes(size, bytes));
    }
}

/* "mlx5_0 (ConnectX-7)" on two lines, to be narrow. */
static void add_detail(const struct topology_device *d, struct text *label)
{
    const char *model = d->kind == TOPO_NIC ? strstr(d->detail, " (") : NULL;
    if (model == NULL)
        text_add(label, "\n%s", d->detail);
    else
        text_add(label, "\n%.*s\n%.*s", (int)(model - d->detail), d->detail, (int)strlen(model) - 3, model + 2);
}

static void add_label(const struct topology *t, int index, struct text *label)
{
    const struct topology_device *d = device(t, index);
    char size[UNITS_TEXT];
    text_add(label, "%s", d->name);
    if (d->kind == TOPO_NUMA && d->bytes > 0)
        text_add(label, ", %s", units_bytes(size, d->bytes));
    if (d->kind <= TOPO_NUMA && d->cores > 0)
        text_add(label, "\n%d core%s", d->cores, d->cores > 1 ? "s" : "");
    if (d->kind <= TOPO_NUMA && d->cpus[0] != '\0')
        text_add(label, "%scpu %s", d->cores > 0 ? ", " : "\n", d->cpus);
    if (d->kind == TOPO_NUMA)
        add_caches(t, index, label);
    if (d->detail[0] != '\0')
        add_detail(d, label);
    if (d->rate.origin != CEILING_UNKNOWN)
        text_add(label, "\nwire %.4g GB/s (%s)", d->rate.GBps, ceiling_origin_name(d->rate.origin));
}

static void print_node(const struct topology *t, int index, const char *indent, FILE *out)
{
    const struct style *style = &styles[device(t, index)->kind];
    struct text label = { 0 };
    add_label(t, index, &label);
    fprintf(out, "%sd%d [shape=%s, fillcolor=\"%s\", label=\"", indent, index, style->shape, style->fill);
    quoted(out, label.chars);
    fprintf(out, "\"];\n");
    text_free(&label);
}

/* A cluster for each package, or, where the source tells none, for each NUMA node. */
static void print_clusters(const struct topology *t, FILE *out)
{
    const bool packages = topology_count(t, TOPO_PACKAGE) > 0;
    for (size_t c = 0; c < topology_device_count(t); c++) {
        const struct topology_device *cluster = topology_device(t, c);
        if (cluster->kind != (packages ? TOPO_PACKAGE : TOPO_NUMA))
            continue;
        fprintf(out, "  subgraph cluster_%zu {\n    label=\"", c);
        quoted(out, cluster->name);
        fprintf(out, "%s", cluster->detail[0] != '\0' ? ": " : "");
        quoted(out, cluster->detail);
        fprintf(out, "\"; style=\"rounded,filled\"; fillcolor=\"#fafafa\"; color=\"#aaaaaa\";\n");
        for (size_t i = 0; i < topology_device_count(t); i++) {
            const struct topology_device *d = topology_device(t, i);
            if (is_drawn(t, (int)i) && (packages ? d->package : d->numa) == (int)c)
                print_node(t, (int)i, "    ", out);
        }
        fprintf(out, "  }\n");
    }
}

static void print_others(const struct topology *t, FILE *out)
{
    const bool packages = topology_count(t, TOPO_PACKAGE) > 0;
    for (size_t i = 0; i < topology_device_count(t); i++) {
        const struct topology_device *d = topology_device(t, i);
        if (is_drawn(t, (int)i) && (packages ? d->package : d->numa) < 0)
            print_node(t, (int)i, "  ", out);
    }
}

/* The tree: an edge to the next one drawn above, with the slowest link between. */
static void print_tree_edge(const struct topology *t, int index, FILE *out)
{
    double slowest = INFINITY;
    int at = index;
    do {
        if (device(t, at)->uplink.origin != CEILING_UNKNOWN)
            slowest = fmin(slowest, device(t, at)->uplink.GBps);
        at = device(t, at)->parent;
    } while (at >= 0 && !is_drawn(t, at));
    if (at < 0)
        at = device(t, index)->numa; /* a text without a tree tells only what it is near */
    if (at < 0 || at == index)
        return;
    fprintf(out, "  d%d -- d%d", at, index);
    if (isfinite(slowest))
        fprintf(out, " [label=\"%.4g\"]", slowest);
    fprintf(out, ";\n");
}

/* The number of NVLinks that every two GPUs have, if it is the same for at least four GPUs; else 0. */
static int all_to_all(const struct topology *t)
{
    for (size_t i = 0; i < topology_nvlink_count(t); i++)
        if (device(t, topology_nvlink(t, i)->b)->kind == TOPO_GPU)
            return 0; /* a mesh of cables: each is drawn */
    const int n = (int)topology_count(t, TOPO_GPU);
    int count = n >= 4 ? -1 : 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            const int links = topology_path(t, topology_find(t, TOPO_GPU, i), topology_find(t, TOPO_GPU, j)).nvlinks;
            count = count == -1 || count == links ? links : 0;
        }
    return count;
}

static void print_hub(const struct topology *t, int links, FILE *out)
{
    fprintf(out, "  hub [shape=hexagon, fillcolor=\"#dff2d8\", label=\"NVLink, all to all\"];\n");
    const struct topology_path p = topology_path(t, topology_find(t, TOPO_GPU, 0), topology_find(t, TOPO_GPU, 1));
    for (size_t i = 0; i < topology_count(t, TOPO_GPU); i++)
        fprintf(out, "  d%d -- hub [color=\"#3c8d2f\", penwidth=2, fontcolor=\"#3c8d2f\", label=\"NV%d %.4g\"];\n",
                topology_find(t, TOPO_GPU, (int)i), links, p.ceiling.GBps);
}

/* Links that the tree does not show: NVLinks, and, from a text without a tree, what hangs on one switch. */
static void print_pair(const struct topology *t, int a, int b, FILE *out)
{
    char word[PATH_WORD];
    const struct topology_path p = topology_path(t, a, b);
    const bool switched = device(t, a)->parent < 0 && (p.class == PATH_PIX || p.class == PATH_PXB);
    if (p.class == PATH_NV)
        fprintf(out, "  d%d -- d%d [color=\"#3c8d2f\", fontcolor=\"#3c8d2f\", penwidth=2, constraint=false, label=\"%s %.4g\"];\n", a, b,
                topology_path_word(t, a, b, word), p.ceiling.GBps);
    else if (switched)
        fprintf(out, "  d%d -- d%d [label=\"%s\"%s];\n", a, b, topology_path_word(t, a, b, word),
                device(t, a)->kind == device(t, b)->kind ? ", constraint=false" : "");
}

static void print_pairs(const struct topology *t, FILE *out)
{
    const int links = all_to_all(t);
    if (links > 0)
        print_hub(t, links, out);
    for (size_t i = 0; i < topology_end_count(t); i++)
        for (size_t j = i + 1; j < topology_end_count(t); j++) {
            const int a = topology_end(t, i), b = topology_end(t, j);
            const bool in_hub = links > 0 && device(t, a)->kind == TOPO_GPU && device(t, b)->kind == TOPO_GPU;
            if (!in_hub)
                print_pair(t, a, b, out);
        }
}

/* Between packages (or bare NUMA nodes) data cross the SMP interconnect. */
static void print_interconnect(const struct topology *t, FILE *out)
{
    for (int k = 1; k < (int)topology_count(t, TOPO_NUMA); k++)
        fprintf(out, "  d%d -- d%d [style=dashed, color=\"#888888\", constraint=false];\n", topology_find(t, TOPO_NUMA, k - 1),
                topology_find(t, TOPO_NUMA, k));
}

static void print_ring(const struct topology *t, FILE *out)
{
    struct topology_ring ring;
    topology_ring(t, &ring);
    for (size_t k = 0; k < ring.n && ring.n > 2; k++) {
        const int a = ring.order[k], b = ring.order[(k + 1) % ring.n];
        if (is_drawn(t, a) && is_drawn(t, b))
            fprintf(out, "  d%d -- d%d [color=\"#d04a3a\", style=dotted, dir=forward, constraint=false];\n", a, b);
    }
    topology_ring_free(&ring);
}

static int print_dot(const struct topology *t, int nranks, FILE *out)
{
    (void)nranks;
    char *summary = topology_summary(t);
    fprintf(out, "graph topology {\n  label=\"");
    quoted(out, summary);
    fprintf(out, "\\nnumbers on lines: GB/s in one direction; red dots: ring order\";\n"
                 "  labelloc=t; fontname=\"sans-serif\"; nodesep=0.25; ranksep=0.7;\n"
                 "  node [fontname=\"sans-serif\", fontsize=11, style=filled, color=\"#666666\"];\n"
                 "  edge [fontname=\"sans-serif\", fontsize=10, color=\"#666666\"];\n");
    free(summary);
    if (topology_count(t, TOPO_NUMA) + topology_count(t, TOPO_PACKAGE) == 0)
        fprintf(out, "  layout=circo; mindist=1.5;\n"); /* nothing is above anything */
    print_clusters(t, out);
    print_others(t, out);
    for (size_t i = 0; i < topology_device_count(t); i++)
        if (is_drawn(t, (int)i))
            print_tree_edge(t, (int)i, out);
    print_interconnect(t, out);
    print_pairs(t, out);
    print_ring(t, out);
    fprintf(out, "}\n");
    return RB_OK;
}

const struct topology_format format_dot = { "dot", print_dot };
