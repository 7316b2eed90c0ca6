#include "topo/pcie_rate.h"

#include "core/text.h"
#include "topo/graph.h"
#include "topo/sysfs.h"

#include <stdlib.h>

double pcie_GBps(double GTps, double lanes)
{
    if (!(GTps > 0) || !(lanes > 0))
        return 0;
    const double encoding = GTps <= 5 ? 0.8 : GTps <= 32 ? 128.0 / 130.0 : 242.0 / 256.0;
    return GTps * lanes * encoding / 8;
}

static double read_field(const char *root, const char *bus, const char *field)
{
    char *path = rb_format("%s/bus/pci/devices/%s/%s", root, bus, field);
    const double v = sysfs_number(path); /* "32.0 GT/s PCIe", "16", "Unknown" */
    free(path);
    return v;
}

double pcie_rate(const char *root, const char *bus)
{
    return pcie_GBps(read_field(root, bus, "max_link_speed"), read_field(root, bus, "current_link_width"));
}

void probe_pcie_rates(struct topology *t)
{
    for (size_t i = 0; i < t->ndevices; i++) {
        struct topology_device *d = &t->devices[i];
        const double rate = d->bus[0] != '\0' ? pcie_rate("/sys", d->bus) : 0;
        if (rate > 0 && !(d->uplink.GBps > rate))
            d->uplink = ceiling_of(rate, CEILING_QUERIED);
    }
}
