/* topo/nvml.h - what the NVIDIA driver says of its GPUs: identity, limits, PCIe, NVLinks, who may reach whose memory, MIG.
 *
 * It knows GPUs by the driver's own numbers (those of nvidia-smi, in the order of PCI addresses). CUDA counts differently:
 * CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER do not apply here, so a CUDA device is found by its PCI address or UUID
 * (nvml_find), never by its number. It knows nothing of the rest of the machine (nvml_join.c puts both together).
 *
 * Units    GB/s = 1e9 bytes per second in one direction, bytes, MHz, W. What the driver does not tell is 0, -1 or "".
 * Errors   a fact that cannot be had is left out; a GPU that cannot be asked has its reason in `trouble`.
 * Threads  an open library may be used by any one thread at a time; a report is read-only. */
#ifndef RB_TOPO_NVML_H
#define RB_TOPO_NVML_H

#include "topo/nvml_api.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

enum { NVML_WHY = 256 };

enum nvml_link_state { NVML_LINK_UNKNOWN = -1, NVML_LINK_DOWN, NVML_LINK_UP, NVML_LINK_SLEEPS, NVML_LINK_NO_TRAFFIC };
enum nvml_end { NVML_END_UNKNOWN, NVML_END_GPU, NVML_END_SWITCH, NVML_END_CPU };

struct nvml_link {
    enum nvml_link_state state;
    int version;      /* the library's own number, not NVLink's: nvml_link_generation() */
    double raw_GBps;  /* with what the line coding takes */
    enum nvml_end end;
    bool hidden;      /* neither kind nor address of the other end is told (virtual machine): taken for a switch */
    char bus[16];     /* of the other end, "0000:07:00.0"; "" not told */
    int peer;         /* NVML_END_GPU: its number; -1 */
};

struct nvml_pcie {
    int generation, width; /* 0: not told */
};

struct nvml_mig {
    char name[NVML_TEXT], uuid[NVML_TEXT];
    uint64_t bytes;
};

struct nvml_gpu {
    char trouble[2 * NVML_TEXT]; /* not "": only the number is known */
    int result;                  /* and the library's code for it */
    char name[NVML_TEXT], uuid[NVML_TEXT];
    char bus[16]; /* "0000:17:00.0" */
    int sm;       /* compute capability, 90 for 9.0 */
    uint64_t bytes;
    int sm_clock_MHz, memory_clock_MHz; /* the highest */
    double power_W;                     /* the limit in force */
    struct nvml_pcie now, best; /* an idle GPU lowers the generation: `now` says little without load */
    int nlinks;                 /* that the driver tells of */
    struct nvml_link links[NVML_LINKS_MAX];
    int c2c_links;   /* to the processor on the same board (GH200, GB200) */
    double c2c_GBps; /* all of them together */
    int fabric;      /* NVML_FABRIC_*: how far the switches' manager is; -1 not told */
    int fabric_result;
    unsigned clique;  /* GPUs of one cluster and clique reach each other through NVSwitches, across nodes as well */
    char cluster[33]; /* hexadecimal digits; "" none, or one node */
    int mig, mig_pending; /* 1 on, 0 off, -1 not told */
    int nmig;
    struct nvml_mig instances[NVML_MIG_MAX];
};

/* nvmlGpuP2PCapsIndex_t and nvmlGpuP2PStatus_t */
enum nvml_p2p { NVML_P2P_READ, NVML_P2P_WRITE, NVML_P2P_NVLINK, NVML_P2P_ATOMICS, NVML_P2P_KINDS };
enum { NVML_P2P_OK = 0, NVML_P2P_UNKNOWN = -1 };

/* From one GPU to another. */
struct nvml_pair {
    int p2p[NVML_P2P_KINDS]; /* the library's status, NVML_P2P_OK: yes; -1 not told */
    int ancestor;            /* nvmlGpuTopologyLevel_t: 0, 10 .. 50; -1 not told */
};

struct nvml_report {
    char driver[NVML_TEXT], library[NVML_TEXT];
    int cuda; /* the newest CUDA that the driver runs, 12020 for 12.2 */
    int count;
    struct nvml_gpu *gpus;
    struct nvml_pair *pairs; /* count x count; the diagonal means nothing */
};

struct nvml; /* an open library */

/* file NULL: the system's. NULL and a line in why when it is not there or does not work. */
struct nvml *nvml_open(const char *file, char why[NVML_WHY]);
void nvml_close(struct nvml *n);

/* Asks for everything. nvml_report_free() it. */
struct nvml_report *nvml_read(struct nvml *n);
void nvml_report_free(struct nvml_report *r);

/* The PCIe link as it is this moment: call it while a copy runs, an idle link is slower. RB_OK, or RB_ECUDA printed. */
int nvml_pcie_now(struct nvml *n, int gpu, struct nvml_pcie *now_p);
/* GB/s in one direction after line coding; 0 unknown. */
double nvml_pcie_GBps(struct nvml_pcie link);

/* Number of the GPU with this PCI address (any case, any width of the domain) or UUID (with or without "GPU-"), or -1. */
int nvml_find(const struct nvml_report *r, const char *bus_or_uuid);
const struct nvml_pair *nvml_pair(const struct nvml_report *r, int a, int b);

/* NVLink's own version for the library's number: 3.1 for 5, 4 for 6; 0 unknown. */
double nvml_link_generation(int version);
/* What a link carries in one direction: its raw rate less line coding; 0 unknown. */
double nvml_link_GBps(const struct nvml_link *link);
bool nvml_link_is_usable(const struct nvml_gpu *gpu, int link);
int nvml_links_up(const struct nvml_gpu *gpu);

const char *nvml_error_name(int result);   /* "GPU is lost" */
const char *nvml_p2p_word(int status);     /* as nvidia-smi topo -p2p: "OK", "CNS", ...; "?" not told */
const char *nvml_p2p_meaning(int status);

/* All answers as the text that the stand-in library of the tests reads. */
void nvml_record(const struct nvml_report *r, FILE *out);
/* A new reference. */
json_t *nvml_json(const struct nvml_report *r);

#endif
