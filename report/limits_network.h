/* report/limits_network.h - tensor, pipeline and data parallel over a measured network, beside the links inside a node.
 *
 * How many GPUs, each on a host of its own, may share a model before what it sends over the network takes more than the threshold
 * allows; for each GPU model, with the fitted all-reduce between hosts. Of one micro-batch of training:
 *   tensor    4 all-reduces of the activations a layer, arithmetic of the layer / t
 *   pipeline  one hand-over of the activations forward and one back, arithmetic of layers / p layers; at most the model's layers.
 *             The bubble is no matter of the link and left out
 *   data      one all-reduce of the layer's gradients, arithmetic of the whole layer
 * A hand-over: half the time of an all-reduce of nothing between two (a hop), and bytes over the fitted bandwidth. */
#ifndef RB_REPORT_LIMITS_NETWORK_H
#define RB_REPORT_LIMITS_NETWORK_H

#include "report/limits.h"

/* Adds to all->network where the records have an all-reduce of ours between hosts; leaves it alone otherwise. */
void limits_network(struct limits *all, const struct limit_settings *s, const struct records *r);
struct sheet *limits_network_sheet(const struct limits *l);

#endif
