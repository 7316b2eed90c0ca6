#include "scale/draw.h"

#include "core/error.h"
#include "core/options.h"
#include "core/text.h"
#include "topo/topo_command.h"

#include <jansson.h>
#include <string.h>

enum { SHOWN_NODES = 4, SHOWN_GPUS = 8 };

const char *const draw_formats[] = { "table", "dot", "json", NULL };

static const char *links_word(const struct cluster *c)
{
    return c->scaleup == SCALEUP_LINK ? "switched or meshed scale-up link" : c->scaleup == SCALEUP_PCIE ? "PCIe, peer access"
                                                                                             : "PCIe through host memory, no peer access";
}

static void fabric_words(const struct cluster *c, struct text *t)
{
    switch (c->fabric) {
    case FABRIC_FAT_TREE:
        text_add(t, "fat tree, %d nodes a leaf, uplinks 1/%g of the downlinks", c->nodes_per_leaf, c->oversubscription);
        break;
    case FABRIC_RAIL:
        text_add(t, "%d rails, a leaf for every rail of %d nodes, uplinks 1/%g of the downlinks", c->rails, c->nodes_per_leaf, c->oversubscription);
        break;
    case FABRIC_TORUS:
        text_add(t, "torus %d x %d x %d of nodes", c->torus[0], c->torus[1], c->torus[2]);
        break;
    case FABRIC_LINKS:
        text_add(t, "a tree of %d link%s, listed", c->ncables, c->ncables == 1 ? "" : "s");
        break;
    }
}

void draw_line(const struct cluster *c, FILE *out)
{
    fprintf(out, "%s: %d node%s of %d %s, %s %.4g of %.4g GB/s a GPU", c->name, c->nodes, c->nodes == 1 ? "" : "s", c->per_node, c->gpu_name,
            c->link_name[0] != '\0' ? c->link_name : "no link", c->link_Bps / 1e9, c->link_nominal_Bps / 1e9);
    if (c->scaleup != SCALEUP_LINK && gpu_has_link(c->gpu))
        fprintf(out, " (%s joins no more than %.0f)", c->gpu->link, c->gpu->max_gpus.value);
    if (c->nodes > 1) {
        struct text t = {0};
        fabric_words(c, &t);
        fprintf(out, "; %d x %s (%.4g of %.4g GB/s) a node, %s", c->rails, c->nic_name, c->nic_Bps / 1e9, c->nic_nominal_Bps / 1e9, t.chars);
        text_free(&t);
    }
    fprintf(out, "\n");
}

/* --- text --- */

static void draw_gpus(const struct cluster *c, FILE *out)
{
    const int shown = c->per_node < SHOWN_GPUS ? c->per_node : SHOWN_GPUS;
    fprintf(out, "      ");
    for (int g = 0; g < shown; g++)
        fprintf(out, " GPU%-2d", g);
    fprintf(out, "%s\n      ", shown < c->per_node ? " ..." : "");
    for (int g = 0; g < shown; g++)
        fprintf(out, "   |  ");
    fprintf(out, "\n      =");
    for (int g = 0; g < shown; g++)
        fprintf(out, "======");
    fprintf(out, " %s: %.4g GB/s a GPU and direction (nominal %.4g), %.3g us a message\n", c->link_name, c->link_Bps / 1e9,
            c->link_nominal_Bps / 1e9, c->link_latency.bulk_hop_s * 1e6);
    fprintf(out, "       %s", links_word(c));
    if (c->peer_Bps > 0)
        fprintf(out, ", %.4g GB/s to one peer", c->peer_Bps / 1e9);
    fprintf(out, "\n");
}

static void draw_network(const struct cluster *c, FILE *out)
{
    struct text t = {0};
    fabric_words(c, &t);
    const int shown = c->nodes < SHOWN_NODES ? c->nodes : SHOWN_NODES;
    fprintf(out, "\n   %s\n     ", t.chars);
    for (int n = 0; n < shown; n++)
        fprintf(out, "   /-----\\  ");
    fprintf(out, "\n     ");
    for (int n = 0; n < shown; n++)
        fprintf(out, "  node %-4d ", n);
    fprintf(out, "%s\n", shown < c->nodes ? "..." : "");
    fprintf(out, "   each node: %d x %s, %.4g GB/s a card and direction (nominal %.4g), %.3g us a message\n", c->rails, c->nic_name,
            c->nic_Bps / 1e9, c->nic_nominal_Bps / 1e9, c->nic_latency.bulk_hop_s * 1e6);
    text_free(&t);
}

static void draw_faults(const struct cluster *c, FILE *out)
{
    for (int i = 0; i < c->nslow; i++)
        fprintf(out, "   %s %d at %g of the usual rate\n", c->slow[i].node ? "node" : "GPU", c->slow[i].index, c->slow[i].share);
    for (int i = 0; i < c->ncables; i++)
        fprintf(out, "   %s --- %s  %.4g GB/s\n", c->cables[i].ends[0], c->cables[i].ends[1], c->cables[i].Bps / 1e9);
}

static void draw_text(const struct cluster *c, FILE *out)
{
    fprintf(out, "%s: %d x %s in %d node%s%s\n\n   a node\n", c->name, cluster_gpus(c), c->gpu_name, c->nodes, c->nodes == 1 ? "" : "s",
            c->weak ? " (a figure rests on one doubtful source)" : "");
    draw_gpus(c, out);
    if (c->nodes > 1)
        draw_network(c, out);
    draw_faults(c, out);
}

/* --- dot --- */

static void dot_node(const struct cluster *c, int n, FILE *out)
{
    fprintf(out, "  subgraph cluster_%d { label=\"node %d\";\n", n, n);
    for (int g = 0; g < c->per_node && g < SHOWN_GPUS; g++)
        fprintf(out, "    n%dg%d [label=\"GPU %d\"]; n%dg%d -- n%dlink [label=\"%.4g\"];\n", n, g, g, n, g, n, c->link_Bps / 1e9);
    fprintf(out, "    n%dlink [label=\"%s\", shape=ellipse]; }\n", n, c->link_name);
    if (c->nodes > 1 && c->fabric == FABRIC_LINKS)
        fprintf(out, "  n%dlink -- node%d [label=\"%d x %.4g\"];\n", n, n, c->rails, c->nic_Bps / 1e9);
    else if (c->nodes > 1)
        fprintf(out, "  n%dlink -- fabric [label=\"%d x %.4g\"];\n", n, c->rails, c->nic_Bps / 1e9);
}

static void draw_dot(const struct cluster *c, FILE *out)
{
    struct text t = {0};
    fabric_words(c, &t);
    fprintf(out, "graph \"%s\" {\n  label=\"%d x %s; GB/s, one direction\"; node [shape=box];\n", c->name, cluster_gpus(c), c->gpu_name);
    if (c->nodes > 1 && c->fabric != FABRIC_LINKS)
        fprintf(out, "  fabric [label=\"%s\", shape=ellipse];\n", t.chars);
    for (int i = 0; i < c->ncables; i++)
        fprintf(out, "  \"%s\" -- \"%s\" [label=\"%.4g\"];\n", c->cables[i].ends[0], c->cables[i].ends[1], c->cables[i].Bps / 1e9);
    for (int n = 0; n < c->nodes && n < SHOWN_NODES; n++)
        dot_node(c, n, out);
    if (c->nodes > SHOWN_NODES)
        fprintf(out, "  more [label=\"%d more nodes\", shape=plaintext];\n", c->nodes - SHOWN_NODES);
    fprintf(out, "}\n");
    text_free(&t);
}

/* --- JSON --- */

static void draw_json(const struct cluster *c, FILE *out)
{
    json_t *cables = json_array(), *slow = json_array();
    for (int i = 0; i < c->ncables; i++)
        json_array_append_new(cables, json_pack("{ss,ss,sf}", "a", c->cables[i].ends[0], "b", c->cables[i].ends[1], "GBps", c->cables[i].Bps / 1e9));
    for (int i = 0; i < c->nslow; i++)
        json_array_append_new(slow, json_pack("{ss,si,sf}", "what", c->slow[i].node ? "node" : "gpu", "index", c->slow[i].index, "share", c->slow[i].share));
    json_t *all = json_pack("{si,ss,ss,ss,si,si,ss,sf,sf,sf,ss,si,sf,sf,sf,ss,si,sf,s[iii],so,so}", "schema", 1, "kind", "cluster", "name", c->name,
                            "gpu", c->gpu_name, "per_node", c->per_node, "nodes", c->nodes, "link", c->link_name, "link_GBps", c->link_Bps / 1e9,
                            "link_nominal_GBps", c->link_nominal_Bps / 1e9, "link_us", c->link_latency.bulk_hop_s * 1e6, "nic", c->nic_name, "rails",
                            c->rails, "nic_GBps", c->nic_Bps / 1e9, "nic_nominal_GBps", c->nic_nominal_Bps / 1e9, "nic_us",
                            c->nic_latency.bulk_hop_s * 1e6, "fabric", cluster_fabric_names[c->fabric], "nodes_per_leaf", c->nodes_per_leaf,
                            "oversubscription", c->oversubscription, "torus", c->torus[0], c->torus[1], c->torus[2], "links", cables, "slow", slow);
    json_dumpf(all, out, JSON_INDENT(1));
    fprintf(out, "\n");
    json_decref(all);
}

int draw_cluster(const struct cluster *c, const char *format, FILE *out)
{
    if (strcmp(format, "dot") == 0)
        draw_dot(c, out);
    else if (strcmp(format, "json") == 0)
        draw_json(c, out);
    else
        draw_text(c, out);
    return RB_OK;
}

/* --- ringbench topo --- */

struct topo_settings {
    const char *cluster, *format, *catalogue;
};

#define AT(field) OPTION_AT(topo_settings, field)
static const struct option_row rows[] = {
    { 0, "cluster", NULL, OPTION_TEXT, AT(cluster), "8xH800, 128x8xH100 (nodes x GPUs x model), a preset or a file", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, AT(format), "how to print", draw_formats, 0, 0 },
    { 0, "catalogue", NULL, OPTION_TEXT, AT(catalogue), "GPU, card or PCIe files over the shipped ones", NULL, 0, 0 },
};
static const struct option_table table = { "ringbench topo --cluster C [options]", "A cluster that need not exist.", rows, RB_LEN(rows) };

static int topo_cluster(int argc, char **argv)
{
    struct topo_settings s = {0};
    struct catalogue catalogue;
    struct links links = {0};
    struct cluster c = {0};
    bool help;
    RB_TRY(options_parse(&table, &s, argc, argv, NULL, 0, NULL, &help));
    if (help) {
        options_help(&table, stdout);
        return RB_OK;
    }
    RB_TRY(catalogue_load(&catalogue, s.catalogue));
    int rc = links_load(&links);
    if (rc == RB_OK)
        rc = cluster_load(&c, s.cluster, &catalogue, &links);
    if (rc == RB_OK)
        rc = draw_cluster(&c, s.format, stdout);
    cluster_free(&c);
    links_free(&links);
    catalogue_free(&catalogue);
    return rc;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int draw_topo_command(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--cluster", 9) == 0)
            return topo_cluster(argc, argv);
    RB_TRY(topo_command(argc, argv));
    if (asks_for_help(argc, argv)) {
        printf("\n");
        options_help(&table, stdout);
    }
    return RB_OK;
}
