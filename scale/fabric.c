#include "scale/fabric.h"

#include "core/error.h"
#include "core/text.h"
#include "scale/cluster_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- link numbers: GPUs out, in; cards out, in; leaves up, down; cables forth, back --- */

enum { WAY_OUT, WAY_IN };

static int gpu_link(const struct fabric *f, int gpu, int way)
{
    return way * f->gpus + gpu % f->gpus;
}

static int card_link(const struct fabric *f, int card, int way)
{
    return 2 * f->gpus + way * f->cards + card % f->cards;
}

static int leaf_link(const struct fabric *f, int leaf, int way)
{
    return 2 * (f->gpus + f->cards) + way * f->leaves + leaf % f->leaves;
}

static int cable_link(const struct fabric *f, int cable, int way)
{
    return 2 * (f->gpus + f->cards + f->leaves) + way * f->cables + cable % f->cables;
}

/* Links 0 .. memory-1 are the network; then a link a node for its GPUs' memory and arithmetic. */
static int memory_link(const struct fabric *f, int node)
{
    return 2 * (f->gpus + f->cards + f->leaves + f->cables) + node % f->nodes;
}

static void add(struct flow_path *p, int link)
{
    if (p->n < FLOW_LINKS)
        p->links[p->n++] = link;
}

static int card_of(const struct cluster *c, int gpu)
{
    return gpu / c->per_node * c->rails + gpu % c->per_node * c->rails / c->per_node;
}

static double hop(const struct link_latency *l, enum fabric_protocol p)
{
    return p == PROTOCOL_BULK ? l->bulk_hop_s : l->fast_hop_s;
}

/* --- between nodes --- */

static int leaf_count(const struct cluster *c)
{
    return (c->nodes + c->nodes_per_leaf - 1) / c->nodes_per_leaf;
}

static int leaf_of(const struct cluster *c, int gpu)
{
    const int node = gpu / c->per_node;
    return c->scattered ? node % leaf_count(c) : node / c->nodes_per_leaf;
}

static void over_fat_tree(const struct fabric *f, int from, int to, struct flow_path *p)
{
    const struct cluster *c = f->cluster;
    const int a = leaf_of(c, from), b = leaf_of(c, to);
    if (f->leaves == 0 || a == b)
        return;
    add(p, leaf_link(f, a, WAY_OUT));
    add(p, leaf_link(f, b, WAY_IN));
}

static void over_rails(const struct fabric *f, int from, int to, struct flow_path *p)
{
    const struct cluster *c = f->cluster;
    const int rail = card_of(c, to) % c->rails;
    const int a = leaf_of(c, from), b = leaf_of(c, to);
    if (f->leaves == 0 || a == b)
        return;
    add(p, leaf_link(f, a * c->rails + rail, WAY_OUT));
    add(p, leaf_link(f, b * c->rails + rail, WAY_IN));
}

/* Node n has the cables 3 n .. 3 n + 2, towards the next node of each dimension. */
static void over_torus(const struct fabric *f, int from, int to, struct flow_path *p)
{
    const struct cluster *c = f->cluster;
    int at = from / c->per_node;
    const int end = to / c->per_node;
    for (int d = 0, stride = 1; d < 3; stride *= c->torus[d], d++) {
        const int side = c->torus[d];
        const int ahead = ((end / stride - at / stride) % side + side) % side;
        const bool forth = ahead <= side - ahead;
        for (int left = forth ? ahead : side - ahead; left > 0; left--) {
            const int x = at / stride % side, next = at + ((x + (forth ? 1 : side - 1)) % side - x) * stride;
            add(p, cable_link(f, 3 * (forth ? at : next) + d, forth ? WAY_OUT : WAY_IN));
            at = next;
        }
    }
}

/* Up from both ends to where they meet. WAY_OUT: away from the root. */
static void over_cables(const struct fabric *f, int from, int to, struct flow_path *p)
{
    int a = from / f->cluster->per_node, b = to / f->cluster->per_node;
    while (a != b) {
        const bool first = f->depth[a] >= f->depth[b];
        const int low = first ? a : b;
        add(p, cable_link(f, f->up[low], first ? WAY_IN : WAY_OUT));
        *(first ? &a : &b) = f->above[low];
    }
}

static void (*const over[])(const struct fabric *, int, int, struct flow_path *) = {
    [FABRIC_FAT_TREE] = over_fat_tree, [FABRIC_RAIL] = over_rails, [FABRIC_TORUS] = over_torus, [FABRIC_LINKS] = over_cables,
};

/* --- routes --- */

static void route_inside(const struct fabric *f, int from, int to, struct flow_path *p)
{
    p->latency = hop(&f->cluster->link_latency, f->protocol);
    p->cap = f->cluster->peer_Bps * (f->protocol == PROTOCOL_FAST ? f->cluster->link_latency.fast_share : 1);
    add(p, gpu_link(f, from, WAY_OUT));
    add(p, gpu_link(f, to, WAY_IN));
}

/* On PCIe the card's bytes pass through the GPU's own port; with a scale-up link they have a slot of their own. */
static void route_outside(const struct fabric *f, int from, int to, struct flow_path *p)
{
    const struct cluster *c = f->cluster;
    const int rail = f->card[to] % c->rails;
    int sender = from;
    p->latency = hop(&c->nic_latency, f->protocol);
    if (c->scaleup != SCALEUP_LINK && c->per_node > 1)
        add(p, gpu_link(f, from, WAY_OUT));
    if (c->fabric == FABRIC_RAIL && f->card[from] % c->rails != rail) {
        sender = f->node[from] * c->per_node + to - f->node[to] * c->per_node;
        if (c->scaleup == SCALEUP_LINK) {
            add(p, gpu_link(f, from, WAY_OUT));
            add(p, gpu_link(f, sender, WAY_IN));
            p->latency += hop(&c->link_latency, f->protocol);
        }
    }
    add(p, card_link(f, f->card[sender], WAY_OUT));
    over[c->fabric](f, from, to, p);
    add(p, card_link(f, f->card[to], WAY_IN));
    if (c->scaleup != SCALEUP_LINK && c->per_node > 1)
        add(p, gpu_link(f, to, WAY_IN));
}

static void route(const void *context, int from, int to, struct flow_path *path)
{
    const struct fabric *f = context;
    path->n = 0;
    path->cap = 0;
    if (f->node[from] == f->node[to])
        route_inside(f, from, to, path);
    else
        route_outside(f, from, to, path);
}

static void work(const void *context, int rank, struct flow_path *path)
{
    const struct fabric *f = context;
    path->n = 0;
    path->cap = f->cluster->reduce_Bps;
    if (f->cluster->memory_Bps > 0)
        add(path, memory_link(f, rank / f->cluster->per_node));
}

/* --- making it --- */

static double slowed(const struct cluster *c, int gpu, double Bps)
{
    for (int i = 0; i < c->nslow; i++)
        if (c->slow[i].index == (c->slow[i].node ? gpu / c->per_node : gpu))
            Bps *= c->slow[i].share;
    return Bps;
}

static double slowed_card(const struct cluster *c, int card, double Bps)
{
    for (int i = 0; i < c->nslow; i++)
        if (c->slow[i].node ? c->slow[i].index == card / c->rails : card_of(c, c->slow[i].index) == card)
            Bps *= c->slow[i].share;
    return Bps;
}

static void set_both(struct fabric *f, int (*link)(const struct fabric *, int, int), int i, double Bps)
{
    f->rates[link(f, i, WAY_OUT)] = f->rates[link(f, i, WAY_IN)] = Bps;
}

static void set_rates(struct fabric *f)
{
    const struct cluster *c = f->cluster;
    const bool fast = f->protocol == PROTOCOL_FAST;
    const double alone = f->nranks == 2 && c->scaleup == SCALEUP_LINK ? c->pair_share : 1;
    const double link = alone * c->link_Bps * (fast ? c->link_latency.fast_share : 1), nic = c->nic_Bps * (fast ? c->nic_latency.fast_share : 1);
    const double own = c->scattered ? (double)f->period / f->nranks : 1; /* of a leaf that all periods share */
    const double leaf = own * c->nodes_per_leaf * nic * (c->fabric == FABRIC_RAIL ? 1 : c->rails) / c->oversubscription;
    for (int i = 0; i < f->gpus; i++)
        set_both(f, gpu_link, i, slowed(c, i, c->per_node > 1 ? link : INFINITY));
    for (int i = 0; i < f->cards; i++)
        set_both(f, card_link, i, slowed_card(c, i, nic));
    for (int i = 0; i < f->leaves; i++)
        set_both(f, leaf_link, i, leaf);
    for (int i = 0; i < f->cables; i++)
        set_both(f, cable_link, i, c->fabric == FABRIC_LINKS ? c->cables[i].Bps : nic);
    const double played = f->nranks <= c->per_node ? (double)f->period / f->nranks : 1; /* of the ranks that share a memory */
    for (int i = 0; i < f->nodes; i++)
        f->rates[memory_link(f, i)] = c->memory_Bps > 0 ? played * c->memory_Bps : INFINITY;
}

/* Uplinks that carry all that comes from below are never short. */
static bool leaves_matter(const struct cluster *c, int nranks)
{
    const bool several = nranks > c->nodes_per_leaf * c->per_node;
    return several && c->oversubscription > 1 && (c->fabric == FABRIC_FAT_TREE || c->fabric == FABRIC_RAIL);
}

static void count_links(struct fabric *f)
{
    const struct cluster *c = f->cluster;
    const bool folded = f->period < f->nranks, inside = f->nranks <= c->per_node;
    const int nodes = inside ? 1 : folded ? f->period / c->per_node : c->nodes;
    f->nodes = nodes;
    f->gpus = inside ? f->period : nodes * c->per_node;
    if (inside)
        return;
    f->cards = nodes * c->rails;
    if (leaves_matter(c, f->nranks))
        f->leaves = (c->scattered ? leaf_count(c) : (nodes + c->nodes_per_leaf - 1) / c->nodes_per_leaf) * (c->fabric == FABRIC_RAIL ? c->rails : 1);
    f->cables = c->fabric == FABRIC_TORUS ? 3 * nodes : c->fabric == FABRIC_LINKS ? c->ncables : 0;
}

static void place_ranks(struct fabric *f)
{
    const struct cluster *c = f->cluster;
    const size_t gpus = (size_t)((f->nranks + c->per_node - 1) / c->per_node * c->per_node);
    f->node = rb_calloc(gpus, sizeof *f->node);
    f->card = rb_calloc(gpus, sizeof *f->card);
    for (int i = 0; i < (int)gpus; i++) {
        f->node[i] = i / c->per_node;
        f->card[i] = card_of(c, i);
    }
}

/* Every end's cable towards node 0, by spreading from there. */
static void root_cables(struct fabric *f)
{
    const struct cluster *c = f->cluster;
    int(*ends)[2] = rb_calloc((size_t)c->ncables + 1, sizeof *ends), nswitches;
    cluster_ends(c, ends, &nswitches);
    const size_t n = (size_t)(c->nodes + nswitches);
    f->up = rb_calloc(n, sizeof *f->up);
    f->depth = rb_calloc(n, sizeof *f->depth);
    f->above = rb_calloc(n, sizeof *f->above);
    for (size_t i = 1; i < n; i++)
        f->depth[i] = -1;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < c->ncables; i++)
            for (int k = 0; k < 2; k++) {
                const int low = ends[i][k], high = ends[i][1 - k];
                if (f->depth[low] >= 0 || f->depth[high] < 0)
                    continue;
                f->up[low] = i;
                f->above[low] = high;
                f->depth[low] = f->depth[high] + 1;
                more = true;
            }
    }
    free(ends);
}

int fabric_make(struct fabric *f, const struct cluster *c, enum fabric_protocol protocol, int nranks, int period)
{
    if (nranks > cluster_gpus(c))
        return rb_fail(RB_EUSAGE, "%d ranks are more than the %d GPUs of %s", nranks, cluster_gpus(c), c->name);
    *f = (struct fabric){ .cluster = c, .protocol = protocol, .nranks = nranks, .period = period > 0 ? period : nranks };
    count_links(f);
    const int nlinks = 2 * (f->gpus + f->cards + f->leaves + f->cables) + f->nodes;
    f->rates = rb_calloc((size_t)nlinks, sizeof *f->rates);
    set_rates(f);
    place_ranks(f);
    if (c->nodes > 1 && c->fabric == FABRIC_LINKS)
        root_cables(f);
    f->network = (struct cost_network){ .context = f, .nlinks = nlinks, .rates = f->rates, .route = route,
                                        .work = c->reduce_Bps > 0 || c->memory_Bps > 0 ? work : NULL };
    return RB_OK;
}

void fabric_free(struct fabric *f)
{
    free(f->rates);
    free(f->node);
    free(f->card);
    free(f->up);
    free(f->depth);
    free(f->above);
    *f = (struct fabric){0};
}

static int torus_plane(const struct cluster *c)
{
    return c->torus[2] > 1 ? c->torus[0] * c->torus[1] : c->torus[1] > 1 ? c->torus[0] : 1;
}

int fabric_period(const struct cluster *c, int nranks)
{
    const bool torus = c->nodes > 1 && c->fabric == FABRIC_TORUS;
    if (c->nslow > 0 || (c->fabric == FABRIC_LINKS && c->nodes > 1) || (torus && nranks != cluster_gpus(c)))
        return 0;
    const int leaf = c->scattered ? leaf_count(c) : c->nodes_per_leaf;
    const int nodes = torus ? torus_plane(c) : leaves_matter(c, nranks) ? leaf : 1;
    const int period = nodes * c->per_node;
    return nranks % period == 0 && period < nranks ? period : nranks <= c->per_node ? 1 : 0;
}

void fabric_link_name(const struct fabric *f, int link, char *name, size_t bytes)
{
    static const char *const words[][2] = { { "out", "in" }, { "out", "in" }, { "up", "down" }, { "forth", "back" } };
    static const char *const kinds[] = { "GPU", "card", "leaf", "cable" };
    const int counts[] = { f->gpus, f->cards, f->leaves, f->cables };
    for (size_t i = 0; i < RB_LEN(counts); i++) {
        if (link < 2 * counts[i]) {
            snprintf(name, bytes, "%s %d %s", kinds[i], link % counts[i], words[i][link / counts[i]]);
            return;
        }
        link -= 2 * counts[i];
    }
    snprintf(name, bytes, "memory of node %d", link);
}

double fabric_base(const struct cluster *c, enum fabric_protocol protocol, int nranks)
{
    const struct link_latency *l = nranks > c->per_node ? &c->nic_latency : &c->link_latency;
    return protocol == PROTOCOL_BULK ? l->bulk_base_s : l->fast_base_s;
}
