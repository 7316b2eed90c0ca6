/* collectives/transport/verbs_counters.h - the packet counters of an RDMA port, from the kernel's files.
 *
 * Sources  Linux Documentation/ABI/stable/sysfs-class-infiniband (port_xmit_packets, port_rcv_packets, hw_counters); the names of
 *          Soft-RoCE's are those of its driver, drivers/infiniband/sw/rxe/rxe_hw_counters.c. */
#ifndef RB_TRANSPORT_VERBS_COUNTERS_H
#define RB_TRANSPORT_VERBS_COUNTERS_H

#include "collectives/transport/transport.h"

/* Fills counted, counts_loops, sent, received and retried; the rest of *card stays. root: "/sys/class/infiniband". Waits as
 * long as the kernel may answer from memory (about 10 ms). */
void verbs_counters_read(const char *root, const char *device, unsigned port, struct transport_card *card);

#endif
