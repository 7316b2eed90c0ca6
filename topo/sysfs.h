/* topo/sysfs.h - numbers from the kernel's one-line files. */
#ifndef RB_TOPO_SYSFS_H
#define RB_TOPO_SYSFS_H

/* The number that the file begins with ("32.0 GT/s PCIe", "4: ACTIVE"), 0 when there is none. */
double sysfs_number(const char *path);

#endif
