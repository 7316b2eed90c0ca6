/* bench/packets.h - did the bytes of each row go through the network card?
 *
 * The timed calls of a unit's rows take turns, and reading the ports' counters takes longer than most calls (the kernel renews them
 * every 10 ms). So they are read around all of them together, and then, row by row, around a few calls of that row alone: these are in
 * its record. A row that fails either way is refused: marked absent, so that it has neither line nor record.
 *
 * Errors RB_*, printed. All calls are collective and come to the same result on all ranks. */
#ifndef RB_BENCH_PACKETS_H
#define RB_BENCH_PACKETS_H

#include "bench/measure.h"

struct packets_before {
    struct transport_card of[SESSION_TRANSPORTS]; /* by channel */
};

/* Both are free where no channel has a card. */
int packets_begin(struct session *s, struct packets_before *before);
/* After the last timed call. */
int packets_end(struct session *s, struct unit *u, const struct packets_before *before);

#endif
