/* workload/predict.h - how long a program takes, from the prices of its parts.
 *
 * Every rank walks through its actions with a clock of its own. A call begins when the last of its group has started it and the one
 * before it in its queue is over, and takes what the price list says. A rank that waits for a call goes on at the later of
 *     the end of the call,
 *     its own clock + core_share x the call's time (what of the call its own core had to do while it could have computed).
 * With core_share 1 (ranks that move their bytes themselves) only waiting for each other can be hidden, not the moving; with 0
 * everything that ends before it is waited for. Who hands over pays nothing, who receives does.
 *
 * The modes are those of play.h, so that each part stands beside its measurement. Pure. Units seconds. */
#ifndef RB_WORKLOAD_PREDICT_H
#define RB_WORKLOAD_PREDICT_H

#include "workload/play.h"
#include "workload/prices.h"

/* Of the slowest rank. RB_EINTERNAL when the programs wait for each other for ever. */
int predict(const struct program *programs, const struct grid *grid, const struct prices *prices, enum play_mode mode, double *sec_p);

#endif
