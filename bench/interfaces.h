/* bench/interfaces.h - this host's network interfaces as the kernel uses them (IPv4). Sends nothing. */
#ifndef RB_BENCH_INTERFACES_H
#define RB_BENCH_INTERFACES_H

#include <stddef.h>
#include <stdint.h>

/* Addresses of the interfaces that are up, loopback left out; network byte order, 0 ends the list when it is not full. */
void interfaces_addresses(uint32_t *addresses, size_t room);

enum { INTERFACE_TEXT = 64 };
struct interface {
    char name[INTERFACE_TEXT]; /* "eth0"; "" unknown */
    double GBps;               /* its wire, as the driver says; NAN unknown, and for virtual ones */
};
/* The one by which the kernel sends to a peer that has these addresses. */
void interfaces_route(const uint32_t *peer_addresses, size_t count, struct interface *i);

#endif
