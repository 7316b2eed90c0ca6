/* collectives/cost.h - how long a schedule takes on links of given latency and rate.
 *
 * Model. Every rank plays its lanes, piece by piece, in simulated time. A message occupies the links of its route, shared fairly
 * with all others (cost_flow.h), and arrives `latency` after its last byte has left: a message of b bytes that is alone takes
 * alpha + b / rate (Hockney, Parallel Computing 20, 1994). The messages of a connection follow each other; a sender never waits for a
 * free slot. Combining m operands costs m - 1 passes over the bytes and a copy one, at the rank's own speed and over the
 * memory that ranks may share. Hand-shakes of direct access are free. Empty chunks are not sent.
 *
 * Folding. Where a plan looks alike from every rank (rank + period does the same with everybody `period` further), one period of ranks stands for all:
 * what leaves it at one end comes in at the other. It knows nothing of clusters: a network says what a route is.
 *
 * Units seconds and bytes per second, one direction. Errors RB_EINTERNAL when a plan cannot go on. */
#ifndef RB_COLLECTIVES_COST_H
#define RB_COLLECTIVES_COST_H

#include "collectives/cost_flow.h"
#include "collectives/schedule.h"

/* A network as the ranks see it. */
struct cost_network {
    const void *context;
    int nlinks;
    const double *rates;
    /* The way from one rank to another; folded networks number their links by what they fold to. */
    void (*route)(const void *context, int from, int to, struct flow_path *path);
    /* The memory and arithmetic of a rank: links that its passes share, cap as bytes per second of a pass; NULL: free. */
    void (*work)(const void *context, int rank, struct flow_path *path);
};

struct cost_setup {
    const struct algorithm *algorithm;
    const struct group *group;
    const struct plan *plans; /* one a rank; NULL: built as they are needed */
    uint64_t count;           /* elements of a block */
    size_t type_bytes;
    uint64_t piece_bytes; /* chunks are cut into pieces of at most this; 0: whole chunks */
    int period;           /* ranks that stand for all; 0 or nranks: everybody */
    const struct cost_network *network;
    /* Told of every step, in the order of simulated time; NULL: nobody. */
    void (*visit)(void *visitor, int rank, const struct step *s, uint64_t bytes);
    void *visitor;
};

struct cost_result {
    double seconds;
    double sent, received;      /* bytes of all messages of the ranks that were played */
    uint64_t messages, steps;
    double peak;                /* highest load of any link at any time, as a share of its rate */
    int busiest;                /* the link that carried most for its rate; -1 none */
    double busiest_bytes;
};

int cost_run(const struct cost_setup *setup, struct cost_result *result_p);

/* True if rank + period does what rank does, with every peer `period` further and messages equal but for a grain. Looks at a few ranks.
 * Needs nranks to be a multiple of period. */
bool cost_folds(const struct cost_setup *setup, int period);

/* Every ordered pair of ranks a link of its own; a rank's bytes leave and enter through a port of `rate`. */
struct cost_links {
    double alpha;  /* latency of a message */
    double rate;   /* of a port, each direction */
    double reduce; /* seconds per byte combined; 0: free */
};

/* Time of one call of `count` elements of type_bytes, cut into pieces of at most piece_bytes (0: whole chunks); NAN on failure. */
double cost_of(const struct algorithm *a, const struct group *g, const struct plan *plans, uint64_t count, size_t type_bytes,
               uint64_t piece_bytes, const struct cost_links *links);

#endif
