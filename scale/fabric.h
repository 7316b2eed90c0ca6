/* scale/fabric.h - a cluster as the network that collectives/cost.h plays on: which links a message takes.
 *
 * Links, each direction its own: a GPU's port to its node (scale-up link or PCIe), a card, and
 *     fat_tree  the uplinks of a leaf switch together; above them nothing is short
 *     rail      the same for the leaf switch of each rail; a message for a GPU of another rail goes to the right one over the
 *               sender's node first, as NCCL's PXN does
 *     torus     the cables of a node, one card's rate each; dimension by dimension, the shorter way round
 *     links     the cables of the file
 * Ranks sit on GPUs in order, node by node.
 *
 * Folding (cost.h): link numbers are taken modulo what one period of ranks holds. fabric_period() gives the smallest one that the
 * fabric allows; 0 when parts are slow or the links are listed.
 *
 * Ownership fabric_free(); the cluster is borrowed. */
#ifndef RB_SCALE_FABRIC_H
#define RB_SCALE_FABRIC_H

#include "collectives/cost.h"
#include "scale/cluster.h"

#include <stdio.h>

/* What a message costs besides its bytes: the two protocols of links.csv. */
enum fabric_protocol { PROTOCOL_BULK, PROTOCOL_FAST };

struct fabric {
    const struct cluster *cluster;
    enum fabric_protocol protocol;
    int nranks, period; /* ranks that are there; those that stand for all */
    int gpus, cards, leaves, cables, nodes; /* links of each kind after folding, one direction */
    double *rates;
    struct cost_network network;
    int *node, *card; /* of every rank */
    int *up, *depth; /* fabric = links: the cable towards the root, and how far it is */
    int *above;
};

/* period 0: every rank. RB_EUSAGE when there are more ranks than GPUs. */
int fabric_make(struct fabric *f, const struct cluster *c, enum fabric_protocol protocol, int nranks, int period);
void fabric_free(struct fabric *f);
/* 0: nothing repeats. */
int fabric_period(const struct cluster *c, int nranks);
/* "GPU 3 out", "leaf 2 up"; at most `bytes`. */
void fabric_link_name(const struct fabric *f, int link, char *name, size_t bytes);
/* What every call costs besides its messages. */
double fabric_base(const struct cluster *c, enum fabric_protocol protocol, int nranks);

#endif
