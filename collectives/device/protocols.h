/* collectives/device/protocols.h - which protocol is the fastest at what size on a GPU: rows of report/data/gpu_protocols.csv that were measured.
 *
 * Errors: a file that is damaged is RB_EUSAGE, printed; one without rows for this GPU, or none at all, leaves the choice to the caller. */
#ifndef RB_COLLECTIVES_PROTOCOLS_H
#define RB_COLLECTIVES_PROTOCOLS_H

#include "collectives/comm.h"

enum { PROTOCOL_RULES = 64 };

/* Plain data: rank 0's is every rank's. */
struct protocol_rules {
    int count;
    struct protocol_rule {
        char algorithm[40]; /* family */
        uint64_t up_to;     /* bytes of a call */
        int32_t protocol;   /* enum comm_protocol */
    } rule[PROTOCOL_RULES];
};

/* link: "one_gpu", "peer", "staged". */
int protocols_read(struct protocol_rules *rules, const char *path, const char *gpu, const char *link, int nranks);
/* PROTOCOL_AUTO: no row says. */
enum comm_protocol protocols_find(const struct protocol_rules *rules, const char *algorithm, uint64_t bytes);

#endif
