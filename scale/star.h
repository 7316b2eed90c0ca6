/* scale/star.h - many servers of many workers: two rounds of equal messages, no events.
 *
 * Applies where some ranks serve: everybody pushes a shard to each of them at once, a server hands its result to all when it has the last, and
 * shards are alike but for a grain of 16 bytes. Links are shared fairly, so the messages over the link that is loaded most for its rate,
 * all of one size, share it evenly from beginning to end: a round lasts
 *     max over links of bytes / rate
 * and no message is later. Every server must get one that comes over such a link, or servers would begin their second round one after the
 * other: then it is for collectives/cost.h to say, which this agrees with to microseconds of latency. Arithmetic must be free, chunks whole.
 *
 * Where every rank serves and the network repeats, one period of servers stands for all: what it loads a folded link with is what all load each of
 * that link's images with.
 *
 * Units seconds, bytes. */
#ifndef RB_SCALE_STAR_H
#define RB_SCALE_STAR_H

#include "scale/fabric.h"

#define STAR_MOST_MESSAGES 4e8

/* False: the schedule or the network is not like that. wire_bytes: of the busiest direction of the busiest rank. */
bool star_run(const struct cost_setup *setup, const struct fabric *f, struct cost_result *result_p, double *wire_bytes_p);

#endif
