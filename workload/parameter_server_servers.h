/* workload/parameter_server_servers.h - one server against k against the ring: bytes, incast and time of one push and pull.
 *
 * Bytes and incast are counted in the schedules that the program plays. Times are measured with the ranks at hand, and for any number
 * of workers estimated: the schedule, step by step, where every rank has a port of its own with the latency and rate that the ring
 * measured here (cost.h). An estimate says what the ports cost, not what sharing cores or memory adds.
 *
 * A dedicated server does not work and adds to the ranks; a co-located one is one of the workers.
 *
 * Units seconds, bytes, bytes per second. Errors RB_*. */
#ifndef RB_WORKLOAD_PARAMETER_SERVER_SERVERS_H
#define RB_WORKLOAD_PARAMETER_SERVER_SERVERS_H

#include "collectives/comm.h"
#include "collectives/cost.h"

enum { SERVERS_WORKERS = 16, SERVERS_MOST = 3 * SERVERS_WORKERS * SERVERS_WORKERS };

struct servers_row {
    const struct algorithm *algorithm;
    int workers, servers, ranks;       /* servers 0: the ring */
    uint64_t bytes;                    /* of the weights */
    uint64_t total, egress, ingress;   /* of all ranks; of the busiest, each way */
    int incast;                        /* the most ranks that send to one */
    double measured_sec, estimated_sec; /* NAN: not measured */
};

struct servers_study {
    struct cost_links links; /* fitted to the ring here */
    double ring_sec[2];      /* what they were fitted to, */
    uint64_t ring_bytes[2];  /* at these sizes */
    int nodes;               /* machines that it was measured on */
    struct servers_row *rows;
    size_t nrows;
};

/* What one call moves, from the schedule. */
int servers_count(struct servers_row *row);
/* Seconds of a call over such ports. */
double servers_estimate(const struct servers_row *row, const struct cost_links *links);
/* Collective; the rows are the same on all ranks. The caller frees with servers_free(). comm: of all ranks, transport that moves. */
int servers_study(struct job *job, struct comm *comm, uint64_t bytes, struct servers_study *study_p);
void servers_free(struct servers_study *s);

/* The row of so many workers; servers 0: the ring. NULL when there is none. */
const struct servers_row *servers_find(const struct servers_study *s, const char *algorithm, int workers, int servers);

#endif
