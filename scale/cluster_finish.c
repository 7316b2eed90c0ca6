/* What a cluster file leaves open, from the catalogues; what cannot be, refused. */
#include "scale/cluster_file.h"

#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool blocks_p2p(const struct gpu *g)
{
    return strncmp(g->p2p, "no", 2) == 0;
}

static bool joins(const struct cluster *c)
{
    return isnan(c->gpu->max_gpus.value) || c->per_node <= (int)c->gpu->max_gpus.value;
}

/* The scale-up link joins all GPUs of the node, else they talk over PCIe. */
static bool linked(const struct cluster *c)
{
    return gpu_has_link(c->gpu) && joins(c);
}

/* Cards in slots have PCIe between bridges; boards with a link of their own are never more than it joins. */
static bool in_slots(const struct gpu *g)
{
    return strncmp(g->form_factor, "PCIe", 4) == 0;
}

static void set_latency(struct link_latency *l, const struct link_class *class)
{
    if (l->fast_share <= 0 && class != NULL)
        *l = class->latency;
}

static void use_link(struct cluster *c, const struct links *links)
{
    snprintf(c->link_name, sizeof c->link_name, "%.23s", c->gpu->link);
    c->link_name[strcspn(c->link_name, " ")] = '\0';
    const struct link_class *class = links_find(links, c->link_name);
    const double planned = gpu_effective_GBps(c->gpu) * 1e9;
    const struct link_class *pair = links_find(links, "pair");
    c->scaleup = SCALEUP_LINK;
    if (c->pair_share <= 0)
        c->pair_share = c->link_Bps > 0 || pair == NULL ? 1 : pair->fraction;
    c->link_nominal_Bps = c->gpu->unidir_GBps.value * 1e9;
    if (c->link_Bps <= 0)
        c->link_Bps = class != NULL ? class->fraction * c->link_nominal_Bps : isnan(planned) ? c->link_nominal_Bps : planned;
    const double peer = c->gpu->per_peer_GBps.value;
    if (!isnan(peer) && peer < c->gpu->unidir_GBps.value)
        c->peer_Bps = c->link_Bps * peer / c->gpu->unidir_GBps.value;
    set_latency(&c->link_latency, class != NULL ? class : links_find(links, "NVLink4"));
    c->weak = c->weak || c->gpu->unidir_GBps.weak;
}

static void use_pcie(struct cluster *c, const struct links *links)
{
    char generation[16];
    snprintf(generation, sizeof generation, "PCIe%.0f", c->gpu->pcie_gen.value);
    c->scaleup = blocks_p2p(c->gpu) ? SCALEUP_HOST : SCALEUP_PCIE;
    const struct link_class *class = links_find(links, c->scaleup == SCALEUP_HOST ? "PCIe host" : generation);
    snprintf(c->link_name, sizeof c->link_name, "%.15s%s", generation, c->scaleup == SCALEUP_HOST ? " host" : "");
    c->link_nominal_Bps = c->gpu->pcie_unidir_GBps.value * 1e9;
    if (c->link_Bps <= 0)
        c->link_Bps = (class != NULL ? class->fraction : 0.8) * c->link_nominal_Bps;
    set_latency(&c->link_latency, class != NULL ? class : links_find(links, "PCIe4"));
}

static bool own_link(const struct cluster *c)
{
    return cluster_given(c, "link_GBps");
}

/* A rate that the catalogue's link does not have is a link of one's own. */
static void name_own_link(struct cluster *c)
{
    if (!own_link(c) || c->link_Bps <= c->link_nominal_Bps)
        return;
    snprintf(c->link_name, sizeof c->link_name, "own link");
    c->link_nominal_Bps = c->link_Bps;
}

static void use_own_link(struct cluster *c, const struct links *links)
{
    c->scaleup = SCALEUP_LINK;
    c->pair_share = 1;
    c->link_nominal_Bps = 0;
    set_latency(&c->link_latency, links_find(links, "NVLink4"));
}

static int refuse_size(const struct cluster *c, const char *where)
{
    const int most = (int)c->gpu->max_gpus.value, gpus = cluster_gpus(c), name = (int)strcspn(c->gpu->link, " ");
    if (gpus % most == 0)
        return rb_fail(RB_EUSAGE, "%s: %.*s joins %d %s, not %d; take %d nodes of %d (like %dx%dx%s), or a file with link_GBps for a link of your own",
                       where, name, c->gpu->link, most, c->gpu_name, c->per_node, gpus / most, most, gpus / most, most, c->gpu_name);
    return rb_fail(RB_EUSAGE, "%s: %.*s joins %d %s, not %d; take nodes of at most %d, or a file with link_GBps for a link of your own", where, name,
                   c->gpu->link, most, c->gpu_name, c->per_node, most);
}

static int choose_link(struct cluster *c, const char *where, const struct links *links)
{
    const bool board = gpu_has_link(c->gpu) && !joins(c) && !in_slots(c->gpu);
    if (board && !own_link(c))
        return refuse_size(c, where);
    if (board)
        use_own_link(c, links);
    else if (linked(c))
        use_link(c, links);
    else if (!isnan(c->gpu->pcie_unidir_GBps.value))
        use_pcie(c, links);
    else if (c->per_node > 1)
        return rb_fail(RB_EUSAGE, "%s: the catalogue knows no link that joins %d %s", where, c->per_node, c->gpu_name);
    name_own_link(c);
    return RB_OK;
}

static void use_nic(struct cluster *c, const struct links *links)
{
    const struct link_class *class = links_find(links, "network");
    const double pcie = isnan(c->gpu->pcie_unidir_GBps.value) ? INFINITY : c->gpu->pcie_unidir_GBps.value * 1e9;
    if (c->nic_Bps <= 0)
        c->nic_Bps = fmin(c->nic_nominal_Bps, pcie) * (class != NULL ? class->fraction : 1);
    c->nic_Bps = fmin(c->nic_Bps, pcie);
    if (c->nic_nominal_Bps <= 0) {
        snprintf(c->nic_name, sizeof c->nic_name, "own card");
        c->nic_nominal_Bps = c->nic_Bps;
    }
    set_latency(&c->nic_latency, class);
}

static int check_torus(const struct cluster *c, const char *where)
{
    const int nodes = c->torus[0] * c->torus[1] * c->torus[2];
    if (nodes != c->nodes)
        return rb_fail(RB_EUSAGE, "%s: a torus of %dx%dx%d has %d nodes, not %d", where, c->torus[0], c->torus[1], c->torus[2], nodes, c->nodes);
    if (c->torus[0] + c->torus[1] + c->torus[2] > 2 * 30)
        return rb_fail(RB_EUSAGE, "%s: the sides of a torus may add up to 60", where);
    return RB_OK;
}

/* What only some fabrics have. */
static int check_parts(const struct cluster *c, const char *where)
{
    const bool leaves = c->fabric == FABRIC_FAT_TREE || c->fabric == FABRIC_RAIL;
    if (c->ncables > 0 && c->fabric != FABRIC_LINKS)
        return rb_fail(RB_EUSAGE, "%s:%d: link %s - %s needs fabric = links, not %s", where, c->cables[0].line, c->cables[0].ends[0],
                       c->cables[0].ends[1], cluster_fabric_names[c->fabric]);
    if (c->oversubscription > 1 && !leaves)
        return rb_fail(RB_EUSAGE, "%s: oversubscription is of leaf switches' uplinks (fat_tree, rail); fabric = %s has none", where,
                       cluster_fabric_names[c->fabric]);
    return RB_OK;
}

static int check_fabric(struct cluster *c, const char *where)
{
    RB_TRY(check_parts(c, where));
    if (c->fabric == FABRIC_TORUS && c->torus[0] == 0)
        c->torus[0] = c->nodes;
    for (int i = 0; i < 3; i++)
        c->torus[i] = c->torus[i] > 0 ? c->torus[i] : 1;
    c->nodes_per_leaf = c->nodes_per_leaf > 0 ? c->nodes_per_leaf : 32;
    c->oversubscription = c->oversubscription > 0 ? c->oversubscription : 1;
    if (c->nodes == 1)
        return RB_OK;
    if (c->fabric == FABRIC_TORUS)
        return check_torus(c, where);
    return c->fabric == FABRIC_LINKS ? cluster_check_cables(c, where) : RB_OK;
}

static int check_slow(const struct cluster *c, const char *where)
{
    for (int i = 0; i < c->nslow; i++) {
        const int most = c->slow[i].node ? c->nodes : cluster_gpus(c);
        if (c->slow[i].index < 0 || c->slow[i].index >= most)
            return rb_fail(RB_EUSAGE, "%s: slow %s %d: there are 0 to %d", where, c->slow[i].node ? "node" : "GPU", c->slow[i].index, most - 1);
    }
    return RB_OK;
}

int cluster_finish(struct cluster *c, const char *where, const struct links *links)
{
    if (c->gpu == NULL)
        return rb_fail(RB_EUSAGE, "%s: no GPU is named; add a line like gpu = H100", where);
    c->per_node = c->per_node > 0 ? c->per_node : 8;
    c->nodes = c->nodes > 0 ? c->nodes : 1;
    if ((double)c->per_node * c->nodes > CLUSTER_MOST_GPUS)
        return rb_fail(RB_EUSAGE, "%s: %d nodes of %d GPUs are more than the %d GPUs that can be simulated", where, c->nodes, c->per_node,
                       CLUSTER_MOST_GPUS);
    RB_TRY(choose_link(c, where, links));
    if (c->nodes > 1 && c->nic_nominal_Bps <= 0 && c->nic_Bps <= 0)
        return rb_fail(RB_EUSAGE, "%s: %d nodes need a card: nic = ... (ringbench limits --list shows them)", where, c->nodes);
    if (c->rails == 0 && (c->nic_nominal_Bps > 0 || c->nic_Bps > 0))
        c->rails = 1;
    if (c->rails > c->per_node)
        return rb_fail(RB_EUSAGE, "%s: %d rails are more than the %d GPUs of a node", where, c->rails, c->per_node);
    if (c->rails > 0)
        use_nic(c, links);
    RB_TRY(check_fabric(c, where));
    return check_slow(c, where);
}
