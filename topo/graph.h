/* topo/graph.h - the inside of struct topology, for loaders and readers in this folder only.
 *
 * A loader fills devices (parents before children), NVLinks and, when its source states classes instead of a tree, the
 * paths; graph_finish() then derives the ends. */
#ifndef RB_TOPO_GRAPH_H
#define RB_TOPO_GRAPH_H

#include "core/text.h"
#include "topo/nvml.h"
#include "topo/topology.h"

#include <hwloc.h>

struct topology {
    const char *source;
    char *file;
    bool live;
    struct topology_device *devices;
    size_t ndevices;
    struct topology_nvlink *nvlinks;
    size_t nnvlinks;
    int *ends;
    size_t nends;
    struct topology_path *stated; /* ndevices x ndevices from the source, or NULL: derived from the tree */
    hwloc_topology_t hwloc;       /* NULL: the source tells no cores */
    struct ceiling memory;
    const char *nvml_library;  /* NULL: the system's */
    struct nvml_report *nvml;  /* NULL: not asked, or no answer; GPUs' os_index is the driver's number then */
    char nvml_why[NVML_WHY];
};

/* A way to fill a topology. One file, one row in topology.c. */
struct topology_loader {
    const char *source; /* topology_source() */
    const char *makes;  /* how a user makes such a file, for messages */
    bool (*recognises)(const struct text *content);
    /* content is NULL for the machine itself. Prints what is wrong. */
    int (*load)(struct topology *t, const struct text *content);
};

extern const struct topology_loader load_machine, load_hwloc_xml, load_nvidia_smi;

/* What hwloc does not tell of the machine we run on. One file, one row in topology.c. */
void probe_nic_rates(struct topology *t);
void probe_pcie_rates(struct topology *t);
void probe_nvml(struct topology *t);

struct ceiling ceiling_of(double GBps, enum ceiling_origin origin); /* not above 0: unknown */
struct ceiling ceiling_lower(struct ceiling a, struct ceiling b);   /* an unknown one does not count */

/* Returns its index; numbers it within its kind. The pointer given by graph_device() holds until the next add. */
int graph_add(struct topology *t, enum topo_kind kind, int parent);
struct topology_device *graph_device(struct topology *t, int index);
void graph_add_nvlink(struct topology *t, const struct topology_nvlink *link);
/* Nearest device of that kind at or above index, or -1. */
int graph_above(const struct topology *t, int index, enum topo_kind kind);
void graph_finish(struct topology *t); /* again after devices were added */
/* The path class that the GPU driver tells for two GPUs. */
bool graph_told_class(const struct topology *t, int a, int b, enum path_class *class_p);
/* A GPU's own link to the processor on its board, beside PCIe. */
struct ceiling graph_board_link(const struct topology *t, int device);
/* Figures of count NVLinks of a GPU model; an unknown model is assumed to be of the most common kind. */
void graph_nvlink_figures(const char *model, int count, struct ceiling *nominal_p, double *effective_p);
/* Says which model the GPUs are; catalogue figures follow, what was queried stays. */
void graph_set_model(struct topology *t, const char *model);

#endif
