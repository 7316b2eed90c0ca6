/* scale/cluster.h - a cluster that need not exist: GPUs in nodes, their links, cards, and the fabric between nodes.
 *
 * Named by a row of data/clusters.csv, by NODESxGPUSxMODEL ("128x8xH100"), GPUSxMODEL ("8xH800"), or a file:
 *     gpu = H100 | per_node = 8 | nodes = 16 | nic = ConnectX-7 NDR IB | rails = 8 | fabric = fat_tree | rail | torus | links
 *     nodes_per_leaf = 32 | oversubscription = 2 | torus = 4x4x4
 *     link_GBps, link_us, nic_GBps, nic_us = figures of one's own (rate of all links of a GPU, of a card; microseconds a message)
 *     reduce_GBps, memory_GBps = a pass of arithmetic on one GPU, and of all GPUs of a node together (0: free)
 *     placement = ordered | scattered                  (ranks fill leaf after leaf, or a node of each in turn)
 *     slow_node = 3 0.5 | slow_gpu = 17 0.5            (at half rate)
 *     link node0 leaf0 200 | link leaf0 spine 400      (fabric = links: a tree; GB/s each way)
 * one a line; what is not said comes from the catalogues (report/catalogue.h) and data/links.csv, the card of several nodes without
 * one from the first row of data/clusters.csv with that GPU. A link joins as many GPUs as the catalogue says; more of them in a node need
 * link_GBps, except cards in slots, which have PCIe when the bridge ends.
 *
 * Units     bytes per second one direction, seconds.
 * Errors    RB_EUSAGE, "file:line: what, what would be right".
 * Ownership cluster_free(); the GPU is borrowed from the catalogue. */
#ifndef RB_SCALE_CLUSTER_H
#define RB_SCALE_CLUSTER_H

#include "report/catalogue.h"
#include "scale/links.h"

enum { CLUSTER_MOST_GPUS = 65536, CLUSTER_NAME = 24, CLUSTER_SLOW = 16 };

enum cluster_scaleup { SCALEUP_LINK, SCALEUP_PCIE, SCALEUP_HOST }; /* HOST: the driver blocks peer access */
enum cluster_fabric { FABRIC_FAT_TREE, FABRIC_RAIL, FABRIC_TORUS, FABRIC_LINKS };
extern const char *const cluster_fabric_names[];

struct cluster_slow {
    bool node; /* a whole node, else a GPU */
    int index;
    double share; /* of the usual rate */
};

/* A cable of fabric = links, both directions alike. */
struct cluster_cable {
    char ends[2][CLUSTER_NAME];
    double Bps;
    int line;
};

struct cluster {
    char name[96];
    const struct gpu *gpu;
    int per_node, nodes;
    char gpu_name[48], link_name[24], nic_name[48];

    enum cluster_scaleup scaleup;
    double link_nominal_Bps, link_Bps; /* all links of a GPU */
    double peer_Bps;                   /* to one peer; 0: as much as all links */
    double pair_share;                 /* of link_Bps that two GPUs alone reach */
    struct link_latency link_latency;

    int rails; /* cards in a node; 0: none */
    double nic_nominal_Bps, nic_Bps; /* one card */
    struct link_latency nic_latency;

    enum cluster_fabric fabric;
    int nodes_per_leaf;
    double oversubscription;
    bool scattered; /* neighbouring nodes sit on different leaves */
    int torus[3]; /* nodes along each dimension; unused ones 1 */
    struct cluster_cable *cables;
    int ncables;

    double reduce_Bps, memory_Bps; /* 0: free */
    struct cluster_slow slow[CLUSTER_SLOW];
    int nslow;
    bool weak; /* a figure rests on one doubtful source */
    unsigned given; /* a bit for every setting that was said (cluster_file.c) */
};

/* A preset, NODESxGPUSxMODEL, or a file (a name with a slash or one that exists). */
int cluster_load(struct cluster *c, const char *name, const struct catalogue *catalogue, const struct links *links);
void cluster_free(struct cluster *c);
int cluster_gpus(const struct cluster *c);

/* One setting as a file has it; where: "file:line" for messages. For presets, files and options alike. */
int cluster_set(struct cluster *c, const char *where, const char *key, const char *value, const struct catalogue *catalogue);
/* After the last setting: fills in what is open, refuses what cannot be. */
int cluster_finish(struct cluster *c, const char *where, const struct links *links);
/* Another card, oversubscription or slow part over a cluster that is finished: key and value as in a file. */
int cluster_change(struct cluster *c, const char *key, const char *value, const struct catalogue *catalogue, const struct links *links);

/* "ringbench simulate --list": the presets. */
int cluster_print_presets(void);

#endif
