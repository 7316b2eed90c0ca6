/* bench/pairs.h - `--pairs`: every ordered pair of ranks by itself, as matrices, with the one that stands out named.
 *
 * Latency: half the round trip of 4 bytes. One way: 4 MiB, until the receiver has them. Both ways: the same in both directions
 * at once, the two added. Medians; the other ranks wait meanwhile. */
#ifndef RB_BENCH_PAIRS_H
#define RB_BENCH_PAIRS_H

#include "bench/session.h"
#include "bench/store.h"

/* Buffers that a rank needs for it, bytes. */
size_t pairs_region(void);
/* Collective. RB_EUSAGE with one rank, RB_EDATA when a message arrived changed. */
int pairs_run(struct session *s, struct store *store);

/* Marks the outliers of a list: worse than the median by more than five spreads and a quarter. */
struct pairs_outlier {
    size_t index;       /* of the worst; count: none */
    const char *figure; /* "latency", "one way", "both ways" */
    double times;       /* how often as bad as the median */
};
void pairs_judge(struct record_pair *pairs, size_t count, struct pairs_outlier *worst);

#endif
