#include "topo/nic_rate.h"

#include "core/text.h"
#include "topo/graph.h"
#include "topo/sysfs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "400 Gb/sec (4X NDR)" in ports/1/rate; "4: ACTIVE" in ports/1/state. */
static double port_rate(const char *ports, const char *port)
{
    char *state = rb_format("%s/%s/state", ports, port), *rate = rb_format("%s/%s/rate", ports, port);
    const double number = sysfs_number(state), gbits = sysfs_number(rate);
    free(state);
    free(rate);
    return number == 4 && gbits > 0 ? gbits / 8 : 0;
}

double nic_rate_rdma(const char *root, const char *device)
{
    char *ports = rb_format("%s/class/infiniband/%s/ports", root, device);
    DIR *dir = opendir(ports);
    double best = 0;
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        const double rate = e->d_name[0] == '.' ? 0 : port_rate(ports, e->d_name);
        if (rate > best)
            best = rate;
    }
    if (dir != NULL)
        closedir(dir);
    free(ports);
    return best;
}

double nic_rate_net(const char *root, const char *interface)
{
    char *path = rb_format("%s/class/net/%s/speed", root, interface);
    const double mbits = sysfs_number(path); /* -1: a virtual one that has no rate */
    free(path);
    return mbits > 0 ? mbits / 8000 : 0;
}

void probe_nic_rates(struct topology *t)
{
    for (size_t i = 0; i < t->ndevices; i++) {
        struct topology_device *d = &t->devices[i];
        if (d->kind != TOPO_NIC)
            continue;
        char name[sizeof d->detail];
        snprintf(name, sizeof name, "%s", d->detail);
        name[strcspn(name, " /")] = '\0';
        double rate = nic_rate_rdma("/sys", name);
        if (rate == 0)
            rate = nic_rate_net("/sys", name);
        if (rate > 0)
            d->rate = ceiling_of(rate, CEILING_QUERIED);
    }
}
