/* topo/topology.h - where data can move on a machine: one graph of devices and links, the path class and the ceiling
 * between every two ends, the ring order that maximises the slowest hop, and which rank runs where.
 *
 * It knows nothing of messages, algorithms or transports, and measures nothing itself (memory.h does, by copying).
 *
 * Loaded from the machine (hwloc), from an hwloc XML file, or from the text of `nvidia-smi topo -m`.
 *
 * Units    GB/s = 1e9 bytes per second in one direction; memory and cache sizes in bytes.
 * Errors   RB_OK or RB_E*; a bad file is RB_EUSAGE with one line: file, line where it applies, what would be right.
 * Threads  a loaded topology is read-only but for topology_set_memory_bandwidth(); any thread may read it.
 * Ownership all pointers returned are borrowed until topology_free(), unless a comment says otherwise. */
#ifndef RB_TOPO_TOPOLOGY_H
#define RB_TOPO_TOPOLOGY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job;
struct nvml_report;
struct topology;

enum topo_kind {
    TOPO_PACKAGE, TOPO_NUMA, TOPO_CACHE, TOPO_CORE, TOPO_HOST_BRIDGE, TOPO_BRIDGE, TOPO_GPU, TOPO_NIC, TOPO_NVSWITCH, TOPO_KINDS
};

/* Where a figure comes from, best evidence first. */
enum ceiling_origin { CEILING_MEASURED, CEILING_QUERIED, CEILING_CATALOGUE, CEILING_ASSUMED, CEILING_UNKNOWN };

struct ceiling {
    double GBps; /* NAN when unknown */
    enum ceiling_origin origin;
};

/* Classes in nvidia-smi's words, nearest first; CACHE and PKG are ours, for two groups of cores. */
enum path_class {
    PATH_SELF,  /* X */
    PATH_NV,    /* NV#: # NVLinks, directly or through switches */
    PATH_CACHE, /* cores that share a cache */
    PATH_PIX,   /* at most one PCIe switch */
    PATH_PXB,   /* several PCIe switches, no host bridge */
    PATH_PHB,   /* one PCIe host bridge; from a core: its own NUMA node's */
    PATH_NODE,  /* within a NUMA node: between host bridges, or cores without a common cache */
    PATH_PKG,   /* cores of two NUMA nodes of one package */
    PATH_SYS,   /* between NUMA nodes (devices), between packages (cores) */
    PATH_UNKNOWN,
    PATH_CLASSES
};

struct topology_device {
    enum topo_kind kind;
    int number;      /* within its kind, from 0: GPU3, NIC0, core 7 */
    int os_index;    /* the operating system's number; -1: none */
    int parent;      /* index of the device it hangs on; -1: the machine */
    int numa;        /* device index of its NUMA node; -1: unknown or several */
    int package;     /* device index; -1: unknown or several */
    int cores;       /* physical cores inside (CPU side) */
    uint64_t bytes;  /* of memory or cache; 0: not given */
    int cache_level; /* caches; else 0 */
    char name[48];   /* "GPU0", "node 1", "core 3", "bridge 0000:17:00.0" */
    char detail[96]; /* model, bus address, "mlx5_0"; may be "" */
    char bus[16];    /* PCI address, "0000:17:00.0"; "" none */
    char cpus[96];   /* CPUs inside or near, "0-31,64-95"; "" unknown */
    struct ceiling uplink; /* PCIe link towards the parent */
    struct ceiling rate;   /* NIC: its wire */
};

/* NVLinks between two devices, both directions alike. PCIe links are the devices' uplinks. */
struct topology_nvlink {
    int a, b; /* device indices */
    int count;
    struct ceiling nominal; /* all of them together */
    double effective_GBps;  /* what NCCL's model plans with (catalogue.h); NAN unknown */
    double generation;      /* 3.1: NVLink 3.1; 0 unknown */
};

struct topology_path {
    enum path_class class;
    int nvlinks;            /* PATH_NV: how many */
    struct ceiling ceiling; /* the slowest link on the way that is known; NVLinks: nominal */
    double effective_GBps;  /* NVLinks: planning figure; else NAN */
};

/* Whether a GPU may read and write another one's memory. */
enum peer_access { PEER_UNKNOWN, PEER_NONE, PEER_DIRECT };

/* file NULL or "": this machine. The kind of a file is told by its content. The caller frees *t_p. */
int topology_load(struct topology **t_p, const char *file);
/* The same with the file of the GPU driver's library (NULL or "": $RINGBENCH_NVML, else the system's): only this machine has one, so
 * both a file and a library are RB_EUSAGE, and so is a library that does not answer. */
int topology_load_with(struct topology **t_p, const char *file, const char *nvml);
void topology_free(struct topology *t);

const char *topology_source(const struct topology *t); /* "this machine", "hwloc XML", "nvidia-smi topo -m" */
const char *topology_file(const struct topology *t);   /* NULL: this machine */
bool topology_is_live(const struct topology *t);       /* describes the machine we run on */

/* What the GPU driver says (nvml.h), for this machine only; NULL: it was not asked or does not answer, with the reason in why. */
const struct nvml_report *topology_nvml(const struct topology *t);
const char *topology_nvml_why(const struct topology *t);
/* The device of the driver's number-th GPU, or -1. */
int topology_driver_gpu(const struct topology *t, int number);
enum peer_access topology_peer(const struct topology *t, int a, int b);

size_t topology_device_count(const struct topology *t);
const struct topology_device *topology_device(const struct topology *t, size_t index);
size_t topology_count(const struct topology *t, enum topo_kind kind);
/* The number-th device of a kind, or -1. */
int topology_find(const struct topology *t, enum topo_kind kind, int number);
/* The GPU at this PCI address ("0000:17:00.0", any case, any width of the domain), as CUDA tells it; or -1. */
int topology_find_gpu(const struct topology *t, const char *bus);
size_t topology_nvlink_count(const struct topology *t);
const struct topology_nvlink *topology_nvlink(const struct topology *t, size_t index);

/* Ends of paths: GPUs, then NICs, then groups of cores (each core where there are at most 16, else the largest of shared
 * caches, NUMA nodes and packages that makes at most 16 groups, or the packages). topology_end gives a device index. */
size_t topology_end_count(const struct topology *t);
int topology_end(const struct topology *t, size_t end);
/* Between any two devices that are GPU, NIC or made of cores. Device indices. */
struct topology_path topology_path(const struct topology *t, int a, int b);
/* The class in nvidia-smi's words: "NV18", "PIX", "L3", ... The buffer is returned. */
enum { PATH_WORD = 16 };
const char *topology_path_word(const struct topology *t, int a, int b, char word[PATH_WORD]);

const char *topo_kind_name(enum topo_kind kind);
const char *path_class_name(enum path_class class);    /* "NV#" for PATH_NV, "?" for PATH_UNKNOWN */
const char *path_class_meaning(enum path_class class); /* a legend line */
const char *ceiling_origin_name(enum ceiling_origin origin); /* the words of records; "" unknown */

/* One copy stream of one core, as memory_bandwidth_measure() gives it; becomes the ceiling between groups of cores. */
void topology_set_memory_bandwidth(struct topology *t, double copy_GBps, enum ceiling_origin origin);
struct ceiling topology_memory_bandwidth(const struct topology *t);
/* The model of all GPUs when the source does not say ("H800"): sets catalogue figures. RB_EUSAGE for an unknown one. */
int topology_set_gpu(struct topology *t, const char *model);

/* A cycle; order[k] hops to order[k + 1], the last to the first. */
struct topology_ring {
    size_t n;
    int *order;               /* device indices */
    size_t slowest;           /* the hop from order[slowest] on; meaningless for n < 2 */
    struct ceiling ceiling;   /* of the slowest hop whose figure is known */
};
/* Over all GPUs, or over the groups of cores where there are not two GPUs. topology_ring_free() it. */
void topology_ring(const struct topology *t, struct topology_ring *ring_p);
void topology_ring_free(struct topology_ring *ring);
/* The same for n given devices, of which some may be the same (ranks that share a GPU stay together): order gets positions in
 * devices and begins with 0. */
void topology_ring_devices(const struct topology *t, const int *devices, int n, int *order);
/* The order of nranks ranks, each bound as topology_binding() says, or, where the source tells no cores, rank i at GPU i.
 * order has room for nranks. */
void topology_ring_ranks(const struct topology *t, int nranks, int *order);
/* The same for one host of several: the cycle is opened where its two ends are nearest to the network cards, then where the
 * slowest hop is saved. The first rank receives from the host before, the last sends to the next. */
void topology_entry_ranks(const struct topology *t, int nranks, int *order);
/* The same for n given devices: order gets positions in devices. */
void topology_entry_devices(const struct topology *t, const int *devices, int n, int *order);

struct topology_binding {
    int core;       /* device index of the core */
    bool shared;    /* another rank has the same CPU */
    bool sibling;   /* another rank has a hardware thread of the same core */
    char cpus[48];  /* "3" or "3,67" */
    char text[96];  /* "core 3 (cpu 3,67)", with a remark when there are more ranks than cores */
};
/* Rank of nranks on this machine: spread evenly over the physical cores that may be used, a whole core each; with more
 * ranks than cores, hardware threads, then shared CPUs. RB_EUSAGE when the source tells no cores. */
int topology_binding(const struct topology *t, int rank, int nranks, struct topology_binding *binding_p);
/* The same within the CPUs that this thread may run on now (a launcher's or taskset's), and binds the thread.
 * rank counts among the nranks ranks that share those CPUs. A thread that is confined to one core stays there. */
int topology_bind_self(const struct topology *t, int rank, int nranks, struct topology_binding *binding_p);
/* Collective: finds out which ranks of this machine (hosts.h) share this rank's CPUs, then as above. */
int topology_bind_job(const struct topology *t, struct job *job, struct topology_binding *binding_p);

/* One line: "2 packages, 2 NUMA nodes, 64 cores, 8 GPUs (NV18), 8 NICs". The caller frees. */
char *topology_summary(const struct topology *t);
/* The whole graph with paths, ceilings, ring and binding; a new reference. */
json_t *topology_json(const struct topology *t);

#endif
