/* PCI bridges, GPUs, NICs and NVLinks, from hwloc. */
#include "topo/load_hwloc.h"

#include "topo/catalogue.h"

#include <hwloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PCI vendors whose display controllers are GPUs, not the console of a server's management chip. */
static bool is_gpu_vendor(unsigned vendor)
{
    return vendor == 0x10de || vendor == 0x1002 || vendor == 0x8086 || vendor == 0x1da3;
}

/* PCI base classes: 02 network, 03 display, 0b and 12 accelerators. TOPO_KINDS: not shown. */
static enum topo_kind kind_of_pci(const struct hwloc_pcidev_attr_s *pci)
{
    const unsigned base = pci->class_id >> 8;
    if (base == 0x02)
        return TOPO_NIC;
    if ((base == 0x03 || base == 0x12 || base == 0x0b) && is_gpu_vendor(pci->vendor_id))
        return TOPO_GPU;
    return TOPO_KINDS;
}

static hwloc_obj_t find_os_device(hwloc_obj_t pci, hwloc_obj_osdev_type_t type)
{
    for (hwloc_obj_t o = pci->io_first_child; o != NULL; o = o->next_sibling)
        if (o->type == HWLOC_OBJ_OS_DEVICE && o->attr->osdev.type == type && o->name != NULL)
            return o;
    return NULL;
}

static const char *gpu_model(hwloc_obj_t pci)
{
    for (hwloc_obj_t o = pci->io_first_child; o != NULL; o = o->next_sibling) {
        const char *model = hwloc_obj_get_info_by_name(o, "GPUModel");
        if (model != NULL)
            return model;
    }
    return hwloc_obj_get_info_by_name(pci, "PCIDevice");
}

static void set_bus(struct topology_device *d, const struct hwloc_pcidev_attr_s *a)
{
    snprintf(d->bus, sizeof d->bus, "%04x:%02x:%02x.%x", (unsigned)a->domain & 0xffffff, (unsigned)a->bus, (unsigned)a->dev, (unsigned)a->func & 7);
}

static void describe_gpu(struct topology_device *d, hwloc_obj_t pci)
{
    const struct hwloc_pcidev_attr_s *a = &pci->attr->pcidev;
    const char *model = gpu_model(pci);
    if (model != NULL)
        snprintf(d->detail, sizeof d->detail, "%s", model);
    else
        snprintf(d->detail, sizeof d->detail, "pci %04x:%04x at %s", (unsigned)a->vendor_id, (unsigned)a->device_id, d->bus);
}

/* "mlx5_0 (ConnectX-7)": the name that the user gives to tools, then the model. */
static void describe_nic(struct topology_device *d, hwloc_obj_t pci)
{
    hwloc_obj_t os = find_os_device(pci, HWLOC_OBJ_OSDEV_OPENFABRICS);
    if (os == NULL)
        os = find_os_device(pci, HWLOC_OBJ_OSDEV_NETWORK);
    const char *model = hwloc_obj_get_info_by_name(pci, "PCIDevice");
    const char *name = os != NULL ? os->name : "no driver";
    if (model != NULL)
        snprintf(d->detail, sizeof d->detail, "%s (%s)", name, model);
    else
        snprintf(d->detail, sizeof d->detail, "%s", name);
    if (model != NULL)
        d->rate = ceiling_of(catalogue_nic(model), CEILING_CATALOGUE);
}

static int add_pci(struct topology *t, hwloc_obj_t obj, enum topo_kind kind, int parent)
{
    const int index = graph_add(t, kind, parent);
    struct topology_device *d = graph_device(t, index);
    hwloc_obj_t near = hwloc_get_non_io_ancestor_obj(t->hwloc, obj);
    d->numa = load_only_node(t, near);
    if (near->cpuset != NULL)
        hwloc_bitmap_list_snprintf(d->cpus, sizeof d->cpus, near->cpuset);
    if (kind == TOPO_GPU || kind == TOPO_NIC) {
        set_bus(d, &obj->attr->pcidev);
        d->uplink = ceiling_of((double)obj->attr->pcidev.linkspeed, CEILING_QUERIED);
    }
    if (kind == TOPO_GPU)
        describe_gpu(d, obj);
    if (kind == TOPO_NIC)
        describe_nic(d, obj);
    load_remember(obj, index);
    return index;
}

static bool leads_to_device(hwloc_obj_t obj)
{
    if (obj->type == HWLOC_OBJ_PCI_DEVICE)
        return kind_of_pci(&obj->attr->pcidev) != TOPO_KINDS;
    for (hwloc_obj_t c = obj->io_first_child; c != NULL; c = c->next_sibling)
        if (leads_to_device(c))
            return true;
    return false;
}

static void add_bridge(struct topology *t, hwloc_obj_t obj, int parent)
{
    if (!leads_to_device(obj))
        return;
    const struct hwloc_bridge_attr_s *a = &obj->attr->bridge;
    const bool host = a->upstream_type == HWLOC_OBJ_BRIDGE_HOST;
    const int index = add_pci(t, obj, host ? TOPO_HOST_BRIDGE : TOPO_BRIDGE, parent);
    struct topology_device *d = graph_device(t, index);
    if (!host) {
        d->uplink = ceiling_of((double)a->upstream.pci.linkspeed, CEILING_QUERIED);
        set_bus(d, &a->upstream.pci);
        snprintf(d->name, sizeof d->name, "bridge %s", d->bus);
    }
    load_io_children(t, obj, index);
}

void load_io_children(struct topology *t, hwloc_obj_t obj, int parent)
{
    for (hwloc_obj_t c = obj->io_first_child; c != NULL; c = c->next_sibling) {
        if (c->type == HWLOC_OBJ_BRIDGE)
            add_bridge(t, c, parent);
        else if (c->type == HWLOC_OBJ_PCI_DEVICE && kind_of_pci(&c->attr->pcidev) != TOPO_KINDS)
            add_pci(t, c, kind_of_pci(&c->attr->pcidev), parent);
    }
}

/* The graph's device for an object of the matrix (an OS device such as nvml0, or a PCI device). */
static int device_of(hwloc_obj_t obj)
{
    while (obj != NULL && load_device_of(obj) < 0)
        obj = obj->parent;
    return obj != NULL ? load_device_of(obj) : -1;
}

static bool is_gpu(const struct topology *t, int device)
{
    return device >= 0 && t->devices[device].kind == TOPO_GPU;
}

/* A rate is one direction, all links together, in MB/s. Some versions of hwloc gave twice the rate for the fourth
 * generation (github.com/open-mpi/hwloc/issues/574): no GPU has more links than its catalogue row. */
static void add_links(struct topology *t, int gpu, int peer, double MBps)
{
    const struct gpu_links *known = catalogue_gpu(t->devices[gpu].detail);
    const double one = known != NULL && known->nvlink_GBps > 0 ? known->nvlink_GBps : 25;
    double GBps = MBps * 1e-3;
    if (known != NULL && known->nvlinks_max > 0 && GBps > 1.5 * one * known->nvlinks_max)
        GBps /= 2;
    struct topology_nvlink link = { gpu, peer, (int)lround(GBps / one), ceiling_of(GBps, CEILING_QUERIED), NAN, 0 };
    if (link.count < 1)
        return;
    struct ceiling nominal;
    graph_nvlink_figures(t->devices[gpu].detail, link.count, &nominal, &link.effective_GBps);
    graph_add_nvlink(t, &link);
}

/* With NVSwitches the peers are many: what counts is the sum, and all of them are one device here. */
static void add_row(struct topology *t, const struct hwloc_distances_s *m, unsigned row, int *switch_p)
{
    const int gpu = device_of(m->objs[row]);
    if (!is_gpu(t, gpu))
        return;
    double to_switch = 0;
    for (unsigned j = 0; j < m->nbobjs; j++) {
        const int peer = device_of(m->objs[j]);
        const double MBps = (double)m->values[row * m->nbobjs + j];
        if (j == row || MBps <= 0 || peer == gpu)
            continue; /* the diagonal is a dummy */
        if (!is_gpu(t, peer))
            to_switch += MBps;
        else if (peer > gpu)
            add_links(t, gpu, peer, MBps);
    }
    if (to_switch <= 0)
        return;
    if (*switch_p < 0) {
        *switch_p = graph_add(t, TOPO_NVSWITCH, -1);
        snprintf(t->devices[*switch_p].detail, sizeof t->devices[*switch_p].detail, "all NVSwitches as one");
    }
    add_links(t, gpu, *switch_p, to_switch);
}

void load_nvlinks(struct topology *t)
{
    struct hwloc_distances_s *matrix = NULL;
    unsigned n = 1;
    if (hwloc_distances_get_by_name(t->hwloc, "NVLinkBandwidth", &n, &matrix, 0) != 0 || n < 1)
        return;
    int nvswitch = -1;
    for (unsigned i = 0; i < matrix->nbobjs; i++)
        add_row(t, matrix, i, &nvswitch);
    hwloc_distances_release(t->hwloc, matrix);
}
