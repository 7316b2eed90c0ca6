/* bench/session.h - what a measuring rank holds: job, connections, buffers, heartbeat. Plain data, filled by run.c. */
#ifndef RB_BENCH_SESSION_H
#define RB_BENCH_SESSION_H

#include "bench/emulate.h"
#include "bench/baselines.h"
#include "bench/hosts.h"
#include "bench/interfaces.h"
#include "bench/settings.h"
#include "collectives/comm.h"
#include "core/heartbeat.h"
#include "core/job.h"
#include "topo/topology.h"

enum { SESSION_TRANSPORTS = 16 };

struct pcie;

struct channel {
    const char *asked; /* value of --transport */
    struct comm *comm;
};

struct session {
    const struct settings *settings;
    struct job *job;
    struct heartbeat *heartbeat;
    enum heartbeat_phase phase; /* of our own calls: warming up or timing */
    struct topology *topology; /* of this machine */
    struct topology_binding binding; /* core -1: not bound */
    bool crowded;                    /* more ranks than cores */
    struct hosts hosts;
    struct interface interface; /* towards the other hosts; "" on one */
    int *ring;                       /* order of the ranks */
    struct channel channels[SESSION_TRANSPORTS];
    size_t nchannels;
    struct emulation emulation;          /* GBps 0: none */
    bool on_gpu;                         /* buffers are the GPUs' */
    struct baselines baselines;
    struct pcie *pcie;                   /* of the GPUs; NULL: none */
    char *region;                        /* in the first channel's memory */
    size_t region_bytes;
    double clock_sec; /* cost of reading the clock */
    double cpu_ticks, stolen_ticks; /* of the machine, when it began */
};

/* NULL when it is not open. */
struct comm *session_comm(const struct session *s, const char *asked);

#endif
