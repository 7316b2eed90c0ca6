/* topo/hosts.h - what a job over several hosts has to know of where its ranks are.
 *
 * A host is what MPI calls a node. Several of them may be one machine (containers, network namespaces, several daemons of a
 * batch system): then their ranks share its cores, and each host alone cannot see that.
 *
 * Errors RB_OK or RB_E*. */
#ifndef RB_TOPO_HOSTS_H
#define RB_TOPO_HOSTS_H

#include "core/job.h"
#include "topo/topology.h"

#include <stdint.h>

/* The same for all processes under one kernel, whatever their names and networks; 0: not known. */
uint64_t hosts_machine(void);
/* Collective: how many ranks of the job run on this rank's machine. */
int hosts_ranks_here(struct job *job, int *count_p);

/* Collective: the order of all ranks for a ring over all hosts. The ranks of a host stand together, in the order of
 * topology_entry_ranks() by its own topology t, so that one hop leads into each host and one out of it. order has room for
 * job->nranks. On one host: topology_ring_ranks(). */
int hosts_ring(const struct topology *t, struct job *job, int *order);
/* The same by the device (a GPU) that each rank uses, as its own host's topology numbers it; -1: not known, and then, on any rank,
 * hosts_ring(). */
int hosts_ring_devices(const struct topology *t, struct job *job, int device, int *order);

#endif
