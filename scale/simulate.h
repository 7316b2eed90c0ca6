/* scale/simulate.h - one collective call on a cluster, predicted.
 *
 * Engine "cost": collectives/cost.h on scale/fabric.h. Where plan and fabric look alike from every rank one period stands for all;
 * rings on unlike links go by the recurrence of scale/chain.h, parameter servers by the two rounds of scale/star.h, all else event by event, up to
 * SIMULATE_MOST_STEPS steps and SIMULATE_MOST_CONNECTIONS at once. Engines "simgrid" and "smpirun": scale/simgrid.h.
 * Both protocols of data/links.csv are tried and the faster counts, as NCCL's tuner does; "bulk" and "fast" force one, "bare" is bulk
 * without the cost of a call. SimGrid plays only the one that "cost" finds faster.
 *
 * Units seconds, bytes. Errors RB_EUSAGE: too many ranks or steps. */
#ifndef RB_SCALE_SIMULATE_H
#define RB_SCALE_SIMULATE_H

#include "report/records.h"
#include "scale/fabric.h"

#define SIMULATE_MOST_STEPS 6e7
#define SIMULATE_MOST_CONNECTIONS 4e6 /* half a KiB each */

struct simulation {
    const struct cluster *cluster;
    const struct algorithm *algorithm;
    struct group group;
    uint64_t bytes, piece_bytes; /* nccl-tests' size; 0: whole chunks */
    const char *engine;   /* "cost", "simgrid", "smpirun" */
    const char *protocol; /* "auto", "bulk", "fast", "bare" */
    const char *keep;     /* folder for the simulator's files; NULL: none */
    const char *label;    /* of the record; NULL: "" */
    bool every_rank;      /* do not fold */
};

struct simulated {
    double seconds;
    const char *protocol; /* "bulk" or "fast" */
    int period;           /* ranks that were played; nranks: all */
    struct cost_result cost;
    double wire_bytes;    /* busiest direction of the busiest rank */
    char busiest[40];     /* the link that is loaded most, "" unknown */
    double busiest_share; /* of the time that it works at its full rate */
};

/* Checks algorithm, ranks, servers, root; fills group.nodes where the algorithm has levels. */
int simulation_check(struct simulation *s);
int simulate(const struct simulation *s, struct simulated *result_p);
/* A record as run gives one: kind case, evidence "simulated". */
void simulation_record(const struct simulation *s, const struct simulated *r, struct record_case *c);
/* Elements of a block for nccl-tests' size, 4-byte elements. */
uint64_t simulation_count(const struct simulation *s);

#endif
