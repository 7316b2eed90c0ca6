/* bench/pairs_plans.h - the schedules of two ranks of a group: those at positions 0 and 1 of its ring. */
#ifndef RB_BENCH_PAIRS_PLANS_H
#define RB_BENCH_PAIRS_PLANS_H

#include "collectives/schedule.h"

extern const struct algorithm pair_ping_pong, pair_one_way, pair_both_ways;

#endif
