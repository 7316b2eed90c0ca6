/* bench/hosts.h - the hosts of a job: their names and addresses, and whether they are alike.
 *
 * Hosts that run another version or another binary cannot work together: that is an error. Another machine, or a clock that
 * is off, only spoils what is concluded: a warning. Each host that differs from rank 0's has one line.
 *
 * Errors RB_OK or RB_E*; lines are printed by the rank that calls (rank 0), all ranks come to the same result. */
#ifndef RB_BENCH_HOSTS_H
#define RB_BENCH_HOSTS_H

#include "core/job.h"

#include <stddef.h>
#include <stdint.h>

enum { HOST_NAME = 64, HOST_ADDRESSES = 8, HOST_RANKS_TEXT = 48 };

/* What a rank tells of its host. The first three members stay where they are in every version: they are compared first. */
struct host_facts {
    char name[HOST_NAME];
    char version[32];
    uint64_t binary; /* hash of the program's file; 0: it cannot be read */
    int32_t node;
    uint32_t addresses[HOST_ADDRESSES]; /* IPv4, network byte order, 0 ends the list */
};

/* What is known later. */
struct host_condition {
    char machine[160]; /* the topology in a line */
    double clock_sec;  /* of the day, right after a barrier */
};

struct hosts {
    int nranks;
    struct host_facts *of;             /* [nranks]; does not change, so that other threads may read it */
    struct host_condition *conditions; /* [nranks], NULL until they are gathered */
};

/* Collective: names, addresses, version, binary. hosts_free() it. */
int hosts_gather(struct hosts *h, struct job *job);
/* Collective: the topology in a line, and the clock. */
int hosts_gather_conditions(struct hosts *h, struct job *job, const char *machine);
void hosts_free(struct hosts *h);

/* RB_EUSAGE when a host has another version or binary than rank 0's, with a line for each. */
int hosts_same_program(const struct hosts *h);
/* Warns of hosts with another topology than rank 0's, or whose clock is off, a line each. Returns how many lines. */
int hosts_same_conditions(const struct hosts *h);

/* "rank 2", "ranks 4-7", "ranks 0,3,6": those of a host. */
const char *hosts_ranks(const struct hosts *h, int node, char text[HOST_RANKS_TEXT]);
/* How many hosts, if all have the same number of ranks; else 0. */
int hosts_even(const struct hosts *h);
/* The first rank of a host, or -1. */
int hosts_first_rank(const struct hosts *h, int node);

#endif
