/* topo/nvml_ask.h - between the files that ask the GPU driver's library. */
#ifndef RB_TOPO_NVML_ASK_H
#define RB_TOPO_NVML_ASK_H

#include "topo/nvml.h"

/* "0000:17:00.0" */
void nvml_bus_text(char bus[16], unsigned domain, unsigned number, unsigned device);
bool nvml_same_bus(const char *a, const char *b);
/* The NVLinks of one GPU, without peers. */
void nvml_ask_links(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g);
/* The links to a processor on the same board. */
void nvml_ask_c2c(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g);
/* Whether the NVSwitches are ready for this GPU. */
void nvml_ask_fabric(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g);
/* Numbers of the GPUs at the other ends, when all addresses are known. */
void nvml_find_peers(struct nvml_report *r);

#endif
