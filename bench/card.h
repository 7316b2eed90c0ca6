/* bench/card.h - which network card is near a rank. */
#ifndef RB_BENCH_CARD_H
#define RB_BENCH_CARD_H

#include "bench/session.h"

enum { CARD_NAME = 64 };

/* The RDMA device with the shortest way to `place`, a device of the topology: the rank's GPU or core; ranks of a machine take turns among
 * equally near ones. A card whose link is down does not count. NULL when the topology knows none, or place is -1. sysfs: "/sys". */
const char *card_near(const struct session *s, int place, const char *sysfs, char name[CARD_NAME]);

#endif
