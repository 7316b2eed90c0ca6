/* bench/pcie.h - the PCIe link of each rank's GPU as the driver tells it while a call is under way: an idle GPU lowers the generation, and a
 * board in a narrow or old slot never reaches its best one.
 *
 * Without the driver's library, or a GPU that it does not know, there is nothing to tell: that is no error.
 *
 * Units: GB/s = 1e9 bytes per second, one direction. Errors: RB_*, printed. Collective but for pcie_close and what rank 0 writes. */
#ifndef RB_BENCH_PCIE_H
#define RB_BENCH_PCIE_H

#include "bench/measure.h"
#include "topo/nvml.h"

struct pcie_rank {
    int node, gpu; /* -1: not known */
    struct nvml_pcie busy, best;
};

struct pcie {
    struct nvml *driver;
    struct pcie_rank mine;
    struct pcie_rank *all; /* [nranks]; NULL: not asked */
};

int pcie_open(struct pcie **pcie_p, const struct session *s);
void pcie_close(struct pcie *p); /* NULL is legal */
/* While a call of ours runs on the first place. */
int pcie_look(struct session *s, const struct unit *u);
/* What the slowest link carries for each of the ranks that share its GPU; NAN: not known. */
double pcie_link_GBps(const struct session *s);
/* For the record, after the last look: a new reference, NULL without one. And one line of the summary. */
json_t *pcie_json(const struct session *s);
void pcie_print(FILE *out, const struct session *s);

#endif
