#include "bench/interfaces.h"

#include "core/text.h"
#include "topo/nic_rate.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <math.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t address_of(const struct ifaddrs *a)
{
    const unsigned wanted = IFF_UP | IFF_RUNNING;
    if (a->ifa_addr == NULL || a->ifa_addr->sa_family != AF_INET || (a->ifa_flags & wanted) != wanted)
        return 0;
    struct sockaddr_in in;
    memcpy(&in, a->ifa_addr, sizeof in);
    return in.sin_addr.s_addr;
}

void interfaces_addresses(uint32_t *addresses, size_t room)
{
    struct ifaddrs *all = NULL;
    size_t n = 0;
    memset(addresses, 0, room * sizeof *addresses);
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *a = all; a != NULL && n < room; a = a->ifa_next) {
        const uint32_t address = a->ifa_flags & IFF_LOOPBACK ? 0 : address_of(a);
        if (address != 0)
            addresses[n++] = address;
    }
    freeifaddrs(all);
}

/* A connected datagram socket has the address that the kernel would send from. */
static uint32_t source_for(uint32_t peer)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = peer }, from = {0};
    socklen_t length = sizeof from;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool told = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && getsockname(fd, (struct sockaddr *)&from, &length) == 0;
    if (fd >= 0)
        close(fd);
    return told ? from.sin_addr.s_addr : 0;
}

static bool name_of(uint32_t address, char *name, size_t room)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *a = all; a != NULL && !found; a = a->ifa_next) {
        found = address_of(a) == address;
        if (found)
            snprintf(name, room, "%s", a->ifa_name);
    }
    freeifaddrs(all);
    return found;
}

/* A virtual interface hangs on no device, and what it says of its speed means nothing. */
static double rate_of(const char *name)
{
    char *device = rb_format("/sys/class/net/%s/device", name);
    const double rate = access(device, F_OK) == 0 ? nic_rate_net("/sys", name) : 0;
    free(device);
    return rate > 0 ? rate : NAN;
}

void interfaces_route(const uint32_t *peer_addresses, size_t count, struct interface *i)
{
    *i = (struct interface){ .GBps = NAN };
    for (size_t k = 0; k < count && peer_addresses[k] != 0; k++) {
        const uint32_t from = source_for(peer_addresses[k]);
        if (from == 0 || !name_of(from, i->name, sizeof i->name))
            continue;
        i->GBps = rate_of(i->name);
        return;
    }
}
