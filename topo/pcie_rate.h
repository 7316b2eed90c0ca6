/* topo/pcie_rate.h - what a PCIe link can do, from the kernel's files: an idle GPU's link runs at the lowest speed, and
 * that is what hwloc reads.
 *
 * Formula  lanes now * highest transfer rate * encoding / 8: 8b/10b up to 5 GT/s, 128b/130b up to 32 GT/s, 242/256 of
 *          the flits at 64 GT/s (PCI Express Base Specification 6.0). */
#ifndef RB_TOPO_PCIE_RATE_H
#define RB_TOPO_PCIE_RATE_H

/* Device "0000:17:00.0" below ROOT/bus/pci/devices, root: "/sys". GB/s in one direction, 0 when unknown. */
double pcie_rate(const char *root, const char *bus);

/* GB/s of so many lanes at GT/s each. */
double pcie_GBps(double GTps, double lanes);

#endif
