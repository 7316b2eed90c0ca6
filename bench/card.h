/* bench/card.h - which network card is near a rank. */
#ifndef RB_BENCH_CARD_H
#define RB_BENCH_CARD_H

#include "bench/session.h"

enum { CARD_NAME = 64 };

/* The RDMA device with the shortest way to the core that this rank is bound to; ranks of a machine take turns among equally near
 * ones. NULL when the topology knows none. */
const char *card_near(const struct session *s, char name[CARD_NAME]);

#endif
