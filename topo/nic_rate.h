/* topo/nic_rate.h - the rate that a NIC's port has now, from the kernel's files. */
#ifndef RB_TOPO_NIC_RATE_H
#define RB_TOPO_NIC_RATE_H

/* The fastest active port of an RDMA device below ROOT/class/infiniband, "mlx5_0": GB/s, 0 when unknown. root: "/sys". */
double nic_rate_rdma(const char *root, const char *device);
/* The same for a network interface below ROOT/class/net, "eth0". */
double nic_rate_net(const char *root, const char *interface);

#endif
