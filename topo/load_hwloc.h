/* topo/load_hwloc.h - between the two halves of the hwloc loader: processors and memory, and I/O devices. */
#ifndef RB_TOPO_LOAD_HWLOC_H
#define RB_TOPO_LOAD_HWLOC_H

#include "topo/graph.h"

/* Adds what hangs below an object on the I/O side to the device `parent` (-1: the machine). */
void load_io_children(struct topology *t, hwloc_obj_t obj, int parent);
/* NVLinks from hwloc's NVLinkBandwidth distances, after all devices are there. */
void load_nvlinks(struct topology *t);

/* The only NUMA node near an object, as a device; -1 when there are several places or none. */
int load_only_node(const struct topology *t, hwloc_obj_t obj);
/* The graph's device for an hwloc object, or -1. */
int load_device_of(hwloc_obj_t obj);
void load_remember(hwloc_obj_t obj, int device);

#endif
