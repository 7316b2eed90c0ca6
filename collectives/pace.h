/* collectives/pace.h - slower links in the place of fast ones: when a slice may go, by virtual clocks of the ranks' ports.
 *
 * Every rank has one port to all others, with a clock for what leaves and one for what arrives: the time until which it is taken.
 * A slice moves both clocks on by bytes / rate and goes when the later of the two has come, plus the latency; so several
 * senders to one receiver share its port (incast), and absolute times do not drift. A port that was idle for longer than the burst
 * does not save up what it did not use.
 *
 * Plain data for C and C++. Clocks are shared by all ranks and changed by compare and swap; ns of the back end's clock, the same
 * for all of them (one machine, or one GPU). */
#ifndef RB_COLLECTIVES_PACE_H
#define RB_COLLECTIVES_PACE_H

#include <stdint.h>

/* One cache line a clock. */
struct pace_clock {
    uint64_t taken_ns;
    uint64_t unused[15];
};

struct pace {
    struct pace_clock **egress, **ingress; /* [nranks] */
    int rank;
    double ns_per_byte;
    uint64_t latency_ns, burst_ns;
};

#endif
