/* collectives/transport/verbs_port.h - which RDMA device, port and GID this rank uses.
 *
 * Choice: the one that is forced (--device NAME[:PORT]); else the one that the topology says is near; else the first port
 * that is active and has an address. On Ethernet (RoCE) the address is a GID: version 2 over IPv4 before version 2 over a
 * routable IPv6 address, before version 2 link-local, before version 1, which no router forwards. InfiniBand uses GID 0,
 * and the LID within one subnet (InfiniBand specification, volume 1, chapter 4).
 *
 * Errors RB_E*, printed. Threads: any, each with its own struct. */
#ifndef RB_TRANSPORT_VERBS_PORT_H
#define RB_TRANSPORT_VERBS_PORT_H

#include "collectives/transport/verbs_api.h"

#include <stdbool.h>

enum { VERBS_NAME = 64 };

struct verbs_port {
    const struct verbs_api *api;
    struct ibv_context *context;
    char name[VERBS_NAME]; /* device:port, "mlx5_0:1" */
    char device[VERBS_NAME];
    uint8_t port;
    struct ibv_port_attr attr;
    struct ibv_device_attr limits;
    struct ibv_gid_entry gid;
};

/* False and a static text when no port of any device can be used. */
bool verbs_port_any(const char **why_p);
/* forced, near: NULL or a name. Close it with verbs_port_close(). */
int verbs_port_open(struct verbs_port *port, const char *forced, const char *near);
void verbs_port_close(struct verbs_port *port);

/* How many bytes a packet of this MTU carries. */
uint32_t verbs_mtu_bytes(enum ibv_mtu mtu);
/* Index of the best entry for this link layer, -1 when none serves. */
int verbs_gid_choose(const struct ibv_gid_entry *entries, int count, bool ethernet);
/* "RoCE v2", "RoCE v1", "InfiniBand" */
const char *verbs_gid_kind(uint32_t type);

#endif
