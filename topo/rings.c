/* Rings over a machine: what each kind of hop is worth, and the order that follows. */
#include "topo/graph.h"
#include "topo/ring_order.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>

/* Where no figure is known only the order of these matters: NCCL plans 12 GB/s for PCIe of the third generation
 * (github.com/NVIDIA/nccl src/graph/topo.h). */
static const double pcie_assumed_GBps = 12;

/* Assumed shares of a link's rate that are left behind each kind of crossing. A published example: 39-51 GB/s between
 * NUMA nodes against 53-57 within one, PCIe of the fifth generation (github.com/voipmonitor/rtx6kpro). */
static double share_of(enum path_class class)
{
    static const double shares[PATH_CLASSES] = {
        [PATH_SELF] = 1, [PATH_NV] = 1, [PATH_CACHE] = 1, [PATH_PIX] = 1, [PATH_PXB] = 0.98, [PATH_PHB] = 0.95,
        [PATH_NODE] = 0.9, [PATH_PKG] = 0.85, [PATH_SYS] = 0.75, [PATH_UNKNOWN] = 0.5,
    };
    return shares[class];
}

/* Without peer access each byte crosses host memory: two copies for one. */
static const double staged_share = 0.5;

/* Ranks that share a GPU exchange in its memory, which is faster than any link. */
static const double same_gpu_GBps = 1e4;

static double worth(const struct topology *t, int a, int b)
{
    if (a == b && t->devices[a].kind == TOPO_GPU)
        return same_gpu_GBps;
    const struct topology_path path = topology_path(t, a, b);
    const bool known = path.ceiling.origin != CEILING_UNKNOWN;
    const double access = topology_peer(t, a, b) == PEER_NONE ? staged_share : 1;
    return (known ? path.ceiling.GBps : pcie_assumed_GBps) * share_of(path.class) * access;
}

void topology_ring_devices(const struct topology *t, const int *devices, int n, int *order)
{
    double *bandwidth = rb_malloc((size_t)n * (size_t)n * sizeof *bandwidth);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            bandwidth[i * n + j] = worth(t, devices[i], devices[j]);
    ring_order(bandwidth, n, order);
    free(bandwidth);
}

static size_t ring_members(const struct topology *t, int *members)
{
    const bool gpus = topology_count(t, TOPO_GPU) > 1;
    size_t n = 0;
    for (size_t i = 0; i < t->nends; i++) {
        const enum topo_kind kind = t->devices[t->ends[i]].kind;
        if (gpus ? kind == TOPO_GPU : kind < TOPO_HOST_BRIDGE)
            members[n++] = t->ends[i];
    }
    return n;
}

/* The slowest hop is the one that is worth least; the lowest known figure is the ceiling. */
static void judge(const struct topology *t, struct topology_ring *ring)
{
    double least = INFINITY;
    for (size_t k = 0; k < ring->n && ring->n > 1; k++) {
        const int a = ring->order[k], b = ring->order[(k + 1) % ring->n];
        const struct topology_path path = topology_path(t, a, b);
        ring->ceiling = ceiling_lower(ring->ceiling, path.ceiling);
        if (worth(t, a, b) < least) {
            least = worth(t, a, b);
            ring->slowest = k;
        }
    }
}

void topology_ring(const struct topology *t, struct topology_ring *ring_p)
{
    int *members = rb_calloc(t->nends, sizeof *members);
    const size_t n = ring_members(t, members);
    *ring_p = (struct topology_ring){ n, rb_calloc(n, sizeof *ring_p->order), 0, ceiling_of(0, CEILING_UNKNOWN) };
    if (n > 0)
        topology_ring_devices(t, members, (int)n, ring_p->order);
    for (size_t k = 0; k < n; k++)
        ring_p->order[k] = members[ring_p->order[k]];
    judge(t, ring_p);
    free(members);
}

void topology_ring_free(struct topology_ring *ring)
{
    free(ring->order);
    ring->order = NULL;
    ring->n = 0;
}

/* The device that a rank is at, or -1. */
static int place_of(const struct topology *t, int rank, int nranks)
{
    struct topology_binding b;
    if (t->hwloc == NULL)
        return topology_find(t, TOPO_GPU, rank);
    return topology_binding(t, rank, nranks, &b) == RB_OK ? b.core : -1;
}

void topology_ring_ranks(const struct topology *t, int nranks, int *order)
{
    int *places = rb_malloc((size_t)nranks * sizeof *places);
    bool known = true;
    for (int r = 0; r < nranks; r++) {
        order[r] = r;
        places[r] = place_of(t, r, nranks);
        known = known && places[r] >= 0;
    }
    if (known)
        topology_ring_devices(t, places, nranks, order);
    free(places);
}

/* How well a rank reaches the network: what its best way to a NIC is worth; 0 without NICs. */
static double reach(const struct topology *t, int place)
{
    double best = 0;
    for (size_t i = 0; i < t->nends && place >= 0; i++)
        if (t->devices[t->ends[i]].kind == TOPO_NIC && worth(t, place, t->ends[i]) > best)
            best = worth(t, place, t->ends[i]);
    return best;
}

/* The cycle opened between order[cut] and the next: the worse of its ends' ways out, and the hop that is saved. */
struct opening {
    double way_out, saved;
};

static struct opening open_at(const struct topology *t, const int *places, int n, const int *order, int cut)
{
    const int last = places[order[cut]], first = places[order[(cut + 1) % n]];
    if (first < 0 || last < 0)
        return (struct opening){ 0, 0 };
    return (struct opening){ fmin(reach(t, first), reach(t, last)), worth(t, last, first) };
}

/* Opens the cycle. places: devices; -1: not known. */
static void open_cycle(const struct topology *t, const int *places, int n, int *order)
{
    int best = n - 1;
    struct opening at_best = open_at(t, places, n, order, best);
    for (int cut = 0; cut < n - 1; cut++) {
        const struct opening o = open_at(t, places, n, order, cut);
        if (o.way_out > at_best.way_out || (!(o.way_out < at_best.way_out) && o.saved < at_best.saved)) {
            best = cut;
            at_best = o;
        }
    }
    int *turned = rb_malloc((size_t)n * sizeof *turned);
    for (int k = 0; k < n; k++)
        turned[k] = order[(best + 1 + k) % n];
    for (int k = 0; k < n; k++)
        order[k] = turned[k];
    free(turned);
}

void topology_entry_ranks(const struct topology *t, int nranks, int *order)
{
    int *places = rb_malloc((size_t)nranks * sizeof *places);
    for (int r = 0; r < nranks; r++)
        places[r] = place_of(t, r, nranks);
    topology_ring_ranks(t, nranks, order);
    open_cycle(t, places, nranks, order);
    free(places);
}

void topology_entry_devices(const struct topology *t, const int *devices, int n, int *order)
{
    topology_ring_devices(t, devices, n, order);
    open_cycle(t, devices, n, order);
}
