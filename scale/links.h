/* scale/links.h - data/links.csv: what kinds of links give of their nominal rate, and what a message costs.
 *
 * Units fraction of the nominal rate; seconds. Ownership links_free(). */
#ifndef RB_SCALE_LINKS_H
#define RB_SCALE_LINKS_H

#include <stdbool.h>
#include <stddef.h>

/* Cost of a call and of each message one after the other, for the protocol of large messages and that of small ones, which has a
 * share of the rate. */
struct link_latency {
    double bulk_base_s, bulk_hop_s, fast_base_s, fast_hop_s, fast_share;
};

struct link_class {
    char name[24]; /* "NVLink4", "NVLink4 nvls", "PCIe4", "PCIe host", "network" */
    double fraction, low, high;
    int points, logs;
    struct link_latency latency;
};

struct links {
    struct link_class *list;
    size_t count;
};

int links_load(struct links *l);
void links_free(struct links *l);
/* NULL when there is none. */
const struct link_class *links_find(const struct links *l, const char *name);

#endif
