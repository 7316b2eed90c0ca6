/* topo/catalogue.h - published link rates, for when nothing can be queried: NVLink and PCIe by GPU model, NICs by model.
 *
 * It knows only links; what a GPU computes or costs is the report's catalogue.
 *
 * Sources  NVLink nominal and PCIe per direction: NVIDIA's datasheets (V100, A100, H100, H200, Blackwell) and secondary
 *          sources for the A800, H800 and H20: link rate = datasheet total / 2 directions / links.
 *          NVLink effective: the planning figures of NCCL's model, github.com/NVIDIA/nccl src/graph/topo.h:18-26.
 *          NICs: the vendor's line rate, Gb/s / 8. */
#ifndef RB_TOPO_CATALOGUE_H
#define RB_TOPO_CATALOGUE_H

#include <stdbool.h>

struct gpu_links {
    const char *word;        /* as it stands in model names: "H800" */
    double nvlink_GBps;      /* a link, one direction; 0: has none */
    double nvlink_effective; /* of NCCL's model; 0: not modelled */
    int nvlinks_max;         /* that a GPU of this model has */
    double pcie_GBps;        /* after encoding, 16 lanes, one direction */
};

/* By a word of the model's name ("NVIDIA H800 80GB HBM3"), case ignored; NULL when there is none. */
const struct gpu_links *catalogue_gpu(const char *model);
/* The nearest known word to a mistyped one, or NULL. */
const char *catalogue_gpu_nearest(const char *model);
/* GB/s, 0 when unknown. */
double catalogue_nic(const char *model);

#endif
